import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import HoldfastTesting
import Testing

/// What Holdfast's errors are called towards a client.
@Suite struct ProblemOfErrorTests {
    private struct Other: Error {}
    private let secret = "psql: password wrong"

    private func body(_ problem: Problem) -> String { String(decoding: problem.body, as: UTF8.self) }

    @Test func `each error of a key is a problem of its own, and tells no more than its caller may know`() {
        let id = RecordID(bytes: [UInt8](repeating: 7, count: 32))
        let problems: [(IdempotencyError, Problem.Kind, Int)] = [
            (.inFlight, .keyInFlight, 409), (.mismatched, .keyReused, 422),
            (.unknown(id, fence: 3), .outcomeUnknown, 409),
            (.notKept, .responseNotKept, 409), (.unreadable(secret), .responseNotKept, 409),
            (.failed(secret), .responseNotKept, 409), (.limited, .tooManyKeys, 429),
            (.unavailable(ClaimStoreError(.failed, secret)), .storeUnavailable, 503),
            (.unavailable(ClaimStoreError(.full, secret)), .storeFull, 503),
        ]
        for (error, kind, status) in problems {
            let problem = Problem(error)
            #expect(problem.kind == kind && problem.status == status)
            #expect(!body(problem).contains("psql"))
        }
        #expect(Problem(.unknown(id, fence: 3)).record == id.description)
        #expect(Problem(.unreadable(secret)).cause?.detail == secret)
        #expect(Problem(.unavailable(ClaimStoreError(.failed, secret))).cause?.detail == secret)
        #expect(Problem(.limited, retention: .seconds(86_400)).retryAfter == .seconds(3_600))
        #expect(Problem(.limited).retryAfter == nil)
    }

    @Test func `a rejection by a policy is a 503 that says when to come again, and names nothing of the service's`()
        async throws
    {
        let clock = ManualClock()
        let breaker = try CircuitBreaker(
            "the bank's", trip: .consecutiveFailures(1), cooldown: .seconds(9), clock: clock)
        let isolation = breaker.isolate()
        defer { isolation.release() }
        let bulkhead = try Bulkhead("rooms", limit: 1)
        for (error, kind) in [
            (await rejection { try await breaker.run {} }, Problem.Kind.circuitOpen),
            (await rejection { try await bulkhead.run { try await bulkhead.run {} } }, .limitReached),
        ] {
            let problem = try #require(error.flatMap { Problem(of: $0) })
            #expect(problem.kind == kind && problem.status == 503)
            #expect(!body(problem).contains("bank") && !body(problem).contains("rooms"))
            #expect(problem.cause?.explanation != nil)
        }
    }

    private func rejection(_ call: () async throws -> Void) async -> (any Error)? {
        do { try await call() } catch { return error }
        return nil
    }

    @Test func `what a retry has wrapped is told as what it is`() async throws {
        let clock = ManualClock()
        let retry = try Retry(.constant(.zero), attempts: 2, budget: RetryBudget(clock: clock), clock: clock)
        let error = await rejection {
            try await retry.run(repeatable: .idempotent, on: .anyError) { _ in throw IdempotencyError.inFlight }
        }
        #expect(error is any RetriedError)
        #expect(error.flatMap { Problem(of: $0) }?.kind == .keyInFlight)
        let late = await rejection { try await withDeadline(clock.now, clock: clock) {} }
        #expect(late.flatMap { Problem(of: $0) }?.kind == .deadline)
    }

    @Test func `an error of somebody else's is none of ours to answer`() {
        #expect(Problem(of: Other()) == nil)
        #expect(Problem(of: CancellationError()) == nil)
    }
}
