/// Runs the body until an instant at the latest.
///
/// At the deadline the body is cancelled, and waited for: a body that does not heed cancellation is not left behind, so
/// it holds the caller up. If it returns a value all the same, that is the result. Whatever it throws then is told as the
/// limit, with that error inside. Limits nest: of several, the earliest counts, and ``Lineage/remaining`` tells what is
/// left.
///
/// The body runs on the caller's actor, in a child task, since only a task can be cancelled without its parent. So it is
/// `Sendable`: it may use the actor's state, and may not touch what belongs to the caller's task alone, such as a
/// variable, an `inout` parameter, or the task group that it is called in. For a body that does, there is
/// ``withCooperativeDeadline(_:clock:_:)``, which cancels nothing.
///
/// The shape is that of SE-0526, so that the standard library's own can take its place. That one will run the body in
/// the caller's task, with a means of the runtime that Swift 6.3 does not have.
///
/// - Parameters:
///   - deadline: An instant on `clock`.
///   - tolerance: How much later the body may be cancelled.
///   - clock: What time is measured on.
///   - body: The call.
/// - Throws: ``TimeoutError``; otherwise what the body throws.
nonisolated(nonsending) public func withDeadline<R: Sendable>(
    _ deadline: MonotonicInstant, tolerance: Duration? = nil, clock: any TimeSource = MonotonicClock(),
    @_inheritActorContext @_implicitSelfCapture
    _ body: nonisolated(nonsending) @escaping @Sendable () async throws -> R
) async throws -> R {
    try await within(TimeLimit(.deadline, at: deadline, duration: nil, clock: clock), tolerance: tolerance, body)
}

/// Runs the body for so long at the most: ``withDeadline(_:tolerance:clock:_:)`` relative to now.
nonisolated(nonsending) public func withDeadline<R: Sendable>(
    in duration: Duration, tolerance: Duration? = nil, clock: any TimeSource = MonotonicClock(),
    @_inheritActorContext @_implicitSelfCapture
    _ body: nonisolated(nonsending) @escaping @Sendable () async throws -> R
) async throws -> R {
    try await within(TimeLimit(.deadline, for: duration, clock: clock), tolerance: tolerance, body)
}

/// Runs one attempt at something for so long at the most: ``withDeadline(in:tolerance:clock:_:)``, whose error speaks of
/// a timeout.
nonisolated(nonsending) public func withTimeout<R: Sendable>(
    _ duration: Duration, tolerance: Duration? = nil, clock: any TimeSource = MonotonicClock(),
    @_inheritActorContext @_implicitSelfCapture
    _ body: nonisolated(nonsending) @escaping @Sendable () async throws -> R
) async throws -> R {
    try await within(TimeLimit(.timeout, for: duration, clock: clock), tolerance: tolerance, body)
}

/// Bounds a call, with all its attempts: a stage of a ``Policy``, above its retry.
public struct Deadline: ConcurrentPolicyStage {
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

    public var shape: PolicyShape { PolicyShape(.deadline, "no longer than \(duration), with all attempts") }

    nonisolated(nonsending) public func run<R: Sendable>(
        _ attempt: Attempt, concurrently next: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        let limit = TimeLimit(.deadline, for: attempt.options.deadline ?? duration, clock: clock)
        return try await within(limit) { try await next(attempt) }
    }
}

/// Bounds one attempt: a stage of a ``Policy``, below its retry.
public struct Timeout: ConcurrentPolicyStage {
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

    public var shape: PolicyShape { PolicyShape(.timeout, "no longer than \(duration) an attempt") }

    nonisolated(nonsending) public func run<R: Sendable>(
        _ attempt: Attempt, concurrently next: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        let limit = TimeLimit(.timeout, for: attempt.options.timeout ?? duration, clock: clock)
        return try await within(limit) { try await next(attempt) }
    }
}
