/// Runs the body until an instant at the latest.
///
/// At the deadline the body is cancelled, and waited for: a body that does not heed cancellation is not left behind, so
/// it holds the caller up. If it returns a value all the same, that is the result. Limits nest: of several, the
/// earliest counts, and ``Lineage/remaining`` tells what is left.
///
/// The shape is that of SE-0526, so that the standard library's own can take its place.
///
/// - Parameters:
///   - deadline: An instant on `clock`.
///   - tolerance: How much later the body may be cancelled.
/// - Throws: ``TimeoutError``; otherwise what the body throws.
nonisolated(nonsending) public func withDeadline<R>(
    _ deadline: MonotonicInstant, tolerance: Duration? = nil, clock: any TimeSource = MonotonicClock(),
    _ body: nonisolated(nonsending) () async throws -> R
) async throws -> R {
    try await within(TimeLimit(.deadline, at: deadline, duration: nil, clock: clock), tolerance: tolerance, body)
}

/// Runs the body for so long at the most: ``withDeadline(_:tolerance:clock:_:)`` relative to now.
nonisolated(nonsending) public func withDeadline<R>(
    in duration: Duration, tolerance: Duration? = nil, clock: any TimeSource = MonotonicClock(),
    _ body: nonisolated(nonsending) () async throws -> R
) async throws -> R {
    let limit = TimeLimit(.deadline, at: clock.now.advanced(by: duration), duration: duration, clock: clock)
    return try await within(limit, tolerance: tolerance, body)
}

/// Bounds a call, with all its attempts: a stage of a ``Policy``, above its retry.
public struct Deadline: PolicyStage {
    public let duration: Duration
    private let clock: any TimeSource

    /// - Parameter duration: 1 ms to 1 day, from when the call begins.
    /// - Throws: ``ConfigurationError`` for a duration out of its range.
    public init(_ duration: Duration, clock: any TimeSource = MonotonicClock()) throws(ConfigurationError) {
        try require("deadline", duration, in: .milliseconds(1) ... .seconds(86_400))
        self.duration = duration
        self.clock = clock
    }

    public var shape: PolicyShape { PolicyShape(.deadline, "no longer than \(duration), with all attempts") }

    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        let limit = TimeLimit(.deadline, at: clock.now.advanced(by: duration), duration: duration, clock: clock)
        return try await within(limit) { try await next(attempt) }
    }
}

/// Bounds one attempt: a stage of a ``Policy``, below its retry.
public struct Timeout: PolicyStage {
    public let duration: Duration
    private let clock: any TimeSource

    /// - Parameter duration: 1 ms to 1 day, from when the attempt begins.
    /// - Throws: ``ConfigurationError`` for a duration out of its range.
    public init(_ duration: Duration, clock: any TimeSource = MonotonicClock()) throws(ConfigurationError) {
        try require("timeout", duration, in: .milliseconds(1) ... .seconds(86_400))
        self.duration = duration
        self.clock = clock
    }

    public var shape: PolicyShape { PolicyShape(.timeout, "no longer than \(duration) an attempt") }

    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        let limit = TimeLimit(.timeout, at: clock.now.advanced(by: duration), duration: duration, clock: clock)
        return try await within(limit) { try await next(attempt) }
    }
}
