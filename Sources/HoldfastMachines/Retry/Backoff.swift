/// The wait between attempts, and its randomisation.
public struct Backoff: Sendable, Hashable, CustomStringConvertible {
    /// How the wait is randomised. It is drawn after the cap is applied, so that callers who have reached the cap
    /// still spread, and no wait exceeds the cap.
    public enum Jitter: String, Sendable, Hashable {
        /// None: every caller waits the same. Good in tests, herds in production.
        case none
        /// Between nothing and the whole wait: spreads best (Brooker, "Exponential Backoff And Jitter", AWS, 2015).
        case full
        /// Between half of the wait and the whole wait.
        case equal
    }

    /// How the wait grows from one retry to the next.
    public enum Growth: Sendable, Hashable {
        case constant
        /// By as much each time: 0 to 1 hour.
        case linear(Duration)
        /// By a factor: 1 to 10.
        case exponential(Double)
        /// Drawn between the base and three times the wait before it (Brooker, as above). It is its own jitter.
        case decorrelated
    }

    /// No wait is longer.
    package static let longest = Duration.seconds(3_600)

    /// The wait before the first retry, without jitter.
    public let base: Duration
    /// The longest wait.
    public let cap: Duration
    public let growth: Growth
    public let jitter: Jitter

    /// The same wait before each retry.
    ///
    /// - Parameters:
    ///   - wait: 0 to 1 hour.
    ///   - jitter: How the wait is randomised. Default: full.
    public static func constant(_ wait: Duration, jitter: Jitter = .full) -> Backoff {
        Backoff(base: wait, cap: wait, growth: .constant, jitter: jitter)
    }

    /// A wait that grows by as much with each retry, up to the cap.
    ///
    /// - Parameters:
    ///   - base: The wait before the first retry, without jitter: 0 to 1 hour.
    ///   - step: What is added with each retry: 0 to 1 hour.
    ///   - cap: The longest wait: from `base` to 1 hour.
    ///   - jitter: How the wait is randomised. Default: full.
    public static func linear(
        from base: Duration, step: Duration, cap: Duration, jitter: Jitter = .full
    ) -> Backoff {
        Backoff(base: base, cap: cap, growth: .linear(step), jitter: jitter)
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
        Backoff(base: base, cap: cap, growth: .exponential(factor), jitter: jitter)
    }

    /// A wait that is drawn between the base and three times the wait before it, up to the cap.
    public static func decorrelated(from base: Duration, cap: Duration) -> Backoff {
        Backoff(base: base, cap: cap, growth: .decorrelated, jitter: .none)
    }

    /// The wait before the retry that follows this many failed attempts.
    ///
    /// - Parameters:
    ///   - attempt: How many attempts have failed: 1 or more, and less is taken for 1.
    ///   - previous: The wait before it, for those that follow from one another; nil before the first.
    ///   - generator: What the jitter is drawn from.
    public func wait(
        afterAttempt attempt: Int, previous: Duration? = nil, using generator: inout some RandomNumberGenerator
    ) -> Duration {
        let limit = cap.saturatingNanoseconds
        let first = base.saturatingNanoseconds
        let retries = max(1, attempt) - 1
        let whole: Int64
        switch growth {
        case .constant:
            whole = first
        case .linear(let step):
            let (added, overflow) = step.saturatingNanoseconds.multipliedReportingOverflow(
                by: Int64(retries))
            let (sum, carried) = first.addingReportingOverflow(added)
            whole = overflow || carried ? limit : min(sum, limit)
        case .exponential(let factor):
            whole = grown(base, by: factor, times: retries, cap: cap)
        case .decorrelated:
            let (tripled, overflow) = (previous ?? base).saturatingNanoseconds.multipliedReportingOverflow(by: 3)
            let upper = max(first, overflow ? limit : min(tripled, limit))
            return .nanoseconds(Int64.random(in: first...upper, using: &generator))
        }
        let drawn =
            switch jitter {
            case .none: whole
            case .full: Int64.random(in: 0...whole, using: &generator)
            case .equal: Int64.random(in: (whole / 2)...whole, using: &generator)
            }
        return .nanoseconds(drawn)
    }

    package init(base: Duration, cap: Duration, growth: Growth, jitter: Jitter) {
        self.base = base
        self.cap = cap
        self.growth = growth
        self.jitter = jitter
    }

    public var description: String {
        switch growth {
        case .constant: "\(base), \(jitterWord) jitter"
        case .linear(let step): "\(base) and \(step) more each time, up to \(cap), \(jitterWord) jitter"
        case .exponential(let factor): "\(base), growing \(factor)-fold to \(cap), \(jitterWord) jitter"
        case .decorrelated: "from \(base) to thrice the last wait, up to \(cap)"
        }
    }

    private var jitterWord: String { jitter == .none ? "no" : jitter.rawValue }

    package func validate() throws(ConfigurationError) {
        try require("backoff.base", base, in: .zero ... .seconds(3_600))
        try require("backoff.cap", cap, in: base ... .seconds(3_600))
        switch growth {
        case .linear(let step): try require("backoff.step", step, in: .zero ... .seconds(3_600))
        case .exponential(let factor): try require("backoff.factor", factor, in: 1...10)
        case .constant, .decorrelated: break
        }
    }
}
