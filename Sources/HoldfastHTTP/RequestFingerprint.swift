public import HoldfastIdempotency

/// What a request says, as far as its repeat has to say the same: the method, the target, what its body is, the fields that
/// a route names, and the body.
///
/// What may differ between two tries without a difference in meaning is left out, or written in one way: how a media type
/// is spelled (``MediaType``), and the boundary of a multipart body (RFC 2046, section 5.1.1), also of those in its parts.
/// Everything else counts to the byte, in order, with its absence and all its values.
public struct RequestFingerprint: Sendable {
    /// A field that a route names, and all its values, in order.
    public struct Field: Sendable {
        public let name: String
        public let values: [String]

        public init(name: String, values: [String]) {
            self.name = name
            self.values = values
        }
    }

    /// How deep multipart bodies within multipart bodies are looked at: a batch of sets of changes is two.
    private static let depthBound = 3

    public var method: String
    /// The path and the query.
    public var target: String
    /// All values of `Content-Type`.
    public var contentTypes: [String]
    /// All values of `Content-Encoding`, whose codings are compared as RFC 9110, section 8.4.1, does: whatever their case, in
    /// one field or in several, `x-gzip` as `gzip`. A body that is encoded is not taken apart.
    public var contentEncodings: [String]
    /// In an order that the route keeps.
    public var fields: [Field]

    public init(
        method: String, target: String, contentTypes: [String] = [], contentEncodings: [String] = [],
        fields: [Field] = []
    ) {
        self.method = method
        self.target = target
        self.contentTypes = contentTypes
        self.contentEncodings = contentEncodings
        self.fields = fields
    }

    /// The fingerprint under a store's secret.
    ///
    /// - Parameters:
    ///   - secret: The store's, which fingerprints are hashed under.
    ///   - pieces: The body, in as many pieces as it came in.
    public func fingerprint(under secret: StoreSecret, body pieces: [some Collection<UInt8>]) -> Fingerprint {
        secret.fingerprint { words in
            words.add("request 2")
            words.add(method)
            words.add(target)
            let codings = codings
            add(codings, to: &words)
            words.add(count: fields.count)
            for field in fields {
                words.add(field.name)
                add(field.values, to: &words)
            }
            guard contentTypes.count == 1, let type = MediaType(contentTypes[0]) else {
                // There is none, or what there is has no meaning that could be compared.
                words.add("as sent")
                add(contentTypes, to: &words)
                return words.add(pieces: pieces)
            }
            if type.type == "multipart", codings.isEmpty, let boundary = type.parameters["boundary"] {
                let body = pieces.reduce(into: [UInt8]()) { $0.append(contentsOf: $1) }
                var left = MultipartBody.partBound
                if let parts = MultipartBody(body, in: 0..<body.count, boundary: boundary, atMost: left) {
                    left -= parts.parts.count
                    words.add("multipart")
                    add(type, to: &words, hasBoundary: false)
                    return add(parts, of: body, to: &words, depth: 1, &left)
                }
            }
            words.add("type")
            add(type, to: &words)
            words.add(pieces: pieces)
        }
    }

    /// In the order in which they were applied.
    private var codings: [String] {
        contentEncodings.joined(separator: ",").split(separator: ",").compactMap { element in
            let name = Substring(element.utf8.trimmed).lowercased()
            return switch name {
            case "": nil
            case "x-gzip": "gzip"
            case "x-compress": "compress"
            default: name
            }
        }
    }

    private func add(_ values: [String], to words: inout FingerprintWords) {
        words.add(count: values.count)
        for value in values { words.add(value) }
    }

    private func add(_ type: MediaType, to words: inout FingerprintWords, hasBoundary: Bool = true) {
        words.add(type.type)
        words.add(type.subtype)
        let parameters = type.parameters.filter { hasBoundary || $0.key != "boundary" }.sorted { $0.key < $1.key }
        words.add(count: parameters.count)
        for (name, value) in parameters {
            words.add(name)
            words.add(value)
        }
    }

