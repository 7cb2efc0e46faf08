/// How a limit on concurrency learns from latency: plain data.
public struct AdaptiveLimitConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// How the limit moves.
    public enum Algorithm: Sendable, Hashable {
        /// One more after a limit's worth of quick calls, a tenth less after a slow one: TCP's congestion avoidance
        /// (Jacobson, 1988). A call is slow beyond `threshold`: 1 ms to 1 h.
        case aimd(threshold: Duration)
        /// The limit follows the ratio of the usual latency to the present one, with room for a short queue, as
        /// Netflix's `Gradient2` and Envoy's gradient controller do. Latency may rise by `tolerance` (1 to 10) before
        /// the limit falls.
        case gradient(tolerance: Double)
    }

    /// Default: gradient, with a tolerance of 1.5, which needs no knowledge of the dependency.
    public var algorithm: Algorithm = .gradient(tolerance: 1.5)
    /// The limit at first: from `minimum` to `maximum`. Default: 20.
    public var initial: Int = 20
    /// 1 to 1,000,000. Default: 1, so that a dependency that is down is still asked.
    public var minimum: Int = 1
    /// From `minimum` to 1,000,000. Default: 1,000.
    public var maximum: Int = 1_000

    public init() {}

    /// Checks every option.
    ///
    /// - Throws: ``ConfigurationError`` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        switch algorithm {
        case .aimd(let threshold): try require("threshold", threshold, in: .milliseconds(1) ... .seconds(3_600))
        case .gradient(let tolerance): try require("tolerance", tolerance, in: 1...10)
        }
        try require("minimum", minimum, in: 1...1_000_000)
        try require("maximum", maximum, in: minimum...1_000_000)
        try require("initial", initial, in: minimum...maximum)
    }

    public var description: String {
        let how =
            switch algorithm {
            case .aimd(let threshold): "AIMD, slow beyond \(threshold)"
            case .gradient(let tolerance): "gradient, tolerance \(tolerance)"
            }
        return "\(how); \(minimum) to \(maximum), first \(initial)"
    }
}
