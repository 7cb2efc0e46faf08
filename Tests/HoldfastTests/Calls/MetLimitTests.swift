import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

/// A limit that was met is told as that, whatever its client throws once it has been cancelled.
@Suite struct MetLimitTests {
    private let clock = ManualClock()

    /// Says nothing of a cancellation, as `RPCError(.unavailable)` or "I/O on closed channel".
    private struct StreamClosed: Error {}
    private struct ClientError: Error, CustomStringConvertible { let description: String }
    /// Says what it proves.
    private struct Classified: ClassifiedError { let failureClass: FailureClass }
    private struct RPCError: Error {
        var code = 2
        var cause: (any Error)?
    }
    private struct Wrapping: WrappingError { let underlyingError: (any Error)? }

    /// What a client throws, and what the timeout then proves.
    private static var thrown: [(any Error, FailureClass)] {
        [
            (CancellationError(), .unknown), (StreamClosed(), .unknown),
            (ClientError(description: "HTTPClientError.cancelled"), .unknown),
            (ClientError(description: "connection reset"), .unknown),
            (Classified(failureClass: .unknown), .unknown), (Classified(failureClass: .notSent()), .notSent()),
            (Classified(failureClass: .failed), .failed), (RPCError(cause: CancellationError()), .unknown),
            (RPCError(cause: StreamClosed()), .unknown), (Wrapping(underlyingError: StreamClosed()), .unknown),
            (CallFailure<any Error>([StreamClosed()], because: .cancelled), .unknown),
        ]
    }

    /// The ways to set a limit.
    private enum Form: CaseIterable {
        case withTimeout, withDeadline, timeout, deadline, timeoutBelowHedge, deadlineAboveRetry

        nonisolated(nonsending) func run(
            _ clock: ManualClock, _ body: nonisolated(nonsending) @escaping @Sendable () async throws -> Void
        ) async throws {
            let budget = try RetryBudget(clock: clock)
            switch self {
            case .withTimeout: try await Holdfast.withTimeout(.seconds(1), clock: clock, body)
            case .withDeadline: try await Holdfast.withDeadline(in: .seconds(1), clock: clock, body)
            case .timeout:
                try await Policy { try Timeout(.seconds(1), clock: clock) }.run(repeatable: .once) { _ in
                    try await body()
                }
            case .deadline:
                try await Policy { try Deadline(.seconds(1), clock: clock) }.run(repeatable: .once) { _ in
                    try await body()
                }
            case .timeoutBelowHedge:
                let policy = try Policy {
                    try Hedge(after: .seconds(60), budget: budget, clock: clock)
                    try Timeout(.seconds(1), clock: clock)
                }
                try await policy.run(repeatable: .idempotent) { _ in try await body() }
            case .deadlineAboveRetry:
                let policy = try Policy {
                    try Deadline(.seconds(1), clock: clock)
                    try Retry(.constant(.zero), budget: budget, clock: clock)
                }
                try await policy.run(repeatable: .idempotent) { _ in try await body() }
            }
        }
    }

    /// Lets the body hang until its limit cancels it, and has it throw this then.
    private func meet(_ form: Form, throwing thrown: any Error) async throws {
        let clock = ManualClock()
        let call = Task {
            try await form.run(clock) {
                do { try await clock.sleep(for: .seconds(9), as: .hang) } catch { throw thrown }
            }
        }
        try await clock.sleepers(1, for: .limit)
        try await clock.sleepers(1, for: .hang)
        clock.advance(by: .seconds(1))
        try await call.value
    }

    @Test(arguments: Self.thrown.indices)
    func `whatever a client throws after its limit has cancelled it is told as the limit`(index: Int) async throws {
        let (error, proof) = Self.thrown[index]
        for form in Form.allCases {
            let told = await #expect(throws: TimeoutError.self, "\(form)") { try await meet(form, throwing: error) }
            guard let told else { continue }
            if error is CancellationError {
                #expect(told.underlyingError == nil || told.underlyingError is CallFailure<any Error>, "\(form)")
            } else {
                #expect(told.underlyingError != nil, "\(form)")
            }
            if form != .deadlineAboveRetry { #expect(told.failureClass == proof, "\(form)") }
            #expect(Judge.standard.verdict(on: told) == .failed, "\(form)")
            #expect(FailureClassifier.classifiedErrors.classify(told) != nil, "\(form)")
        }
    }

    @Test func `a rejection that comes late is a rejection still`() async throws {
        let bulkhead = try Bulkhead("reports", limit: 1)
        let place = try bulkhead.tryAcquire()
        let rejection = try await #require(throws: Bulkhead.Rejection.self) { try await bulkhead.run {} }
        place.release()
        for form in Form.allCases where form != .deadlineAboveRetry {
            await #expect(throws: Bulkhead.Rejection.self) { try await meet(form, throwing: rejection) }
        }
    }

    @Test func `a result that was judged a failure is returned although it is late`() async throws {
        let clock = clock
        let policy = try Policy { try Timeout(.seconds(1), clock: clock) }
        let call = Task {
            try await policy.run(repeatable: .once, judgingResult: { $0 == 503 ? .failed(.failed) : .succeeded }) { _ in
                try? await clock.sleep(for: .seconds(9), as: .hang)
                return 503
            }
        }
        try await clock.sleepers(1, for: .limit)
        clock.advance(by: .seconds(1))
        try await expectEqual(call.value, 503)
    }

    @Test func `what a body throws after its limit is told as the limit although it waited for nothing`() async throws {
        for form in Form.allCases {
            let clock = ManualClock()
            let told = await #expect(throws: TimeoutError.self, "\(form)") {
                try await form.run(clock) {
                    clock.advance(by: .seconds(1))
                    throw StreamClosed()
                }
            }
            #expect(told?.underlyingError != nil, "\(form)")
        }
    }

    @Test func `what a client throws before its limit is thrown as it is`() async throws {
        for form in Form.allCases where form != .deadlineAboveRetry {
            await #expect(throws: StreamClosed.self, "\(form)") {
                try await form.run(ManualClock()) { throw StreamClosed() }
            }
        }
    }

    @Test func `what a client throws because its caller gave up is no timeout`() async throws {
        let clock = clock
        let call = Task {
            try await withTimeout(.seconds(1), clock: clock) {
                do { try await clock.sleep(for: .seconds(9)) } catch { throw StreamClosed() }
            }
        }
        await clock.sleepers(2)
        call.cancel()
        await #expect(throws: StreamClosed.self) { try await call.value }
    }

    @Test func `a client's own word for a cancellation is told as the cooperative limit`() async throws {
        let clock = clock
        for word in [ClientError(description: "HTTPClientError.cancelled"), CancellationError()] as [any Error] {
            await #expect(throws: TimeoutError.self) {
                try await withCooperativeDeadline(in: .seconds(1), clock: clock) {
                    clock.advance(by: .seconds(2))
                    throw word
                }
            }
        }
        await #expect(throws: StreamClosed.self) {
            try await withCooperativeDeadline(in: .seconds(1), clock: clock) {
                clock.advance(by: .seconds(2))
                throw StreamClosed()
            }
        }
    }
}
