import Holdfast

/// A clock on which the caller leaves at the very instant at which a wait ends: the sleep returns as any other.
struct LeavingClock: TimeSource {
    var now: MonotonicInstant { MonotonicInstant(nanoseconds: 0) }
    var minimumResolution: Duration { .nanoseconds(1) }
    /// Cancels the caller.
    let leave: @Sendable () -> Void

    func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws { leave() }
}
