/// The caller's name for one intended effect. Every attempt at that effect carries the same key.
public struct IdempotencyKey: Sendable, Hashable, CustomStringConvertible {
    /// The longest key that is taken, in characters. Stripe and the IETF draft's examples stay below it.
    public static let maximumLength = 255

    /// The key's characters: visible ASCII, 1 to ``maximumLength`` of them.
    public let description: String

    /// Takes a caller's key.
    ///
    /// - Throws: ``ConfigurationError`` when the key is empty, too long, or holds anything but visible ASCII.
    public init(_ text: String) throws(ConfigurationError) {
        try require("idempotency key's length", text.utf8.count, in: 1...Self.maximumLength)
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw ConfigurationError(
                option: "idempotency key", value: text.debugDescription, allowed: "visible ASCII without spaces")
        }
        description = text
    }

    /// Mints a key for one logical call: 128 random bits, as 32 hexadecimal digits.
    public static func minted() -> IdempotencyKey {
        var generator = SystemRandomNumberGenerator()
        return minted(using: &generator)
    }

    /// Mints a key from a generator of the caller's, so that a simulation can be run again to the same keys.
    public static func minted(using generator: inout some RandomNumberGenerator) -> IdempotencyKey {
        let digits = (0..<2).map { _ in
            let word = String(generator.next() as UInt64, radix: 16)
            return String(repeating: "0", count: 16 - word.count) + word
        }
        return IdempotencyKey(unchecked: digits.joined())
    }

    /// Takes what is known to be a valid key.
    package init(unchecked text: String) {
        description = text
    }
}
