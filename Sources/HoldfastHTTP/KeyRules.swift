public import Holdfast

/// What keys may look like. Short keys collide, and keys that are guessed let one client of a tenant meet another's.
public struct KeyRules: Sendable, Hashable {
    /// What a key is made of.
    public enum Form: String, Sendable, CaseIterable {
        /// Visible ASCII.
        case visible
        /// Letters, digits, `-` and `_`.
        case word
        /// A UUID of any version, RFC 9562.
        case uuid
        /// A UUID of version 7, which begins with the time.
        case uuid7
    }

    public var form: Form
    /// How many characters: within 1 to 255. Default: all of these.
    public var length: ClosedRange<Int>

    public init(form: Form = .visible, length: ClosedRange<Int> = 1...IdempotencyKey.maximumLength) {
        self.form = form
        self.length = length
    }

    /// Checks every option.
    ///
    /// - Throws: ``ConfigurationError`` for a length out of its range.
    public func validate() throws(ConfigurationError) {
        try require("shortest key", length.lowerBound, in: 1...IdempotencyKey.maximumLength)
        try require("longest key", length.upperBound, in: 1...IdempotencyKey.maximumLength)
    }

    /// Checks one key.
    ///
    /// - Throws: ``ConfigurationError`` which says what is allowed.
    public func check(_ key: IdempotencyKey) throws(ConfigurationError) {
        let text = key.description
        try require("idempotency key's length", text.utf8.count, in: length)
        let allowed: String
        switch form {
        case .visible: return
        case .word:
            if text.utf8.allSatisfy({ Self.isWord($0) }) { return }
            allowed = "letters, digits, '-' and '_'"
        case .uuid:
            if Self.isUUID(text) { return }
            allowed = "a UUID"
        case .uuid7:
            if Self.isUUID(text), text.utf8.dropFirst(14).first == UInt8(ascii: "7") { return }
            allowed = "a UUID of version 7"
        }
        throw ConfigurationError(option: "idempotency key", value: text, allowed: allowed)
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        isHex(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
    }

    private static func isHex(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte | 0x20)
    }

    /// 8-4-4-4-12 hexadecimal digits.
    private static func isUUID(_ text: String) -> Bool {
        let groups = text.split(separator: "-", omittingEmptySubsequences: false)
        return groups.map(\.utf8.count) == [8, 4, 4, 4, 12] && groups.allSatisfy { $0.utf8.allSatisfy(isHex) }
    }
}
