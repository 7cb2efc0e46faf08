import Holdfast
import HoldfastTesting
import Testing

@Suite struct RetryDriverTests {
    private struct Broken: Error, Equatable { let attempt: Int }

    private let clock = InstantClock()

    private func retry(
        attempts: Int = 3, cap: Duration = .seconds(1), budget: RetryBudget? = nil
    ) throws -> Retry {
        let backoff = Backoff.exponential(from: .milliseconds(100), cap: cap, jitter: .none)
        return try Retry(backoff, attempts: attempts, budget: budget ?? RetryBudget(clock: clock), clock: clock)
    }

    private func emptyBudget() throws -> RetryBudget {
        try RetryBudget(configuration: .ratio(0, reservePerSecond: 0), clock: clock)
    }

    @Test func `a call that succeeds at once neither waits nor withdraws`() async throws {
        let budget = try emptyBudget()
        let answer = try await retry(budget: budget).run(repeatable: .once, on: .anyError) { $0.number }
        #expect(answer == 1)
        #expect(clock.waits.isEmpty)
        #expect(budget.snapshot().refused == 0)
    }

    @Test func `each attempt is told its number and each wait is on the clock`() async throws {
        let answer = try await retry(attempts: 4).run(repeatable: .idempotent, on: .anyError) { attempt in
            if attempt.number < 4 { throw Broken(attempt: attempt.number) }
            return attempt.number
        }
        #expect(answer == 4)
        #expect(clock.waits == [.milliseconds(100), .milliseconds(200), .milliseconds(400)])
    }

    @Test func `the budget is asked before the wait and the real failure comes back`() async throws {
        let retry = try retry(budget: emptyBudget())
        do throws(CallFailure<Broken>) {
            try await retry.run(repeatable: .idempotent, on: .anyError) { attempt throws(Broken) in
                throw Broken(attempt: attempt.number)
            }
            Issue.record("it succeeded")
        } catch {
            #expect(error.last == Broken(attempt: 1))
            #expect(error.reason == .budgetExhausted)
        }
        #expect(clock.waits.isEmpty)
    }

