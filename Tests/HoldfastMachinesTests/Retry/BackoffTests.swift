import HoldfastMachines
import HoldfastTesting
import Testing

@Suite struct BackoffTests {
    private func waits(_ backoff: Backoff, afterAttempt attempt: Int, count: Int = 1_000) -> [Duration] {
        var generator = SeededGenerator(seed: 11)
        return (0..<count).map { _ in backoff.wait(afterAttempt: attempt, using: &generator) }
    }

    @Test func `the wait grows by the factor up to the cap`() {
        let backoff = Backoff.exponential(from: .milliseconds(100), cap: .seconds(1), factor: 3, jitter: .none)
        let grown = (1...5).flatMap { waits(backoff, afterAttempt: $0, count: 1) }
        #expect(grown == [.milliseconds(100), .milliseconds(300), .milliseconds(900), .seconds(1), .seconds(1)])
    }

    @Test(arguments: [Backoff.Jitter.full, .equal])
    func `callers who have reached the cap still spread and none exceeds it`(jitter: Backoff.Jitter) {
        let backoff = Backoff.exponential(from: .milliseconds(50), cap: .seconds(2), jitter: jitter)
        let drawn = waits(backoff, afterAttempt: 99)
        #expect(Set(drawn).count > 990)
        #expect(drawn.allSatisfy { $0 <= .seconds(2) })
        #expect(drawn.contains { $0 > .milliseconds(1_950) }, "the spread reaches up to the cap")
    }

    @Test func `a backoff without jitter says so`() {
        #expect("\(Backoff.constant(.seconds(1), jitter: .none))".hasSuffix(", no jitter"))
        #expect("\(Backoff.constant(.seconds(1)))".hasSuffix(", full jitter"))
    }

    @Test func `full jitter starts at nothing and equal jitter at half`() {
        let full = waits(.constant(.seconds(1)), afterAttempt: 1)
        #expect(full.contains { $0 < .milliseconds(50) })
        let equal = waits(.constant(.seconds(1), jitter: .equal), afterAttempt: 1)
        #expect(equal.allSatisfy { $0 >= .milliseconds(500) && $0 <= .seconds(1) })
        #expect(equal.contains { $0 < .milliseconds(550) })
    }

    @Test(arguments: [Backoff.Jitter.none, .full, .equal])
    func `a wait of zero does not trap and stays zero`(jitter: Backoff.Jitter) {
        #expect(waits(.constant(.zero, jitter: jitter), afterAttempt: 1, count: 1) == [.zero])
        let growing = Backoff.exponential(from: .zero, cap: .seconds(1), factor: 10, jitter: jitter)
        #expect(waits(growing, afterAttempt: .max, count: 1) == [.zero])
    }

    @Test(arguments: [1, 1.000_001, 10, Double.greatestFiniteMagnitude, .infinity, .nan, 0, -2])
    func `an extreme factor neither traps nor exceeds the cap`(factor: Double) {
        let backoff = Backoff.exponential(from: .nanoseconds(1), cap: .seconds(3_600), factor: factor)
        for attempt in [Int.min, -1, 0, 1, 2, 39, 63, 64, 65, 100, 1 << 32, Int.max] {
            #expect(waits(backoff, afterAttempt: attempt).allSatisfy { $0 >= .zero && $0 <= .seconds(3_600) })
        }
    }

    @Test func `the smallest waits do not trap`() {
        for wait in [Duration.nanoseconds(1), .zero + .nanoseconds(1) / 2] {
            #expect(waits(.constant(wait, jitter: .equal), afterAttempt: 1).allSatisfy { $0 <= .nanoseconds(1) })
        }
    }

    @Test func `the same seed draws the same waits`() {
        let backoff = Backoff.constant(.seconds(1))
        #expect(waits(backoff, afterAttempt: 1) == waits(backoff, afterAttempt: 1))
    }

    @Test func `a linear backoff grows by its step up to its cap`() {
        let backoff = Backoff.linear(from: .seconds(1), step: .seconds(2), cap: .seconds(6), jitter: .none)
        var generator = SeededGenerator(seed: 1)
        let waits = (1...5).map { backoff.wait(afterAttempt: $0, using: &generator) }
        #expect(waits == [1, 3, 5, 6, 6].map { .seconds($0) })
        #expect(backoff.wait(afterAttempt: .max, using: &generator) == .seconds(6))
    }

    @Test func `a decorrelated backoff stays between its base and thrice the last wait and spreads at the cap`() {
        let backoff = Backoff.decorrelated(from: .seconds(1), cap: .seconds(10))
        var generator = SeededGenerator(seed: 2)
        var last: Set<Duration> = []
        for _ in 0..<200 {
            var previous: Duration?
            for attempt in 1...8 {
                let wait = backoff.wait(afterAttempt: attempt, previous: previous, using: &generator)
                #expect(wait >= .seconds(1) && wait <= min(.seconds(10), (previous ?? .seconds(1)) * 3))
                previous = wait
            }
            if let previous { last.insert(previous) }
        }
        #expect(last.count > 190)
    }
}
