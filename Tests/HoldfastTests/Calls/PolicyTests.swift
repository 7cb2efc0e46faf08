import Holdfast
import HoldfastTesting
import TestSupport
import Testing

@Suite struct PolicyTests {
    private let clock = ManualClock()
    private struct Broken: ClassifiedError, Equatable {
        var failureClass: FailureClass { .failed }
    }

    private func retry(attempts: Int = 3) throws -> Retry {
        try Retry(.constant(.zero), attempts: attempts, budget: RetryBudget(clock: clock), clock: clock)
    }

    private func breaker(_ trip: Int = 5) throws -> CircuitBreaker {
        try CircuitBreaker("payments", trip: .consecutiveFailures(trip), clock: clock)
    }

    @Test func `the first listed is outermost`() async throws {
        let breaker = try breaker(2)
        let policy = try Policy {
            try retry(attempts: 5)
            breaker
        }
        var attempts = 0
        let failure = await #expect(throws: CallFailure<any Error>.self) {
            try await policy.run(repeatable: .idempotent) { _ in
                attempts += 1
                throw Broken()
            }
        }
        #expect(attempts == 2, "the retry around the breaker meets it open, and stops")
        #expect(failure?.last is Broken, "the last real failure, not the rejection")
        #expect(failure?.reason == .rejected)
        let outside = try Policy {
            try self.breaker(2)
            try retry(attempts: 5)
        }
        attempts = 0
        await #expect(throws: CallFailure<any Error>.self) {
            try await outside.run(repeatable: .idempotent) { _ in
                attempts += 1
                throw Broken()
            }
        }
        #expect(attempts == 5, "the breaker around the retry saw one call")
    }

    @Test func `the operation is told the attempt and its key and the failures before it`() async throws {
        let policy = try Policy { try retry() }
        let key = IdempotencyKey.minted()
        let seen = try await policy.run(repeatable: .keyed(key)) { attempt in
            #expect(attempt.key == key)
            #expect(attempt.failures.count == attempt.number - 1)
            #expect(attempt.lineage.retriesAbove == (attempt.number > 1 ? 1 : 0))
            if attempt.number < 3 { throw Broken() }
            return attempt.number
        }
        #expect(seen == 3)
    }

    @Test func `a timeout bounds each attempt and a deadline all of them`() async throws {
        let clock = self.clock
        let policy = try Policy {
            try Deadline(.seconds(5), clock: clock)
            try Retry(
                .constant(.zero), attempts: 10, budget: RetryBudget(clock: clock), on: .classifiedErrors, clock: clock)
            try Timeout(.seconds(2), clock: clock)
        }
        let call = Task {
            try await policy.run(repeatable: .idempotent) { _ in try await clock.sleep(for: .seconds(100)) }
        }
        for _ in 0..<2 {
            await clock.sleepers(3)
            clock.advance(by: .seconds(2))
        }
        // The deadline comes before the third attempt's timeout would.
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        let error = await #expect(throws: TimeoutError.self) { try await call.value }
        #expect(error?.limit.kind == .deadline)
        let failure = try #require(error?.underlyingError as? CallFailure<any Error>)
        #expect(failure.all.count >= 2)
        #expect((failure.all[0] as? TimeoutError)?.limit.kind == .timeout)
    }

    @Test func `a policy says what it is from the outermost in`() throws {
        let policy = try Policy {
            try Deadline(.seconds(5))
            try retry()
            try breaker()
            try Timeout(.seconds(1))
        }
        let lines = policy.description.split(separator: "\n").map { $0.prefix { $0 != ":" } }
        #expect(lines == ["deadline", "retry", "circuit breaker", "timeout"])
    }

    @Test func `shapes that are always wrong are refused with a sentence`() throws {
        let retry = try retry()
        let breaker = try breaker()
        let hedge = try Hedge(after: .seconds(1), budget: RetryBudget())
        let (timeout, deadline) = (try Timeout(.seconds(1)), try Deadline(.seconds(5)))
        #expect(
            try message {
                try Policy {
                    timeout; retry
                }
            }?.contains("below the retry") == true)
        #expect(
            try message {
                try Policy {
                    timeout; hedge
                }
            }?.contains("below the hedge") == true)
        #expect(
            try message {
                try Policy {
                    retry; deadline
                }
            }?.contains("above the retry") == true)
        #expect(
            try message {
                try Policy {
                    retry; retry
                }
            }?.contains("multiply") == true)
        #expect(
            try message {
                try Policy {
                    hedge; retry
                }
            }?.contains("below the retry") == true)
        #expect(
            try message {
                try Policy {
                    breaker; retry; breaker
                }
            }?.contains("twice") == true)
        #expect(
            try message {
                try Policy {
                    deadline; retry; hedge; breaker; timeout
                }
            } == nil)
    }

    private func message(_ make: () throws -> some Any) throws -> String? {
        do {
            _ = try make()
            return nil
        } catch let error as PolicyError {
            return error.description
        }
    }

    @Test func `a policy that hedges refuses what acts twice`() async throws {
        let policy = try Policy { try Hedge(after: .seconds(1), budget: RetryBudget(clock: clock), clock: clock) }
        await #expect(throws: PolicyError.self) {
            try await policy.run(repeatable: .once) { _ in Issue.record("it ran") }
        }
    }

    @Test func `layers of retries do not multiply`() async throws {
        let (outer, middle, inner) = (try retry(attempts: 4), try retry(attempts: 4), try retry(attempts: 4))
        var calls = 0
        await #expect(throws: (any Error).self) {
            try await outer.run(repeatable: .idempotent, on: .anyError) { _ in
                try await middle.run(repeatable: .idempotent, on: .anyError) { _ in
                    try await inner.run(repeatable: .idempotent, on: .anyError) { _ in
                        calls += 1
                        throw Broken()
                    }
                }
            }
        }
        #expect(calls == 4, "and not 64")
        calls = 0
        await #expect(throws: (any Error).self) {
            try await outer.run(repeatable: .idempotent, on: .anyError) { _ in
                do {
                    try await inner.run(repeatable: .idempotent, on: .anyError) { _ in
                        calls += 1
                        throw Broken()
                    }
                } catch { throw Broken() }
            }
        }
        #expect(calls == 7, "a layer between that hides what the inner one did costs its first series, and not 16")
    }

    enum NotRepeating: CaseIterable { case oneAttempt, once, classifiesNothing, emptyBudget }

    @Test(arguments: NotRepeating.allCases)
    func `a retry goes on above one that repeated nothing`(_ inner: NotRepeating) async throws {
        let empty = try RetryBudget(configuration: .ratio(0, reservePerSecond: 0), clock: clock)
        let below = try Retry(
            .constant(.zero), attempts: inner == .oneAttempt ? 1 : 5,
            budget: inner == .emptyBudget ? empty : RetryBudget(clock: clock), clock: clock)
        var calls = 0
        let failure = await #expect(throws: CallFailure<any Error>.self) {
            try await retry(attempts: 3).run(repeatable: .idempotent, on: .anyError) { _ in
                try await below.run(
                    repeatable: inner == .once ? .once : .idempotent,
                    on: inner == .classifiesNothing ? FailureClassifier { _ in nil } : .anyError
                ) { _ in
                    calls += 1
                    throw Broken()
                }
            }
        }
        #expect(calls == 3)
        #expect(failure?.reason == .attemptsExhausted)
    }

    @Test func `layers multiply where they are told to`() async throws {
        var configuration = RetryConfiguration()
        (configuration.attempts, configuration.backoff, configuration.nesting) = (3, .constant(.zero), .eachLayer)
        let retry = try Retry(configuration: configuration, budget: RetryBudget(clock: clock), clock: clock)
        var calls = 0
        await #expect(throws: (any Error).self) {
            try await retry.run(repeatable: .idempotent, on: .anyError) { _ in
                try await retry.run(repeatable: .idempotent, on: .anyError) { _ in
                    calls += 1
                    throw Broken()
                }
            }
        }
        #expect(calls == 9)
    }
}

@Suite struct ShadowTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    @Test func `a shadow rejects nothing and tells what it would have done`() async throws {
        var strict = CircuitBreakerConfiguration()
        strict.trip = .consecutiveFailures(2)
        strict.cooldown = .fixed(.seconds(5), jitter: 0)
        let shadow = try Shadow("strict", configuration: strict, clock: clock)
        for _ in 0..<2 { await #expect(throws: Broken.self) { try await shadow.run { throw Broken() } } }
        for number in 0..<5 {
            if number < 3 { try await shadow.run {} } else { _ = try? await shadow.run { throw Broken() } }
        }
        #expect(shadow.candidate.snapshot().state == .open)
        let report = shadow.report()
        #expect(report.calls == 7)
        #expect(report.rejected == 5)
        #expect(report.rejectedSucceeded == 3)
        #expect(report.admittedFailed == 2)
        clock.advance(by: .seconds(5))
        try await shadow.run {}
        #expect(shadow.candidate.snapshot().state == .closed, "it recovers as it would have")
    }
}