    /// - Parameter left: How many parts may still be found in these.
    private func add(
        _ parts: MultipartBody, of body: [UInt8], to words: inout FingerprintWords, depth: Int, _ left: inout Int
    ) {
        func add(_ range: Range<Int>?, to words: inout FingerprintWords) {
            words.add(count: range == nil ? 0 : 1)
            if let range { words.add(body[range]) }
        }
        add(parts.preamble, to: &words)
        words.add(count: parts.paddings.count)
        for padding in parts.paddings { words.add(body[padding]) }
        words.add(count: parts.parts.count)
        for part in parts.parts { addPart(part, of: body, to: &words, depth: depth, &left) }
        add(parts.epilogue, to: &words)
    }

    private func addPart(
        _ part: Range<Int>, of body: [UInt8], to words: inout FingerprintWords, depth: Int, _ left: inout Int
    ) {
        guard depth < Self.depthBound, left > 0, let head = PartHead(body, in: part, &left),
            let boundary = head.type.parameters["boundary"],
            let parts = MultipartBody(body, in: head.end..<part.upperBound, boundary: boundary, atMost: left)
        else {
            words.add("part")
            return words.add(body[part])
        }
        left -= parts.parts.count
        words.add("parts")
        words.add(body[part.lowerBound..<head.value.lowerBound])
        add(head.type, to: &words, hasBoundary: false)
        words.add(body[head.value.upperBound..<head.end])
        add(parts, of: body, to: &words, depth: depth + 1, &left)
    }
}

/// The head of a part that says once what the part is: a multipart body again.
///
/// A stranger has as many of them as its body has room for, so that what is not meant costs no more than a look at its
/// bytes; what is read of a media type is taken from the parts that may still be found.
private struct PartHead {
    /// The longest head that is looked at.
    private static let bound = 16 << 10

    let type: MediaType
    /// Where the value of its `Content-Type` is, with the lines that go on with it.
    let value: Range<Int>
    /// Where the part's content begins.
    let end: Int

    init?(_ bytes: [UInt8], in part: Range<Int>, _ left: inout Int) {
        var start = part.lowerBound
        let last = min(part.upperBound, part.lowerBound + Self.bound)
        var found: Range<Int>?
        while true {
            // A line that begins with a space goes on with the one before (RFC 2045 and RFC 822 fold so).
            var end = start
            repeat {
                while end + 1 < last, !(bytes[end] == 0x0D && bytes[end + 1] == 0x0A) { end += 1 }
                guard end + 1 < last else { return nil }
                end += 2
            } while end - 2 > start && end < last && (bytes[end] == 0x20 || bytes[end] == 0x09)
            let line = start..<end - 2
            start = end
            if line.isEmpty { break }
            let name = Self.name.utf8.count
            guard line.count > name, bytes[line.lowerBound + name] == UInt8(ascii: ":"),
                Self.begins(bytes[line], with: Self.name)
            else { continue }
            guard found == nil else { return nil }
            found = line.lowerBound + name + 1..<line.upperBound
        }
        guard let found else { return nil }
        let text = bytes[found].map { $0 == 0x0D || $0 == 0x0A ? 0x20 : $0 }
        guard Self.begins(text.drop { $0 == 0x20 || $0 == 0x09 }, with: "multipart/") else { return nil }
        let cost = text.count { $0 == UInt8(ascii: ";") }
        guard cost <= left else { return nil }
        left -= cost
        guard let type = MediaType(String(decoding: text, as: UTF8.self)) else { return nil }
        (self.type, value, end) = (type, found, start)
    }

    private static let name = "content-type"

    /// - Parameter name: In lower case.
    private static func begins(_ bytes: ArraySlice<UInt8>, with name: String) -> Bool {
        bytes.count >= name.utf8.count
            && zip(bytes, name.utf8).allSatisfy { byte, wanted in
                (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 == wanted : byte == wanted
            }
    }
}
