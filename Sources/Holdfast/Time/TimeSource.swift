/// Where drivers read the time from: the machine's monotonic clock in production, a manual clock in tests.
public protocol TimeSource: Clock where Instant == MonotonicInstant {
    /// Sleeps, and says what for. Default: as a clock sleeps, whatever it is for.
    func sleep(until deadline: MonotonicInstant, tolerance: Duration?, as purpose: SleepPurpose) async throws
}

extension TimeSource {
    public func sleep(until deadline: MonotonicInstant, tolerance: Duration?, as purpose: SleepPurpose) async throws {
        try await sleep(until: deadline, tolerance: tolerance)
    }

    /// Sleeps for a while, and says what for.
    public func sleep(for duration: Duration, as purpose: SleepPurpose) async throws {
        try await sleep(until: now.advanced(by: duration), tolerance: nil, as: purpose)
    }
}

/// The machine's monotonic clock. It never goes back, and it goes on while the machine is suspended, so a cooldown
/// that ran out during a suspension has run out.
public struct MonotonicClock: TimeSource {
    private static let origin = ContinuousClock.now

    public init() {}

    public var now: MonotonicInstant {
        // The time since the origin is positive and less than 292 years, so one division does.
        let attoseconds = UInt128(truncatingIfNeeded: Self.origin.duration(to: .now).attoseconds)
        let (high, low) = (UInt64(truncatingIfNeeded: attoseconds >> 64), UInt64(truncatingIfNeeded: attoseconds))
        let nanoseconds = UInt64(1_000_000_000).dividingFullWidth((high, low)).quotient
        return MonotonicInstant(nanoseconds: Int64(truncatingIfNeeded: nanoseconds))
    }

    public var minimumResolution: Duration { ContinuousClock().minimumResolution }

    public func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        let instant = Self.origin.advanced(by: .nanoseconds(deadline.nanoseconds))
        try await ContinuousClock().sleep(until: instant, tolerance: tolerance)
    }
}
