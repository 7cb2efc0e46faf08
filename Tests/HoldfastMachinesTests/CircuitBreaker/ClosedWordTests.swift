import Testing

@testable import HoldfastMachines

/// What a call reads of a breaker without a lock.
@Suite struct ClosedWordTests {
    private static func word(_ generation: UInt32, _ mode: UInt64, streak: Int) -> ClosedWord {
        ClosedWord(bits: UInt64(generation) << 32 | mode << 30 | UInt64(streak))
    }

    @Test(arguments: [0, 1, 2, UInt32.max - 1, .max], [0, 1, 2, 3] as [UInt64])
    func `a success changes nothing in its own generation, while results are counted and no failure is in the way`(
        generation: UInt32, mode: UInt64
    ) {
        for streak in [0, 1, 999_999, 1 << 30 - 1] {
            let word = Self.word(generation, mode, streak: streak)
            #expect(word.isUnmoved(since: generation) == (word.isCounting && word.streak == 0))
            #expect(!word.isUnmoved(since: generation &+ 1))
            #expect(!word.isUnmoved(since: generation &- 1))
        }
    }

    @Test(arguments: [
        (Int64.min, Int64.max), (.max, .min), (.min, 0), (0, .min), (-1, .max), (0, .max), (5, 3), (3, 5), (7, 7),
    ])
    func `the time between two instants is exact, however far they are apart`(from: Int64, to: Int64) {
        let between = MonotonicInstant(nanoseconds: from).duration(to: MonotonicInstant(nanoseconds: to))
        #expect(between == .nanoseconds(to) - .nanoseconds(from))
    }
}
