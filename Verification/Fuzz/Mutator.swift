#if Gateway && (FUZZ || DEBUG)
import Holdfast

/// Makes inputs that nobody would send out of those that somebody would. The same seed makes the same inputs.
struct Mutator {
    /// The longest input, in bytes. Most parsers refuse what is longer than this before they look at it.
    static let bound = 4 << 10
    /// The longest of all, which few are.
    static let rareBound = 80 << 10

    private static let numbers = [
        "0", "1", "-1", "00", "7", "127", "128", "255", "256", "999", "32767", "65535", "65536", "2147483647",
        "4294967295", "4294967296", "999999999", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "18446744073709551615", "18446744073709551616", "1e308", "0x10", "1_000", "１",
    ]
    private static let bytes: [UInt8] = [
        0x00, 0x01, 0x09, 0x0A, 0x0D, 0x20, 0x22, 0x25, 0x26, 0x2A, 0x2C, 0x2D, 0x2E, 0x2F, 0x3A, 0x3B, 0x3D, 0x5B,
        0x5C,
        0x5D, 0x7B, 0x7D, 0x7F, 0x80, 0xC0, 0xE2, 0xED, 0xF4, 0xFE, 0xFF,
    ]

    private var generator: SplitMix64
    private let words: [[UInt8]]

    init(seed: UInt64, words: [String]) {
        generator = SplitMix64(seed: seed)
        self.words = words.map { Array($0.utf8) }
    }

    /// The next input, from those that are known.
    mutating func next(from pool: [[UInt8]]) -> [UInt8] {
        var input = pool[below(pool.count)]
        // Mostly a few changes, now and then many.
        var steps = 1
        while steps < 64, below(3) > 0 { steps += 1 }
        for _ in 0..<steps { mutate(&input, pool) }
        let bound = below(512) == 0 ? Self.rareBound : Self.bound
        return input.count > bound ? Array(input.prefix(bound)) : input
    }

    private mutating func mutate(_ input: inout [UInt8], _ pool: [[UInt8]]) {
        guard !input.isEmpty else {
            input = words.isEmpty ? [byte()] : words[below(words.count)]
            return
        }
        switch below(13) {
        case 0: input[below(input.count)] ^= 1 << UInt8(below(8))
        case 1: input[below(input.count)] = byte()
        case 2: input.insert(byte(), at: below(input.count + 1))
        case 3: input.insert(contentsOf: (0..<1 + below(8)).map { _ in byte() }, at: below(input.count + 1))
        case 4: input.removeSubrange(range(of: input, atMost: 32))
        case 5: input.insert(contentsOf: input[range(of: input, atMost: 64)], at: below(input.count + 1))
        case 6: splice(&input, pool[below(pool.count)])
        case 7, 8: strew(&input)
        case 9: number(&input)
        case 10: if below(4) == 0 { input.removeLast(below(input.count)) } else { input.removeLast() }
        case 11: exchange(&input)
        default: if below(8) == 0 { repeatPart(&input) } else { input[below(input.count)] = UInt8(below(256)) }
        }
    }

    private mutating func splice(_ input: inout [UInt8], _ other: [UInt8]) {
        guard !other.isEmpty else { return }
        input = Array(input.prefix(below(input.count + 1)) + other.dropFirst(below(other.count)))
    }

    private mutating func strew(_ input: inout [UInt8]) {
        guard !words.isEmpty else { return }
        let (word, place) = (words[below(words.count)], below(input.count + 1))
        let end = below(2) == 0 ? place : min(input.count, place + word.count)
        input.replaceSubrange(place..<end, with: word)
    }

    /// Puts a number at some boundary where a number is.
    private mutating func number(_ input: inout [UInt8]) {
        let start = below(input.count)
        guard let first = input[start...].firstIndex(where: Self.isDigit) else { return }
        let end = input[first...].firstIndex { !Self.isDigit($0) } ?? input.count
        input.replaceSubrange(first..<end, with: Self.numbers[below(Self.numbers.count)].utf8)
    }

    private mutating func exchange(_ input: inout [UInt8]) {
        let (one, other) = (range(of: input, atMost: 16), range(of: input, atMost: 16))
        let (first, second) = one.lowerBound < other.lowerBound ? (one, other) : (other, one)
        guard first.upperBound <= second.lowerBound else { return }
        let (left, right) = (Array(input[first]), Array(input[second]))
        input.replaceSubrange(second, with: left)
        input.replaceSubrange(first, with: right)
    }

    private mutating func repeatPart(_ input: inout [UInt8]) {
        let place = range(of: input, atMost: 16)
        let part = Array(input[place])
        let times = 1 << below(below(64) == 0 ? 13 : 9)
        input.insert(
            contentsOf: (0..<min(times, Self.rareBound / part.count)).flatMap { _ in part }, at: place.upperBound)
    }

    private mutating func byte() -> UInt8 {
        below(2) == 0 ? Self.bytes[below(Self.bytes.count)] : UInt8(below(256))
    }

    private mutating func range(of input: [UInt8], atMost limit: Int) -> Range<Int> {
        let start = below(input.count)
        return start..<min(input.count, start + 1 + below(limit))
    }

    private mutating func below(_ bound: Int) -> Int { Int(((generator.next() >> 32) &* UInt64(bound)) >> 32) }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
#endif
