/// Runs the body in the caller's own task, and lets what waits below know until when. Nothing cancels the body: a call to
/// a silent service that nothing else ends is waited for, past the limit.
///
/// For a body that ``withDeadline(_:tolerance:clock:_:)`` cannot take, because it belongs to the caller's task: it
/// changes a variable or an `inout` parameter, adds tasks to a group around it, or calls a closure that does. The `next`
/// of an interceptor of gRPC Swift is such a closure too, and nothing in Holdfast can end it from the inside: put the
/// limit around the call of the generated client (<doc:CallsOverGRPC>).
///
/// What heeds the limit: the waits of Holdfast's own policies below (a retry's backoff, a bulkhead's queue, a rate
/// limiter's turn, a single flight), and every ``withDeadline(_:tolerance:clock:_:)`` and ``Timeout`` below, which cancel
/// their bodies at the earlier of both limits. What does not heed it: a client that is called directly. Give it
/// ``Lineage/remaining`` as its own timeout.
///
/// A value counts although it is late, as with ``withDeadline(_:tolerance:clock:_:)``.
///
/// - Throws: ``TimeoutError`` when the time is over before the body begins, or when the body ends with a cancellation
///   that was the limit's doing; otherwise what the body throws.
nonisolated(nonsending) public func withCooperativeDeadline<R>(
    _ deadline: MonotonicInstant, clock: any TimeSource = MonotonicClock(),
    _ body: nonisolated(nonsending) () async throws -> R
) async throws -> R {
    try await cooperating(TimeLimit(.deadline, at: deadline, duration: nil, clock: clock), body)
}

/// ``withCooperativeDeadline(_:clock:_:)`` relative to now.
nonisolated(nonsending) public func withCooperativeDeadline<R>(
    in duration: Duration, clock: any TimeSource = MonotonicClock(),
    _ body: nonisolated(nonsending) () async throws -> R
) async throws -> R {
    try await cooperating(TimeLimit(.deadline, for: duration, clock: clock), body)
}

nonisolated(nonsending) private func cooperating<R>(
    _ limit: TimeLimit, _ body: nonisolated(nonsending) () async throws -> R
) async throws -> R {
    guard !limit.hasPassed else { throw TimeoutError.now(limit) }
    do {
        return try await LineageFrame.run(.limit(limit, .cooperative), body)
    } catch {
        // A cancellation in a task that nobody has cancelled, after the time: something below heeded the limit.
        if !Task.isCancelled, limit.hasPassed, ErrorMeaning.tellsOfCancellation(error) {
            throw TimeoutError.now(limit, underlyingError: error)
        }
        throw error
    }
}

/// Bounds a call, with all its attempts, without cancelling it, so that a silent client is not ended:
/// ``withCooperativeDeadline(_:clock:_:)`` as a stage of a
/// ``Policy``, which then takes an operation that need not be `Sendable`.
public struct CooperativeDeadline: PolicyStage {
    public let duration: Duration
    private let clock: any TimeSource

    /// - Parameters:
    ///   - duration: 1 ms to 1 day, from when the call begins.
    ///   - clock: What time is measured on.
    /// - Throws: ``ConfigurationError`` for a duration out of its range.
    public init(_ duration: Duration, clock: any TimeSource = MonotonicClock()) throws(ConfigurationError) {
        try require("deadline", duration, in: .milliseconds(1) ... .seconds(86_400))
        self.duration = duration
        self.clock = clock
    }

    public var shape: PolicyShape {
        PolicyShape(.deadline, "no longer than \(duration), with all attempts; cancels nothing")
    }

    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        let limit = TimeLimit(.deadline, for: attempt.options.deadline ?? duration, clock: clock)
        return try await cooperating(limit) { try await next(attempt) }
    }
}

/// Bounds one attempt without cancelling it, so that a silent client is not ended:
/// ``withCooperativeDeadline(_:clock:_:)`` as a stage of a ``Policy``, below
/// its retry.
public struct CooperativeTimeout: PolicyStage {
    public let duration: Duration
    private let clock: any TimeSource

    /// - Parameters:
    ///   - duration: 1 ms to 1 day, from when the attempt begins.
    ///   - clock: What time is measured on.
    /// - Throws: ``ConfigurationError`` for a duration out of its range.
    public init(_ duration: Duration, clock: any TimeSource = MonotonicClock()) throws(ConfigurationError) {
        try require("timeout", duration, in: .milliseconds(1) ... .seconds(86_400))
        self.duration = duration
        self.clock = clock
    }

    public var shape: PolicyShape { PolicyShape(.timeout, "no longer than \(duration) an attempt; cancels nothing") }

    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        let limit = TimeLimit(.timeout, for: attempt.options.timeout ?? duration, clock: clock)
        return try await cooperating(limit) { try await next(attempt) }
    }
}
