import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

@Suite struct ErrorMeaningTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    /// A client's own word for a cancellation.
    private struct ClientError: Error, CustomStringConvertible {
        let description: String
        static var cancelled: ClientError { ClientError(description: "ClientError.cancelled") }
    }

    private struct Wrapped: WrappingError {
        let inner: any Error
        var underlyingError: (any Error)? { inner }
    }

    private func retry(attempts: Int = 3) throws -> Retry {
        try Retry(.constant(.zero), attempts: attempts, budget: RetryBudget(clock: clock), clock: clock)
    }

    /// How an error comes to whoever judges it.
    enum Wrapping: CaseIterable {
        case bare, failedCall, failedFallback, ofTheCallers, twice

        func wrap(_ error: any Error) -> any Error {
            switch self {
            case .bare: error
            case .failedCall: CallFailure<any Error>([error], because: .notClassified)
            case .failedFallback: FallbackFailure(original: error, fallback: Broken())
            case .ofTheCallers: Wrapped(inner: error)
            case .twice: Wrapped(inner: CallFailure<any Error>([error], because: .attemptsExhausted))
            }
        }
    }

    @Test(arguments: Wrapping.allCases)
    func `an error means the same through every wrapping`(wrapping: Wrapping) async throws {
        let bulkhead = try Bulkhead("reports", limit: 1)
        let place = try bulkhead.tryAcquire()
        let rejection = try await #require(throws: Bulkhead.Rejection.self) { try await bulkhead.run {} }
        place.release()
        let limit = TimeLimit(.timeout, for: .seconds(1), clock: clock)
        #expect(ErrorMeaning(of: wrapping.wrap(CancellationError())).isCancellation)
        #expect(ErrorMeaning(of: wrapping.wrap(TimeoutError(limit: limit))).isTimeout)
        #expect(Judge.standard.verdict(on: wrapping.wrap(CancellationError())) == .abandoned)
        #expect(Judge.standard.verdict(on: wrapping.wrap(rejection)) == .abandoned)
        #expect(Judge.standard.verdict(on: wrapping.wrap(TimeoutError(limit: limit))) == .failed)
        #expect(Judge.standard.verdict(on: wrapping.wrap(Broken())) == .failed)
        #expect(Judge.custom { $0 is Broken ? .succeeded : nil }.verdict(on: wrapping.wrap(Broken())) == .succeeded)
        #expect(FailureClassifier.anyError.classify(wrapping.wrap(CancellationError())) == nil)
        #expect(FailureClassifier.classifiedErrors.classify(wrapping.wrap(CancellationError())) == nil)
        await #expect(throws: (any Error).self) {
            try await withFallback {
                throw wrapping.wrap(CancellationError())
            } fallback: { _ in
                Issue.record("a cancellation was answered")
            }
        }
    }

    @Test func `a wrapping that leads in a circle ends`() {
        struct Circle: WrappingError { var underlyingError: (any Error)? { self } }
        #expect(!ErrorMeaning(of: Circle()).isCancellation)
    }

    @Test func `a deadline above a retry is told as a deadline and keeps the attempts before`() async throws {
        let (clock, retry) = (clock, try retry())
        let call = Task {
            try await withDeadline(in: .seconds(1), clock: clock) {
                try await retry.run(repeatable: .idempotent, on: .anyError) { attempt in
                    if attempt.number == 1 { throw Broken() }
                    try await clock.sleep(for: .seconds(9))
                }
            }
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        let error = await #expect(throws: TimeoutError.self) { try await call.value }
        #expect(error?.limit.kind == .deadline)
        let failure = error?.underlyingError as? CallFailure<any Error>
        #expect(failure?.all.first is Broken)
        #expect(failure?.reason == .cancelled)
    }

    @Test func `a client's own cancellation error under a deadline is told as the deadline`() async throws {
        let clock = clock
        let call = Task {
            try await withDeadline(in: .seconds(1), clock: clock) {
                do { try await clock.sleep(for: .seconds(9)) } catch { throw ClientError.cancelled }
            }
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        await #expect(throws: TimeoutError.self) { try await call.value }
    }

    @Test func `a caller that cancels trips no breaker above a retry whatever its client throws`() async throws {
        let (clock, retry) = (clock, try retry())
        let breaker = try CircuitBreaker("x", trip: .consecutiveFailures(1), clock: clock)
        for thrown in [CancellationError(), ClientError.cancelled, Broken()] as [any Error] {
            let call = Task {
                try await breaker.run {
                    try await retry.run(repeatable: .idempotent, on: .anyError) { _ in
                        do { try await clock.sleep(for: .seconds(9)) } catch { throw thrown }
                    }
                }
            }
            await clock.sleepers(1)
            call.cancel()
            let failure = await #expect(throws: CallFailure<any Error>.self) { try await call.value }
            #expect(failure?.reason == .cancelled)
            #expect(failure?.all.count == 1)
            #expect(breaker.snapshot().state == .closed)
        }
    }

    @Test func `a rejection by a bulkhead below a retry trips no breaker above it`() async throws {
        let retry = try retry()
        let breaker = try CircuitBreaker("x", trip: .consecutiveFailures(1), clock: clock)
        let bulkhead = try Bulkhead("reports", limit: 1)
        let place = try bulkhead.tryAcquire()
        try await expectRejection(by: .bulkhead) {
            try await breaker.run {
                try await retry.run(repeatable: .idempotent, on: .anyError) { _ in try await bulkhead.run {} }
            }
        }
        place.release()
        #expect(breaker.snapshot().state == .closed)
    }

    @Test func `a caller that was cancelled before its limit was cancelled`() async throws {
        let clock = clock
        let gate = ManualClock()
        let call = Task {
            try await withDeadline(in: .seconds(1), clock: clock) {
                do { try await clock.sleep(for: .seconds(9)) } catch {
                    // It is slow to end.
                    await Task { try? await gate.sleep(for: .seconds(1)) }.value
                    throw error
                }
            }
        }
        await clock.sleepers(2)
        call.cancel()
        await gate.sleepers(1)
        clock.advance(by: .seconds(2))
        gate.advance(by: .seconds(1))
        await #expect(throws: CancellationError.self) { try await call.value }
    }

    @Test func `a fallback is asked about what really happened`() async throws {
        let retry = try retry()
        let value: Int = try await withFallback(on: { $0 is Broken }) {
            try await retry.run(repeatable: .idempotent, on: .anyError) { _ in throw Broken() }
        } fallback: { error in
            #expect(error is CallFailure<any Error>)
            return 7
        }
        #expect(value == 7)
    }
}
