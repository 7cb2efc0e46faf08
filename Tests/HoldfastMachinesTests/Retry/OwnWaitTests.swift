import HoldfastMachines
import HoldfastTesting
import Testing

/// Waits by a rule of the caller's own, in place of the backoff.
@Suite struct OwnWaitTests {
    private let start = MonotonicInstant(nanoseconds: 0)

    private func decision(
        _ failure: FailureClass = .failed, waiting own: Duration?, earliest: Duration = .zero,
        backoff: Backoff = .constant(.milliseconds(100), jitter: .none), deadline: Duration? = nil
    ) -> RetryMachine.Decision {
        var configuration = RetryConfiguration()
        configuration.backoff = backoff
        var machine = RetryMachine(
            configuration: configuration, repeatability: .idempotent, deadline: deadline.map(start.advanced))
        var generator = SeededGenerator(seed: 1)
        return machine.next(
            after: failure, at: start, admittedAfter: earliest, waiting: own, using: &generator
        ) { true }
    }

    @Test func `the wait is the rule's and without one the backoff's`() {
        #expect(decision(waiting: .seconds(7)) == .again(after: .seconds(7)), "beyond the backoff's cap, too")
        #expect(decision(waiting: .zero) == .again(after: .zero))
        #expect(decision(waiting: nil) == .again(after: .milliseconds(100)))
    }

    @Test(arguments: [
        (Duration.seconds(-1), Duration.zero), (.seconds(Int64.min), .zero), (.nanoseconds(-1), .zero),
        (.seconds(3_601), .seconds(3_600)), (.seconds(Int64.max), .seconds(3_600)),
    ])
    func `a wait that is out of range is held to it`(own: Duration, wait: Duration) {
        #expect(decision(waiting: own) == .again(after: wait))
    }

    @Test func `what bounds the backoff's wait bounds the rule's`() {
        #expect(decision(waiting: .seconds(5), deadline: .seconds(5)) == .stop(.deadline))
        #expect(decision(.rejected(retryAfter: .seconds(3)), waiting: .seconds(1)) == .again(after: .seconds(3)))
        #expect(
            decision(.rejected(retryAfter: .seconds(60)), waiting: .seconds(1)) == .again(after: .seconds(6)),
            "no longer than retryAfterLimit beyond it")
        #expect(decision(waiting: .seconds(1), earliest: .milliseconds(50)) == .again(after: .seconds(1)))
        #expect(decision(.notSent(retryAfter: .seconds(9)), waiting: .seconds(10)) == .again(after: .seconds(10)))
        #expect(decision(.notSent(retryAfter: .seconds(9)), waiting: .seconds(1)) == .stop(.rejected))
    }

    @Test func `a wait that follows from the one before it follows from the rule's`() {
        var configuration = RetryConfiguration()
        configuration.backoff = .decorrelated(from: .seconds(1), cap: .seconds(1_000))
        configuration.attempts = 3
        var longest = Duration.zero
        for seed in 0..<200 as Range<UInt64> {
            var machine = RetryMachine(configuration: configuration, repeatability: .idempotent, deadline: nil)
            var generator = SeededGenerator(seed: seed)
            _ = machine.next(after: .failed, at: start, waiting: .seconds(100), using: &generator) { true }
            if case .again(let wait) = machine.next(after: .failed, at: start, using: &generator, withdraw: { true }) {
                longest = max(longest, wait)
            }
        }
        #expect(longest > .seconds(200) && longest <= .seconds(300), "up to thrice the hundred: \(longest)")
    }

    @Test func `the rule is asked only when the operation may be made again`() {
        var configuration = RetryConfiguration()
        configuration.attempts = 1
        var machine = RetryMachine(configuration: configuration, repeatability: .idempotent, deadline: nil)
        var generator = SeededGenerator(seed: 1)
        func asked() -> Duration? {
            Issue.record("it was asked")
            return nil
        }
        _ = machine.next(after: .failed, at: start, waiting: asked(), using: &generator) { true }
    }
}
