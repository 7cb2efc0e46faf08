import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

@Suite struct JudgedResultsTests {
    private let clock = ManualClock()
    private struct Response: Sendable {
        var status: Int
    }
    private struct ServerError: Error {}

    private static let byStatus = Judge.standard.judgingResults(of: Response.self) { response in
        response.status == 429 ? .declined : response.status >= 500 ? .failed : nil
    }

    private func breaker(judging judge: Judge = byStatus) throws -> CircuitBreaker {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .any(.consecutiveFailures(2), .failureRate(1, ofLast: 3))
        return try CircuitBreaker("x", configuration: configuration, judging: judge, clock: clock)
    }

    @Test func `a response that is no thrown error counts as its status says`() async throws {
        let breaker = try breaker()
        for status in [200, 404, 500] { _ = try await breaker.run { Response(status: status) } }
        #expect(breaker.snapshot().evidence.count == 1)
        _ = try breaker.runSync { Response(status: 503) }
        #expect(breaker.snapshot().state == .open)
        let declining = try self.breaker()
        for _ in 0..<3 { _ = try await declining.run { Response(status: 429) } }
        #expect(declining.snapshot().state == .open, "by the rate, and not as a streak of two")
    }

    @Test func `results of other types are no failures and rules of several types go together`() async throws {
        let judge = Self.byStatus.judgingResults(of: Bool.self) { $0 ? .succeeded : .failed }
        let breaker = try breaker(judging: judge)
        for _ in 0..<5 { _ = try await breaker.run { 500 } }
        try await breaker.run {}
        #expect(breaker.snapshot().evidence.count == 0)
        _ = try await breaker.run { false }
        _ = try await breaker.run { Response(status: 500) }
        #expect(breaker.snapshot().state == .open)
    }

    @Test func `a call's own judge stands in place of the breaker's`() async throws {
        let breaker = try breaker()
        for _ in 0..<5 { _ = try await breaker.run(judging: .standard) { Response(status: 500) } }
        #expect(breaker.snapshot().evidence.count == 0)
        for _ in 0..<5 { _ = try await breaker.run(judgingResult: { _ in .succeeded }) { Response(status: 500) } }
        #expect(breaker.snapshot().evidence.count == 0)
        for _ in 0..<2 { _ = try await breaker.run { Response(status: 500) } }
        #expect(breaker.snapshot().state == .open)
    }

    @Test func `a 500 counts in a policy and is not repeated`() async throws {
        let breaker = try breaker()
        let policy = try Policy {
            try Retry(.constant(.zero), attempts: 4, budget: RetryBudget(clock: clock), on: .anyError, clock: clock)
            breaker
        }
        let calls = Counter()
        for _ in 0..<2 {
            let response = try await policy.run(repeatable: .idempotent) { _ in
                calls.add()
                return Response(status: 500)
            }
            #expect(response.status == 500)
        }
        #expect(calls.value == 2)
        #expect(breaker.snapshot().state == .open)
    }

    @Test func `an error that the retry does not repeat counts all the same`() async throws {
        let breaker = try breaker()
        let policy = try Policy {
            try Retry(
                .constant(.zero), attempts: 4, budget: RetryBudget(clock: clock),
                on: FailureClassifier { $0 is ServerError ? nil : .unknown }, clock: clock)
            breaker
        }
        let calls = Counter()
        for _ in 0..<2 {
            await #expect(throws: (any Error).self) {
                try await policy.run(repeatable: .idempotent) { _ in
                    calls.add()
                    throw ServerError()
                }
            }
        }
        #expect(calls.value == 2)
        #expect(breaker.snapshot().state == .open)
    }

    @Test func `a throttle and an adaptive limit judge results too`() async throws {
        let throttle = try ClientThrottle("x", judging: Self.byStatus, clock: clock, draws: JitterSource(seed: 1))
        for _ in 0..<20 { _ = try? await throttle.run { Response(status: 429) } }
        #expect(throttle.probability > 0.5)
        var configuration = AdaptiveLimitConfiguration()
        configuration.algorithm = .aimd(threshold: .seconds(1))
        let limit = try AdaptiveLimit("x", configuration: configuration, judging: Self.byStatus, clock: clock)
        _ = try await limit.run { Response(status: 429) }
        #expect(limit.snapshot().limit == 18)
    }
}
