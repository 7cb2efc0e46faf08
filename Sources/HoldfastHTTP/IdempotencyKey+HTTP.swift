public import Holdfast

extension IdempotencyKey {
    /// Reads the `Idempotency-Key` field: a String of Structured Fields, as in the IETF's draft (`"8e03978e"`), or the bare
    /// key, as Stripe and others have it (`8e03978e`). Both forms of the same characters name the same key.
    ///
    /// What begins with a quotation mark is read as RFC 9651, section 4.2, says: `\` escapes itself and the quotation mark
    /// alone, and well-formed parameters (`"8e03978e";v=1`) are ignored. What begins otherwise is the key as it stands, with
    /// whatever it holds.
    ///
    /// - Parameter fieldValue: The value of one field line, with or without the whitespace around it. A request has one such
    ///   line; who finds several refuses the request, and does not join them.
    /// - Throws: `ConfigurationError` when the field is neither, or when the key is empty, longer than `maximumLength`,
    ///   or holds anything but visible ASCII.
    public init(fieldValue: String) throws(ConfigurationError) {
        let value = fieldValue.utf8.trimmed
        guard value.first == UInt8(ascii: "\"") else {
            try self.init(String(Substring(value)))
            return
        }
        guard let string = StructuredString(value) else {
            throw ConfigurationError(
                option: "Idempotency-Key", value: fieldValue,
                allowed: #"a quoted string, in which \ stands before " and \ alone, or a bare key"#)
        }
        try self.init(String(decoding: string.characters, as: UTF8.self))
    }
}

extension Substring.UTF8View {
    /// Without the spaces and tabs around it (RFC 9110, section 5.5).
    var trimmed: Substring.UTF8View {
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        let front = drop(while: isSpace)
        guard let last = front.lastIndex(where: { !isSpace($0) }) else { return front }
        return front[...last]
    }
}

extension String.UTF8View {
    fileprivate var trimmed: Substring.UTF8View { self[...].trimmed }
}
