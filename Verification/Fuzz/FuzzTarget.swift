#if Gateway && (FUZZ || DEBUG)
/// One parser, and what must hold for whatever it is given.
struct FuzzTarget {
    let name: String
    /// Words that mean something to it, for the mutator to strew in.
    let words: [String]
    /// How many of the inputs are its own, against 1 for the others: less for what is slow.
    let share: Double
    /// Parses one input.
    ///
    /// - Returns: What came of it, so that inputs which lead elsewhere are told from those that do not.
    /// - Throws: ``Violation`` when something does not hold.
    let run: ([UInt8]) throws -> Outcome

    init(_ name: String, words: [String] = [], share: Double = 1, run: @escaping ([UInt8]) throws -> Outcome) {
        self.name = name
        self.words = words
        self.share = share
        self.run = run
    }

    /// The same, for a parser of text. What is no UTF-8 comes with replacements, as it would from the network.
    static func text(
        _ name: String, words: [String] = [], share: Double = 1, run: @escaping (String) throws -> Outcome
    ) -> FuzzTarget {
        FuzzTarget(name, words: words, share: share) { try run(String(decoding: $0, as: UTF8.self)) }
    }

    static var all: [FuzzTarget] {
        values + stores + storeAnswers + files + admin + reports + heads + targets + frames + connections + histories
    }
}

/// What must hold, and did not.
struct Violation: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// - Throws: ``Violation`` unless it holds.
func expect(_ holds: Bool, _ what: @autoclosure () -> String) throws(Violation) {
    guard holds else { throw Violation(what()) }
}

/// A mark of what came of an input: FNV-1a, which is the same in every process.
struct Outcome: Hashable {
    private(set) var mark: UInt64 = 0xCBF2_9CE4_8422_2325

    init(_ what: String, _ numbers: Int...) {
        add(what)
        for number in numbers { add(number) }
    }

    mutating func add(_ what: String) {
        for byte in what.utf8 { add(byte) }
    }

    /// Large numbers count by their magnitude, so that not every input is a novelty.
    mutating func add(_ number: Int) {
        let size = number.magnitude
        let near = size < 8 ? size : UInt(8 + UInt.bitWidth - size.leadingZeroBitCount)
        add(UInt8(truncatingIfNeeded: near))
    }

    private mutating func add(_ byte: UInt8) {
        mark = (mark ^ UInt64(byte)) &* 0x100_0000_01B3
    }
}
#endif
