/// A response as it is kept and replayed: the status, the fields that may be replayed, and the exact bytes of the body.
///
/// Whatever it is made of, it can be written as a response: no field breaks a line, and a status that has no content has
/// none (RFC 9110, sections 5.5, 6.4.1 and 15.3.5). So a record that another version, or another hand, has written cannot
/// put a second response behind the first.
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

    public let status: Int
    public let fields: [Field]
    public let body: [UInt8]

    /// - Parameters:
    ///   - status: The response's.
    ///   - fields: All the response's fields. Those that may not be replayed are left out, and those that speak of a
    ///     content that the status does not have.
    ///   - body: Left out where the status has none.
    ///   - more: What may be replayed besides ``replayableFields``, in lower case. What ``isNeverReplayed(_:)`` is left
    ///     out all the same.
    public init(status: Int, fields: [Field], body: [UInt8], adding more: Set<String> = []) {
        let hasContent = StatusMeaning.mayHaveContent(status)
        let connection = fields.filter { $0.name.lowercased() == "connection" }.map(\.value)
        let named = connection.isEmpty ? [] : HopByHop.named(by: connection)
        self.status = status
        self.fields = fields.filter { field in
            let name = field.name.lowercased()
            return Self.isReplayed(name, adding: more) && !named.contains(name) && field.isWritable
                && (hasContent || !Self.speaksOfContent(name))
        }
        self.body = hasContent ? body : []
    }
}

extension RecordedResponse.Field {
    /// Whether it stays on its line, and its name is one (RFC 9110, sections 5.1 and 5.5).
    fileprivate var isWritable: Bool {
        !name.isEmpty && name.utf8.allSatisfy(Token.holds)
            && value.utf8.allSatisfy { $0 != 0x0D && $0 != 0x0A && $0 != 0 }
    }
}

extension RecordedResponse {
    private static let formatVersion: UInt8 = 1
    /// What a final response can have as its status: three digits, and not one of those before it.
    static let statuses = 200...999

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
    ///
    /// - Parameters:
    ///   - encoded: What a store kept.
    ///   - more: As when it is made: what may not be replayed now is left out, whoever has recorded it.
    public init?(encoded: [UInt8], adding more: Set<String> = []) {
        var rest = encoded[...]
        guard rest.popFirst() == Self.formatVersion, let status = rest.takeNumber(), Self.statuses.contains(status),
            let count = rest.takeNumber()
        else { return nil }
        var fields: [Field] = []
        for _ in 0..<count {
            guard let name = rest.takeCounted(), let value = rest.takeCounted() else { return nil }
            fields.append(
                Field(name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self)))
        }
        guard let body = rest.takeCounted(), rest.isEmpty else { return nil }
        self.init(status: status, fields: fields, body: Array(body), adding: more)
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
