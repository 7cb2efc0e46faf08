import HoldfastMachines
import HoldfastTesting
import Testing

@Suite struct IdempotencyKeyTests {
    private struct Constant: RandomNumberGenerator {
        let word: UInt64
        mutating func next() -> UInt64 { word }
    }

    @Test(arguments: ["", " ", "a b", "a\n", "\u{0}", "\u{7F}", "schlüssel", "🔑", String(repeating: "k", count: 256)])
    func `a key that is no key is refused`(text: String) {
        #expect(throws: ConfigurationError.self) { try IdempotencyKey(text) }
    }

    @Test(arguments: ["!", "~", "order-1", "\"quoted\"", String(repeating: "k", count: 255)])
    func `a key is kept as it was given`(text: String) throws {
        #expect(try IdempotencyKey(text).description == text)
    }

    @Test(arguments: [UInt64.zero, 1, .max])
    func `a minted key has 32 digits whatever is drawn`(word: UInt64) {
        var generator = Constant(word: word)
        let key = IdempotencyKey.minted(using: &generator).description
        #expect(key.count == 32)
        #expect(key.allSatisfy { $0.isHexDigit && !$0.isUppercase })
    }

    @Test func `a minted key is one that is taken`() throws {
        let key = IdempotencyKey.minted()
        #expect(try IdempotencyKey(key.description) == key)
    }

    @Test func `both halves of a minted key are drawn`() {
        var generator = SeededGenerator(seed: 5)
        let key = IdempotencyKey.minted(using: &generator).description
        #expect(key.prefix(16) != key.suffix(16))
    }

    @Test func `an error names the characters that are not allowed without breaking the line`() {
        let error = #expect(throws: ConfigurationError.self) { try IdempotencyKey("a\nb") }
        #expect(error?.description.contains("\n") == false)
    }
}
