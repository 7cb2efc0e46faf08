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
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            guard byte == UInt8(ascii: "\\") else {
                characters.append(byte)
                continue
            }
            guard let escaped = rest.popFirst() else { break }
            characters.append(escaped)
        }
        guard rest.isEmpty, trimmed.count >= 2, trimmed.last == UInt8(ascii: "\"") else {
            throw ConfigurationError(
                option: "Idempotency-Key", value: fieldValue, allowed: "a quoted string or a bare token")
        }
        try self.init(String(decoding: characters, as: UTF8.self))
    }
}
