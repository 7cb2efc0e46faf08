public import Holdfast

extension IdempotencyKey {
    /// Reads the `Idempotency-Key` field: a Structured Field String, as in the IETF draft (`"8e03978e"`), or a bare
    /// token, as Stripe and others have it (`8e03978e`). Both forms of the same characters name the same key.
    ///
    /// - Throws: ``ConfigurationError`` when the field is neither.
    public init(fieldValue: String) throws(ConfigurationError) {
        let trimmed = fieldValue.utf8.drop { $0 == 0x20 || $0 == 0x09 }
        guard trimmed.first == UInt8(ascii: "\"") else {
            try self.init(fieldValue)
            return
        }
        var characters: [UInt8] = []
        var rest = trimmed.dropFirst()
        var isClosed = false
        while !isClosed, let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): isClosed = true
            case UInt8(ascii: "\\"): if let escaped = rest.popFirst() { characters.append(escaped) }
            default: characters.append(byte)
            }
        }
        guard isClosed, rest.isEmpty else {
            throw ConfigurationError(
                option: "Idempotency-Key", value: fieldValue, allowed: "a quoted string or a bare token")
        }
        try self.init(String(decoding: characters, as: UTF8.self))
    }
}