    @Test func `nobody sleeps past the deadline only to fail`() async throws {
        let retry = try retry(attempts: 10)
        let deadline = clock.now.advanced(by: .milliseconds(250))
        let failure = await #expect(throws: CallFailure<Broken>.self) {
            try await retry.run(repeatable: .idempotent, on: .anyError, deadline: deadline) {
                attempt throws(Broken) in
                throw Broken(attempt: attempt.number)
            }
        }
        #expect(failure?.reason == .deadline)
        #expect(failure?.all == [Broken(attempt: 1), Broken(attempt: 2)])
        #expect(clock.waits == [.milliseconds(100)])
    }

    @Test func `an operation that acts twice is made once after a failure that proves nothing`() async throws {
        var made = 0
        let retry = try retry()
        let failure = await #expect(throws: CallFailure<Broken>.self) {
            try await retry.run(repeatable: .once, on: .anyError) { attempt throws(Broken) in
                made += 1
                throw Broken(attempt: attempt.number)
            }
        }
        #expect(made == 1)
        #expect(failure?.reason == .notRepeatable)
    }

    @Test func `an error that the classifier does not know is not worth another attempt`() async throws {
        let retry = try retry()
        let failure = await #expect(throws: CallFailure<Broken>.self) {
            try await retry.run(repeatable: .idempotent, on: .classifiedErrors) { attempt throws(Broken) in
                throw Broken(attempt: attempt.number)
            }
        }
        #expect(failure?.all.count == 1)
        #expect(failure?.reason == .notClassified)
        #expect(failure?.description.hasSuffix("stopped: not-classified)") == true)
    }

    @Test func `a cancelled attempt is not made again`() async throws {
        let retry = try retry()
        let failure = await #expect(throws: CallFailure<CancellationError>.self) {
            try await retry.run(repeatable: .idempotent, on: .anyError) { _ throws(CancellationError) in
                throw CancellationError()
            }
        }
        #expect(failure?.all.count == 1)
        #expect(failure?.reason == .cancelled)
    }

    @Test func `a caller that leaves as the wait ends gets no second attempt`() async throws {
        let leaving = LeavingClock { withUnsafeCurrentTask { $0?.cancel() } }
        let retry = try Retry(.constant(.seconds(1)), budget: RetryBudget(clock: clock), clock: leaving)
        let call = Task {
            try await retry.run(repeatable: .idempotent, on: .anyError) { attempt throws(Broken) in
                throw Broken(attempt: attempt.number)
            }
        }
        let failure = await #expect(throws: CallFailure<Broken>.self) { try await call.value }
        #expect(failure?.all == [Broken(attempt: 1)])
        #expect(failure?.reason == .cancelled)
    }

    @Test func `a caller that is gone during the attempt gets no second one`() async throws {
        let retry = try Retry(.constant(.zero), budget: RetryBudget(clock: clock))
        let call = Task {
            try await retry.run(repeatable: .idempotent, on: .anyError) { attempt throws(Broken) in
                withUnsafeCurrentTask { $0?.cancel() }
                throw Broken(attempt: attempt.number)
            }
        }
        let failure = await #expect(throws: CallFailure<Broken>.self) { try await call.value }
        #expect(failure?.all == [Broken(attempt: 1)])
        #expect(failure?.reason == .cancelled)
    }

    @Test func `an open breaker is not asked again before its cooldown is over`() async throws {
        let breaker = try CircuitBreaker(
            "x", trip: .consecutiveFailures(1), cooldown: .milliseconds(700), jitter: 0, clock: clock)
        let answer = try await retry(attempts: 3).run(repeatable: .idempotent, on: .anyError) { attempt in
            try await breaker.run {
                if attempt.number == 1 { throw Broken(attempt: attempt.number) }
                return attempt.number
            }
        }
        #expect(answer == 3, "the second attempt was rejected, the third was the probe")
        #expect(clock.waits == [.milliseconds(100), .milliseconds(600)])
        #expect(breaker.snapshot().state == .closed)
    }

    @Test func `a breaker that is open for long stops the call with the real failure`() async throws {
        let breaker = try CircuitBreaker("x", trip: .consecutiveFailures(2), cooldown: .seconds(30), clock: clock)
        let retry = try retry(attempts: 10)
        let failure = await #expect(throws: CallFailure<any Error>.self) {
            try await retry.run(repeatable: .idempotent, on: .anyError) { attempt in
                try await breaker.run { throw Broken(attempt: attempt.number) }
            }
        }
        #expect(failure?.last as? Broken == Broken(attempt: 2))
        #expect(failure?.all.count == 3)
        #expect(failure?.all.last is CircuitBreaker.Rejection)
        #expect(failure?.reason == .rejected)
        #expect(clock.waits == [.milliseconds(100), .milliseconds(200)])
    }

    @Test func `a rejection comes back when there was nothing else`() async throws {
        let breaker = try CircuitBreaker("x", trip: .consecutiveFailures(1), clock: clock)
        try breaker.admit().failed()
        let retry = try retry()
        let failure = await #expect(throws: CallFailure<any Error>.self) {
            try await retry.run(repeatable: .once, on: .anyError) { _ in try await breaker.run {} }
        }
        #expect(failure?.last is CircuitBreaker.Rejection)
    }

    private struct Classed: ClassifiedError, Equatable {
        let failureClass: FailureClass
    }

    @Test(arguments: [
        ([FailureClass.unknown, .notSent()], FailureClass.unknown),
        ([.failed, .notSent()], .failed),
        ([.notSent(), .rejected(retryAfter: .seconds(1))], .rejected(retryAfter: .seconds(1))),
    ])
    func `what a call proves is what all its attempts prove together`(
        classes: [FailureClass], proved: FailureClass
    ) async throws {
        let retry = try retry(attempts: classes.count)
        let failure = await #expect(throws: CallFailure<Classed>.self) {
            try await retry.run(repeatable: .idempotent, on: .anyError) { attempt throws(Classed) in
                throw Classed(failureClass: classes[attempt.number - 1])
            }
        }
        #expect(failure?.failureClass == proved)
        #expect(failure?.all.count == classes.count)
    }
}
