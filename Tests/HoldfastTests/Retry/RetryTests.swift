import Holdfast
import HoldfastTesting
import TestSupport
import Testing

@Suite struct RetryTests {
    private struct Broken: Error, Equatable { let attempt: Int }
    private struct Refused: ClassifiedError { var failureClass: FailureClass { .notSent() } }

    private let start = MonotonicInstant(nanoseconds: 0)

    private func machine(
        _ repeatability: Repeatability, attempts: Int = 3, deadline: Duration? = nil, jitter: Backoff.Jitter = .none
    ) -> RetryMachine {
        var configuration = RetryConfiguration()
        configuration.attempts = attempts
        configuration.backoff = .exponential(from: .milliseconds(100), cap: .seconds(1), jitter: jitter)
        return RetryMachine(
            configuration: configuration, repeatability: repeatability, deadline: deadline.map(start.advanced))
    }

    private func next(
        _ machine: inout RetryMachine, _ failure: FailureClass, earliest: Duration = .zero, budget: Bool = true
    ) -> RetryMachine.Decision {
        var generator = SeededGenerator(seed: 1)
        return machine.next(
            after: failure, at: start, admittedAfter: earliest, using: &generator, withdraw: { budget })
    }

    @Test func `what acts twice is repeated only when it was not sent`() {
        for failure in [FailureClass.failed, .unknown, .rejected(retryAfter: nil)] {
            var machine = machine(.once)
            expectEqual(next(&machine, failure), .stop(.notRepeatable))
        }
        var machine = machine(.once)
        expectEqual(next(&machine, .notSent()), .again(after: .milliseconds(100)))
    }

    @Test func `attempts bound the call`() {
        var machine = machine(.idempotent)
        expectEqual(next(&machine, .failed), .again(after: .milliseconds(100)))
        expectEqual(next(&machine, .failed), .again(after: .milliseconds(200)))
        expectEqual(next(&machine, .failed), .stop(.attemptsExhausted))
    }

    @Test func `nobody waits past the deadline only to fail`() {
        var machine = machine(.idempotent, deadline: .milliseconds(100))
        expectEqual(next(&machine, .failed), .stop(.deadline))
    }

    @Test func `the budget is asked only for a retry that will be made`() {
        var machine = machine(.once)
        var generator = SeededGenerator(seed: 1)
        _ = machine.next(after: .failed, at: start, using: &generator) {
            Issue.record("the budget was asked for a retry that is not allowed")
            return true
        }
        expectEqual(next(&machine, .notSent(), budget: false), .stop(.budgetExhausted))
    }

    @Test func `an open breaker is not asked in vain`() {
        var waiting = machine(.idempotent)
        expectEqual(next(&waiting, .failed, earliest: .milliseconds(700)), .again(after: .milliseconds(700)))
        var stopping = machine(.idempotent)
        expectEqual(next(&stopping, .failed, earliest: .seconds(5)), .stop(.rejected))
    }

    @Test func `retry after is respected within a bound`() {
        var machine = machine(.idempotent)
        expectEqual(next(&machine, .rejected(retryAfter: .seconds(2))), .again(after: .seconds(2)))
        expectEqual(next(&machine, .rejected(retryAfter: .seconds(3_600))), .again(after: .milliseconds(5_200)))
    }

    @Test func `callers at the cap still spread`() {
        let backoff = Backoff.exponential(from: .milliseconds(100), cap: .seconds(1))
        var generator = SeededGenerator(seed: 7)
        let waits = (0..<100).map { _ in backoff.wait(afterAttempt: 50, using: &generator) }
        #expect(Set(waits).count > 90)
        #expect(waits.allSatisfy { $0 >= .zero && $0 <= .seconds(1) })
    }

    @Test func `a zero backoff does not trap`() {
        var generator = SeededGenerator(seed: 7)
        #expect(Backoff.constant(.zero).wait(afterAttempt: 3, using: &generator) == .zero)
    }

    @Test func `the last real failure comes back with those before it`() async throws {
        let retry = try Retry(
            .constant(.zero), attempts: 3, budget: RetryBudget(clock: ManualClock()), clock: ManualClock())
        do {
            try await retry.run(repeatable: .idempotent, on: .anyError) { attempt throws(Broken) in
                throw Broken(attempt: attempt.number)
            }
            Issue.record("it succeeded")
        } catch {
            #expect(error.last == Broken(attempt: 3))
            #expect(error.all.map(\.attempt) == [1, 2, 3])
            #expect(error.reason == .attemptsExhausted)
        }
    }

    @Test func `the wait is on the clock and cancellable`() async throws {
        let clock = ManualClock()
        let retry = try Retry(
            .constant(.seconds(1), jitter: .none), attempts: 3, budget: RetryBudget(clock: clock), clock: clock)
        let call = Task {
            try await retry.run(repeatable: .once, on: .classifiedErrors) { _ in throw Refused() }
        }
        await clock.sleepers(1)
        clock.advance(by: .seconds(1))
        await clock.sleepers(1)
        call.cancel()
        let failure = await #expect(throws: CallFailure<any Error>.self) { try await call.value }
        #expect(failure?.all.count == 2)
        #expect(failure?.reason == .cancelled)
    }

    @Test func `an exhausted budget stops every caller`() async throws {
        let clock = ManualClock()
        let budget = try RetryBudget(configuration: .ratio(0.5, reservePerSecond: 0), clock: clock)
        let retry = try Retry(.constant(.zero), attempts: 10, budget: budget, clock: clock)
        var attempts = 0
        for _ in 0..<10 {
            do {
                try await retry.run(repeatable: .idempotent, on: .anyError) { _ in
                    attempts += 1
                    throw Refused()
                }
            } catch {
                #expect(error.reason == .budgetExhausted)
            }
        }
        #expect(attempts == 15, "10 calls and half as many retries")
        #expect(budget.snapshot().refused == 10)
    }
}
