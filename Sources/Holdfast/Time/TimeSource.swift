/// Where drivers read the time from: the machine's monotonic clock in production, a manual clock in tests.
public protocol TimeSource: Clock where Instant == MonotonicInstant {}

/// The machine's monotonic clock. It never goes back, and it goes on while the machine is suspended, so a cooldown
/// that ran out during a suspension has run out.
public struct MonotonicClock: TimeSource {
    private static let origin = ContinuousClock.now

    public init() {}

    public var now: MonotonicInstant {
        MonotonicInstant(nanoseconds: Self.origin.duration(to: .now).saturatingNanoseconds)
    }

    public var minimumResolution: Duration { ContinuousClock().minimumResolution }

    public func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        let instant = Self.origin.advanced(by: .nanoseconds(deadline.nanoseconds))
        try await ContinuousClock().sleep(until: instant, tolerance: tolerance)
    }
}
