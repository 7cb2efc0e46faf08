#if Gateway && (FUZZ || DEBUG)
/// Reads HTTP/1 to the letter of RFC 9112, and stops at the first byte that another reader could take in another way:
/// what the gateway has understood, and what it has written, is compared with this.
struct StrictReader {
    /// Why it went no further.
    enum Stop: Hashable {
        case end
        /// More is to come.
        case incomplete
        case invalid(String)
    }

    struct Message: Hashable {
        /// A request's method; empty for a response.
        var method = ""
        var target = ""
        var status = 0
        var isOld = false
        var fields: [(name: String, value: String)] = []
        var body: [UInt8] = []
        var isWhole = false

        func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

        static func == (left: Message, right: Message) -> Bool {
            left.method == right.method && left.body == right.body && left.isWhole == right.isWhole
        }

        func hash(into hasher: inout Hasher) { hasher.combine(body) }
    }

    private struct Invalid: Error { let why: String }
    private struct Incomplete: Error {}

    private let bytes: [UInt8]
    private var place = 0
    private(set) var messages: [Message] = []
    private(set) var stop = Stop.end

    /// Requests, one after another.
    static func requests(_ bytes: [UInt8]) -> StrictReader {
        var reader = StrictReader(bytes: bytes)
        reader.readAll { reader, _ in try reader.readRequest() }
        return reader
    }

    /// Responses to requests of these methods, one after another.
    static func responses(_ bytes: [UInt8], to methods: [String]) -> StrictReader {
        var reader = StrictReader(bytes: bytes)
        reader.readAll { reader, finals in
            try reader.readResponse(to: finals < methods.count ? methods[finals] : "GET")
        }
        return reader
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private mutating func readAll(_ read: (inout StrictReader, Int) throws -> Void) {
        do {
            while place < bytes.count {
                try read(&self, messages.count { $0.status == 0 || $0.status >= 200 })
            }
        } catch let error as Invalid {
            stop = .invalid(error.why)
        } catch {
            stop = .incomplete
        }
    }

    // MARK: Messages

    private mutating func readRequest() throws {
        // Empty lines before a request are passed over (section 2.2), however they end.
        while place < bytes.count, bytes[place] == 0x0D || bytes[place] == 0x0A { place += 1 }
        if place == bytes.count { return }
        // More than one space between its words says nothing else (section 3).
        let words = try line().split(separator: 0x20)
        guard words.count == 3, Self.isToken(words[0]), !words[1].isEmpty,
            words[1].allSatisfy({ $0 > 0x20 && $0 != 0x7F })
        else { throw Invalid(why: "a request line") }
        var message = Message(method: Self.text(words[0]), target: Self.text(words[1]))
        switch Self.text(words[2]) {
        // A minor version that nobody knows is the highest that is known (RFC 9110, section 2.5).
        case "HTTP/1.1", "HTTP/1.2", "HTTP/1.3", "HTTP/1.4", "HTTP/1.5", "HTTP/1.6", "HTTP/1.7", "HTTP/1.8", "HTTP/1.9":
            break
        case "HTTP/1.0": message.isOld = true
        default: throw Invalid(why: "a version")
        }
        message.fields = try fields()
        try readBody(&message, without: 0)
    }

    private mutating func readResponse(to method: String) throws {
        let words = try line().split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
        guard words.count >= 2, Self.text(words[0]) == "HTTP/1.1", words[1].count == 3,
            let status = Int(Self.text(words[1])),
            status >= 100
        else { throw Invalid(why: "a status line") }
        var message = Message(status: status)
        message.fields = try fields()
        if method == "HEAD" || status < 200 || status == 204 || status == 304 {
            message.isWhole = true
            messages.append(message)
        } else {
            // Without a length, everything up to the end is its body.
            try readBody(&message, without: nil)
        }
    }

    /// - Parameter length: That of a body that is not announced; nil for all there is.
    private mutating func readBody(_ message: inout Message, without length: Int?) throws {
        let (codings, lengths) = (message.values("transfer-encoding"), message.values("content-length"))
        guard codings.isEmpty || lengths.isEmpty else { throw Invalid(why: "a length and a coding") }
        guard codings.count <= 1, lengths.count <= 1 else { throw Invalid(why: "two lengths, or two codings") }
        if let coding = codings.first {
            guard coding.lowercased() == "chunked", !message.isOld else { throw Invalid(why: "a coding") }
            messages.append(message)
            try readChunks()
        } else {
            let digits = lengths.first.map { Array($0.utf8) }
            if let digits, digits.isEmpty || !digits.allSatisfy({ (0x30...0x39).contains($0) }) {
                throw Invalid(why: "a length that is no number")
            }
            messages.append(message)
            // What is beyond all numbers is longer than what is there.
            try take(digits.map { Int(Self.text($0[...])) ?? .max } ?? length ?? bytes.count - place)
        }
        messages[messages.count - 1].isWhole = true
    }

    private mutating func take(_ count: Int) throws {
        let end = min(bytes.count, place + min(count, bytes.count))
        messages[messages.count - 1].body += bytes[place..<end]
        let isWhole = end - place == count
        place = end
        guard isWhole else { throw Incomplete() }
    }

    private mutating func readChunks() throws {
        while true {
            let size = try line().split(separator: UInt8(ascii: ";"), maxSplits: 1, omittingEmptySubsequences: false)[0]
            let digits = size.reversed().drop { $0 == 0x20 || $0 == 0x09 }.reversed()
            guard (1...16).contains(digits.count), digits.allSatisfy(Self.isHex),
                let count = Int(Self.text(Array(digits)[...]), radix: 16)
            else { throw Invalid(why: "a chunk's size") }
            if count == 0 {
                _ = try fields()
                return
            }
            try take(count)
            guard try line().isEmpty else { throw Invalid(why: "a chunk that is longer than it says") }
        }
    }

    // MARK: Lines

    private mutating func fields() throws -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        while true {
            let line = try line()
            if line.isEmpty { return fields }
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), Self.isToken(line[..<colon]) else {
                throw Invalid(why: "a field's name")
            }
            let value = line[(colon + 1)...]
            guard value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw Invalid(why: "a field's value")
            }
            let trimmed = value.drop(while: Self.isBlank).reversed().drop(while: Self.isBlank).reversed()
            fields.append((Self.text(line[..<colon]).lowercased(), Self.text(Array(trimmed)[...])))
        }
    }

    /// Up to CR and LF; neither stands alone.
    private mutating func line() throws -> ArraySlice<UInt8> {
        guard let end = bytes[place...].firstIndex(where: { $0 == 0x0D || $0 == 0x0A }) else { throw Incomplete() }
        guard bytes[end] == 0x0D else { throw Invalid(why: "a bare LF") }
        guard end + 1 < bytes.count else { throw Incomplete() }
        guard bytes[end + 1] == 0x0A else { throw Invalid(why: "a bare CR") }
        defer { place = end + 2 }
        return bytes[place..<end]
    }

    private static func isToken(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty
            && bytes.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private static func isHex(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
}
#endif
