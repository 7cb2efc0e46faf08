/// The wait between attempts, and its randomisation.
public struct Backoff: Sendable, Hashable {
    /// How the wait is randomised. It is drawn after the cap is applied, so that callers who have reached the cap
    /// still spread, and no wait exceeds the cap.
    public enum Jitter: Sendable, Hashable {
        /// None: every caller waits the same. Good in tests, herds in production.
        case none
        /// Between nothing and the whole wait: spreads best (Brooker, "Exponential Backoff And Jitter", AWS, 2015).
        case full
        /// Between half of the wait and the whole wait.
        case equal
    }

    /// The wait before the first retry, without jitter.
    public let base: Duration
    /// The longest wait.
    public let cap: Duration
    /// By what the wait grows with each attempt.
    public let factor: Double
    public let jitter: Jitter

    /// The same wait before each retry.
    ///
    /// - Parameter wait: 0 to 1 hour.
    public static func constant(_ wait: Duration, jitter: Jitter = .full) -> Backoff {
        Backoff(base: wait, cap: wait, factor: 1, jitter: jitter)
    }

    /// A wait that doubles with each retry, up to the cap.
    ///
    /// - Parameters:
    ///   - base: The wait before the first retry, without jitter: 0 to 1 hour.
    ///   - cap: The longest wait: from `base` to 1 hour.
    ///   - factor: By what the wait grows: 1 to 10. Default: 2.
    ///   - jitter: Default: full.
    public static func exponential(
        from base: Duration, cap: Duration, factor: Double = 2, jitter: Jitter = .full
    ) -> Backoff {
        Backoff(base: base, cap: cap, factor: factor, jitter: jitter)
    }

    /// The wait before the retry that follows this many failed attempts.
    public func wait(
        afterAttempt attempt: Int, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        var nanoseconds = Double(base.saturatingNanoseconds)
        let limit = Double(cap.saturatingNanoseconds)
        // Stops at the cap, so that it takes a few rounds however many attempts there were.
        var remaining = attempt - 1
        while remaining > 0, factor > 1, nanoseconds > 0, nanoseconds < limit {
            nanoseconds *= factor
            remaining -= 1
        }
        let whole = Int64(min(nanoseconds, limit))
        let drawn =
            switch jitter {
            case .none: whole
            case .full: Int64.random(in: 0...whole, using: &generator)
            case .equal: Int64.random(in: (whole / 2)...whole, using: &generator)
            }
        return .nanoseconds(drawn)
    }

    func validate() throws(ConfigurationError) {
        try require("backoff.base", base, in: .zero ... .seconds(3_600))
        try require("backoff.cap", cap, in: base ... .seconds(3_600))
        try require("backoff.factor", factor, in: 1...10)
    }
}
