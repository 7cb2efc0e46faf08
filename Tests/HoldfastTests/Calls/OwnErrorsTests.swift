import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

/// What Holdfast itself throws has its meaning before anybody's rule is asked, and through the wrapping of other libraries.
@Suite struct OwnErrorsTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    // MARK: Errors of other libraries

    /// As gRPC Swift's: whatever an interceptor throws becomes its cause.
    private struct RPCError: Error {
        var code = 2
        var message = ""
        var cause: (any Error)?
    }
    /// As Swift OpenAPI's `ClientError`.
    private struct ClientError: Error { var underlyingError: any Error }
    private enum Enumeration: Error { case underlying(any Error) }
    private final class Object: Error {
        let cause: any Error
        init(_ cause: any Error) { self.cause = cause }
    }
    /// Says what it proves, and is asked later.
    private struct Classified: ClassifiedError {
        let cause: any Error
        var failureClass: FailureClass { .failed }
    }
    private struct Another: Error { var notTheCause: any Error }

    private func wrapped(_ error: any Error) -> [any Error] {
        [
            error, RPCError(cause: error), ClientError(underlyingError: error), Enumeration.underlying(error),
            Object(error), Classified(cause: error), RPCError(cause: RPCError(code: 14, cause: error)),
            CallFailure<any Error>([RPCError(cause: error)], because: .notClassified),
            RPCError(cause: CallFailure<any Error>([error], because: .attemptsExhausted)),
        ]
    }

    private var timeout: TimeoutError { TimeoutError(limit: TimeLimit(.timeout, for: .seconds(1), clock: clock)) }

    private func rejection() throws -> Bulkhead.Rejection {
        let bulkhead = try Bulkhead("reports", limit: 1)
        let place = try bulkhead.tryAcquire()
        let result = Result { () throws(Bulkhead.Rejection) in try bulkhead.tryAcquire().release() }
        place.release()
        guard case .failure(let rejection) = result else { throw Broken() }
        return rejection
    }

    @Test func `a rejection and a timeout are seen through the errors of other libraries`() throws {
        let rejection = try rejection()
        for error in wrapped(rejection) {
            guard case .rejection(let found) = ErrorMeaning(of: error) else {
                Issue.record("\(error)")
                continue
            }
            #expect(found.explanation == rejection.explanation)
            #expect(Judge.standard.verdict(on: error) == .abandoned, "\(error)")
        }
        for error in wrapped(timeout) { #expect(ErrorMeaning(of: error).isTimeout, "\(error)") }
    }

    @Test func `what else another library keeps in its errors is its own affair`() throws {
        #expect(!ErrorMeaning(of: RPCError(code: 14, cause: CancellationError())).isCancellation)
        #expect(ErrorMeaning.core(of: RPCError(cause: Broken())) is RPCError)
        #expect(ErrorMeaning.core(of: Another(notTheCause: timeout)) is Another)
        #expect(Judge.standard.verdict(on: RPCError(cause: Broken())) == .failed)
    }

    @Test func `a failed call proves what its attempts prove, through the errors of other libraries`() throws {
        let rejection = try rejection()
        let failure = CallFailure<any Error>([Broken(), RPCError(cause: rejection)], because: .attemptsExhausted)
        #expect(failure.last is Broken)
        let rejected = CallFailure<any Error>([RPCError(cause: rejection)], because: .rejected)
        #expect(rejected.failureClass == rejection.failureClass)
    }

    // MARK: Rules

    /// Says of everything that it is worth another attempt, and writes down what it was asked about.
    private func classifier(_ asked: Counter, repeatsTimeouts: Bool = true) -> FailureClassifier {
        FailureClassifier(repeatsTimeouts: repeatsTimeouts) { _ in
            asked.add()
            return .failed
        }
    }

    private func retry(on classifier: FailureClassifier = .anyError) throws -> Retry {
        try Retry(.constant(.zero), budget: RetryBudget(clock: clock), on: classifier, clock: clock)
    }

    /// Those that say for how long they reject.
    private func rejecting() throws -> [any PolicyStage] {
        let breaker = try CircuitBreaker("payments", trip: .consecutiveFailures(1), clock: clock)
        try breaker.admit().failed()
        let limiter = try RateLimiter("partner", .tokenBucket(calls: 1, per: .seconds(3_600), burst: 1), clock: clock)
        try limiter.acquire()
        return [breaker, limiter]
    }

    @Test func `no classifier is asked about a rejection, and one that asks for longer ends the call`() async throws {
        for stage in try rejecting() {
            let asked = Counter()
            let retry = try retry(on: classifier(asked))
            let direct = await #expect(throws: CallFailure<any Error>.self, "\(stage.shape)") {
                try await retry.run(repeatable: .idempotent, on: classifier(asked)) { attempt in
                    try await stage.run(attempt) { _ in }
                }
            }
            let wrapped = await #expect(throws: CallFailure<any Error>.self, "\(stage.shape)") {
                try await retry.run(repeatable: .once, on: classifier(asked)) { attempt in
                    do { try await stage.run(attempt) { _ in } } catch { throw RPCError(cause: error) }
                }
            }
            let inPolicy = await #expect(throws: CallFailure<any Error>.self, "\(stage.shape)") {
                try await Policy {
                    retry
                    AnyInPlaceStage(stage)
                }.run(repeatable: .idempotent) { _ in }
            }
            for failure in [direct, wrapped, inPolicy] {
                #expect(failure?.reason == .rejected && failure?.all.count == 1, "\(stage.shape)")
            }
            #expect(asked.value == 0)
        }
    }

    @Test func `no classifier is asked about a rejection that may pass at once`() async throws {
        let bulkhead = try Bulkhead("reports", limit: 1, clock: clock)
        let place = try bulkhead.tryAcquire()
        let asked = Counter()
        // It was certainly not sent, so even what acts twice may be made again.
        let failure = try await #require(throws: CallFailure<any Error>.self) {
            try await retry().run(repeatable: .once, on: classifier(asked)) { _ in try await bulkhead.run {} }
        }
        #expect(failure.reason == .attemptsExhausted && failure.all.count == 3 && asked.value == 0)
        place.release()
    }

    @Test func `no classifier is asked about a timeout, which proves nothing`() async throws {
        let (asked, timeout) = (Counter(), timeout)
        let once = await #expect(throws: CallFailure<any Error>.self) {
            try await retry().run(repeatable: .once, on: classifier(asked)) { _ in throw timeout }
        }
        #expect(once?.reason == .notRepeatable)
        let failure = await #expect(throws: CallFailure<any Error>.self) {
            try await retry().run(repeatable: .idempotent, on: classifier(asked)) { _ in throw timeout }
        }
        #expect(failure?.all.count == 3 && failure?.failureClass == .unknown)
        let choosy = await #expect(throws: CallFailure<any Error>.self) {
            try await retry().run(repeatable: .idempotent, on: classifier(asked, repeatsTimeouts: false)) { _ in
                throw timeout
            }
        }
        #expect(choosy?.all.count == 1 && choosy?.reason == .notClassified)
        #expect(asked.value == 0)
        _ = try? await retry().run(repeatable: .once, on: classifier(asked)) { _ in throw Broken() }
        #expect(asked.value == 1)
    }

    /// As somebody writes it who thinks of responses: what is not one of mine is no failure.
    @Test(arguments: [Verdict.succeeded, .failed, .declined, .abandoned])
    func `no rule is asked about a timeout, a cancellation, a rejection or a judged result`(verdict: Verdict) throws {
        let judge = Judge.custom { _ in verdict }
        for error in try wrapped(rejection()) { #expect(judge.verdict(on: error) == .abandoned, "\(error)") }
        for error in wrapped(timeout) { #expect(judge.verdict(on: error) == .failed, "\(error)") }
        #expect(judge.verdict(on: CancellationError()) == .abandoned)
        #expect(judge.verdict(on: MarkedResult(verdict: .failedForGood)) == .failed)
        #expect(judge.verdict(on: MarkedResult(verdict: .failed(.rejected()))) == .declined)
        #expect(judge.verdict(on: Broken()) == verdict)
        let patient = Judge.custom(timeouts: .abandoned) { _ in verdict }.judgingResults(of: Int.self) { _ in .failed }
        #expect(patient.verdict(on: timeout) == .abandoned)
    }

    @Test func `a breaker trips on timeouts whatever its rule says of responses`() async throws {
        let clock = clock
        let breaker = try CircuitBreaker(
            "payments", configuration: CircuitBreakerConfiguration(), judging: .custom { _ in .succeeded }, clock: clock
        )
        for _ in 0..<5 {
            _ = try? await breaker.run {
                try await withDeadline(clock.now, clock: clock) {}
            }
        }
        #expect(breaker.snapshot().state == .open)
    }
}
