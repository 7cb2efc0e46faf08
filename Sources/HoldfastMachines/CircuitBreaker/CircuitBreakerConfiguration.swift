/// When a breaker trips, and how it recovers: plain data.
public struct CircuitBreakerConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// What makes the breaker trip. Default: 5 consecutive failures, as Envoy's outlier detection has it.
    public var trip: Trip = .consecutiveFailures(5)

    /// How long the breaker stays open before it admits a probe: 1 ms to 1 day. Default: 30 s, Envoy's base ejection
    /// time: long enough for a process to restart, short enough that a recovery is noticed; with a tenth of jitter, so
    /// that a fleet's breakers do not probe in step.
    public var cooldown: Cooldown = .fixed(.seconds(30), jitter: 0.1)

    /// How many probes may be in flight while half-open: 1 to 64. Default: 1, so that a dependency that barely
    /// recovered meets a single call.
    public var probes: Int = 1

    /// How many probes in a row must succeed before the breaker closes: 1 to 1,000. Default: 1.
    public var successesToClose: Int = 1

    /// How long a probe may hold its place: 1 ms to 1 day. After it, the place goes to another call and whatever the
    /// first one says is ignored, so a probe that hangs cannot keep the breaker half-open. Default: 60 s. Choose it
    /// longer than the attempt's own timeout.
    public var probeHold: Duration = .seconds(60)

    /// For how long after closing only a share of the calls is admitted, which grows from a tenth to all of them: up to
    /// 1 h. Default: zero, which is no ramp. Choose one where a dependency that comes back with cold caches could not
    /// bear the whole load at once.
    public var ramp: Duration = .zero

    public init() {}

    /// Checks every option.
    ///
    /// - Throws: ``ConfigurationError`` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        try trip.validate()
        try cooldown.validate()
        try require("probes", probes, in: 1...64)
        try require("successesToClose", successesToClose, in: 1...1_000)
        try require("probeHold", probeHold, in: .milliseconds(1) ... .seconds(86_400))
        try require("ramp", ramp, in: .zero ... .seconds(3_600))
    }

    public var description: String {
        "trips at \(trip); cooldown \(cooldown); \(probes) \(probes == 1 ? "probe" : "probes") at a time, "
            + "\(successesToClose) to close" + (ramp > .zero ? "; ramps up over \(ramp)" : "")
    }
}
