/// How long a breaker stays open.
public struct Cooldown: Sendable, Hashable, CustomStringConvertible {
    /// The cooldown after the first trip: 1 ms to 1 day.
    public let base: Duration
    /// The longest cooldown: from `base` to 1 day.
    public let cap: Duration
    /// By what it grows with each trip in a row: 1 to 10. A trip is in a row when the breaker has not been closed since
    /// the one before it.
    public let factor: Double
    /// How far below that it may be drawn: 0 to 1. It is drawn after the cap is applied, so that breakers that tripped
    /// together do not probe together, at the cap either.
    public let jitter: Double

    /// The same cooldown after each trip.
    ///
    /// - Parameters:
    ///   - duration: How long the breaker stays open.
    ///   - jitter: At 0.1, the cooldown is between nine tenths of it and the whole. Default: 0.1, so that the breakers
    ///     of a fleet, which trip together, do not probe in step. At 0, it is exact.
    public static func fixed(_ duration: Duration, jitter: Double = 0.1) -> Cooldown {
        Cooldown(base: duration, cap: duration, factor: 1, jitter: jitter)
    }

    /// A cooldown that grows with each trip in a row, so that a dependency that stays down is probed less and less.
    ///
    /// - Parameters:
    ///   - base: The first cooldown.
    ///   - cap: The longest.
    ///   - factor: Default: 2.
    ///   - jitter: Default: 0.1.
    public static func growing(
        from base: Duration, cap: Duration, factor: Double = 2, jitter: Double = 0.1
    ) -> Cooldown {
        Cooldown(base: base, cap: cap, factor: factor, jitter: jitter)
    }

    package init(base: Duration, cap: Duration, factor: Double, jitter: Double) {
        self.base = base
        self.cap = cap
        self.factor = factor
        self.jitter = jitter
    }

    public var description: String {
        let growth = factor > 1 ? "\(base), growing \(factor)-fold to \(cap)" : "\(base)"
        return jitter > 0 ? "\(growth), jitter \(percent(jitter))" : growth
    }

    /// The cooldown after this many trips in a row, from 1.
    func duration(afterTrips trips: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let whole = grown(base, by: factor, times: trips - 1, cap: cap)
        guard jitter > 0 else { return .nanoseconds(whole) }
        let least = whole - Int64(Double(whole) * jitter)
        return .nanoseconds(max(1, Int64.random(in: least...whole, using: &generator)))
    }

    /// How many trips in a row it takes until the cooldown grows no more.
    var tripsToCap: Int {
        var trips = 1
        while trips < 1_000, grown(base, by: factor, times: trips - 1, cap: cap) < cap.saturatingNanoseconds, factor > 1
        {
            trips += 1
        }
        return trips
    }

    package func validate() throws(ConfigurationError) {
        try require("cooldown", base, in: .milliseconds(1) ... .seconds(86_400))
        try require("cooldown.cap", cap, in: base ... .seconds(86_400))
        try require("cooldown.factor", factor, in: 1...10)
        try require("cooldown.jitter", jitter, in: 0...1)
    }
}

/// A duration, in nanoseconds, that was multiplied so many times, up to its cap. It stops at the cap, so it takes a few
/// rounds however often it is asked to grow.
func grown(_ base: Duration, by factor: Double, times: Int, cap: Duration) -> Int64 {
    var nanoseconds = Double(base.saturatingNanoseconds)
    let limit = Double(cap.saturatingNanoseconds)
    var (power, remaining) = (factor, times)
    // By squares: a factor that is barely above 1 takes as few steps as any other.
    while remaining > 0, factor > 1, nanoseconds > 0, nanoseconds < limit {
        if !remaining.isMultiple(of: 2) { nanoseconds *= power }
        power *= power
        remaining /= 2
    }
    return Int64(min(nanoseconds, limit))
}
