/// A response as it is kept and replayed: the status, the fields that may be replayed, and the exact bytes of the body.
public struct RecordedResponse: Sendable, Hashable {
    /// A field's name and value.
    public struct Field: Sendable, Hashable {
        public let name: String
        public let value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The fields that may be replayed, in lower case. `Set-Cookie` would hand one session to another; fields of the
    /// connection belong to another connection; all the rest is left out because nobody has shown that it is safe.
    public static let replayableFields: Set<String> = [
        "cache-control", "content-disposition", "content-encoding", "content-language", "content-location",
        "content-type", "etag", "expires", "last-modified", "link", "location", "request-id", "vary", "x-request-id",
    ]

    public let status: Int
    public let fields: [Field]
    public let body: [UInt8]

    /// - Parameter fields: All the response's fields; those that may not be replayed are left out.
    public init(status: Int, fields: [Field], body: [UInt8]) {
        self.status = status
        self.fields = fields.filter { Self.replayableFields.contains($0.name.lowercased()) }
        self.body = body
    }
}

extension RecordedResponse {
    private static let formatVersion: UInt8 = 1

    /// The response as bytes for a store: version, status, fields and body, each text and the body with its length.
    public var encoded: [UInt8] {
        var bytes: [UInt8] = [Self.formatVersion]
        bytes.reserveCapacity(body.count + 256)
        bytes.append(number: status)
        bytes.append(number: fields.count)
        for field in fields {
            bytes.append(counted: Array(field.name.utf8))
            bytes.append(counted: Array(field.value.utf8))
        }
        bytes.append(counted: body)
        return bytes
    }

    /// Reads what ``encoded`` wrote; nil for anything else.
    public init?(encoded: [UInt8]) {
        var rest = encoded[...]
        guard rest.popFirst() == Self.formatVersion, let status = rest.takeNumber(), let count = rest.takeNumber()
        else { return nil }
        var fields: [Field] = []
        for _ in 0..<count {
            guard let name = rest.takeCounted(), let value = rest.takeCounted() else { return nil }
            fields.append(
                Field(name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self)))
        }
        guard let body = rest.takeCounted(), rest.isEmpty else { return nil }
        self.init(status: status, fields: fields, body: Array(body))
    }
}

extension [UInt8] {
    fileprivate mutating func append(number: Int) {
        Swift.withUnsafeBytes(of: UInt32(clamping: number).littleEndian) { append(contentsOf: $0) }
    }

    fileprivate mutating func append(counted bytes: [UInt8]) {
        append(number: bytes.count)
        append(contentsOf: bytes)
    }
}

extension ArraySlice<UInt8> {
    fileprivate mutating func takeNumber() -> Int? {
        guard count >= 4 else { return nil }
        let number = prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
        removeFirst(4)
        return number
    }

    fileprivate mutating func takeCounted() -> ArraySlice<UInt8>? {
        guard let length = takeNumber(), count >= length else { return nil }
        defer { removeFirst(length) }
        return prefix(length)
    }
}
