import Holdfast
import HoldfastTesting
import TestSupport
import Testing

@Suite struct ResultVerdictTests {
    private let clock = ManualClock()

    /// A response, which need not be `Sendable`.
    private final class Response {
        let status: Int
        init(_ status: Int) { self.status = status }
    }

    private func verdict(_ response: Response) -> ResultVerdict { Self.verdict(on: response.status) }

    private static func verdict(on status: Int) -> ResultVerdict {
        switch status {
        case 500: .failedForGood
        case 503: .failed(.rejected())
        case 504: .failed(.unknown)
        default: .succeeded
        }
    }

    private func retry(attempts: Int = 3) throws -> Retry {
        try Retry(
            .constant(.zero), attempts: attempts, budget: RetryBudget(clock: clock), on: .classifiedErrors, clock: clock
        )
    }

    @Test(arguments: [
        ([503, 504, 200], 200, 3), ([503, 503, 503, 200], 503, 3), ([500, 200], 500, 1), ([200], 200, 1),
        ([503, 500, 200], 500, 2),
    ])
    func `a retry goes by the result and returns the last`(answers: [Int], last: Int, attempts: Int) async throws {
        var made = 0
        let response = try await retry().run(
            repeatable: .idempotent, on: .classifiedErrors, judgingResult: verdict
        ) { attempt in
            made += 1
            #expect(attempt.failures.count == made - 1)
            return Response(answers[attempt.number - 1])
        }
        #expect(response.status == last)
        #expect(made == attempts)
    }

    @Test func `what acts twice is made again only if its result says that it did not act`() async throws {
        for (answers, last) in [([504, 200], 504), ([503, 200], 503)] {
            let response = try await retry().run(repeatable: .once, on: .anyError, judgingResult: verdict) { attempt in
                Response(answers[attempt.number - 1])
            }
            #expect(response.status == last)
        }
        let response = try await retry().run(
            repeatable: .once, on: .anyError, judgingResult: { $0.status == 503 ? .failed(.notSent()) : .succeeded }
        ) { attempt in Response(attempt.number == 1 ? 503 : 200) }
        #expect(response.status == 200)
    }

    @Test func `a breaker in a policy counts results that are failures and the caller gets them as results`()
        async throws
    {
        let breaker = try CircuitBreaker("x", trip: .consecutiveFailures(3), clock: clock)
        let policy = try Policy {
            try retry()
            breaker
        }
        // A 500 counts, and is not repeated.
        for count in 1...3 {
            let response = try await policy.run(repeatable: .idempotent, judgingResult: verdict) { _ in Response(500) }
            #expect(response.status == 500)
            #expect(breaker.snapshot().state == (count < 3 ? .closed : .open))
        }
        try await expectRejection(by: .circuitBreaker) {
            try await policy.run(repeatable: .idempotent, judgingResult: verdict) { _ in Response(200) }
        }
    }

    @Test func `a result that failed outlives the rejection that ends its retries`() async throws {
        let breaker = try CircuitBreaker("x", trip: .consecutiveFailures(1), clock: clock)
        let policy = try Policy {
            try retry()
            breaker
        }
        let response = try await policy.run(repeatable: .idempotent, judgingResult: verdict) { _ in Response(504) }
        #expect(response.status == 504)
        #expect(breaker.snapshot().state == .open)
    }

    @Test func `keyed breakers in a policy go by the result`() async throws {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(1)
        let shards = try CircuitBreakers<Int>("orders", configuration: configuration, clock: clock)
        let policy = try Policy { shards }
        _ = try await policy.run(repeatable: .once, with: CallOptions(key: 1), judgingResult: verdict) { _ in
            Response(500)
        }
        #expect(shards[1].snapshot().state == .open)
    }

    @Test func `stages with tasks of their own go by the result`() async throws {
        let clock = clock
        let breaker = try CircuitBreaker("x", trip: .consecutiveFailures(2), clock: clock)
        let policy = try AnyPolicy {
            try Deadline(.seconds(5), clock: clock)
            try retry(attempts: 2)
            breaker
            try Timeout(.seconds(1), clock: clock)
        }
        let status = try await policy.run(
            repeatable: .idempotent, judgingResult: { @Sendable in Self.verdict(on: $0) }
        ) { attempt in attempt.number == 1 ? 503 : 504 }
        #expect(status == 504)
        #expect(breaker.snapshot().evidence.count == 1, "what was declined is no streak, and what failed is")
    }

    @Test func `a fallback answers a result that is a failure`() async throws {
        let policy = try Policy { Fallback { _ in 200 } }
        let status = try await policy.run(repeatable: .once, judgingResult: { Self.verdict(on: $0) }) { _ in 500 }
        #expect(status == 200)
    }
}
