/// When a second attempt is sent beside one that is slow: plain data.
public struct HedgeConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// How long an attempt may take before another is sent beside it.
    public enum Delay: Sendable, Hashable {
        /// 1 ms to 1 h.
        case fixed(Duration)
        /// The time within which this share of the calls ended lately: 0.5 to 0.999. Until `atLeast` calls (10 to
        /// 10,000) have been seen, the fixed time. Dean and Barroso hedge at the 95th percentile, which adds a
        /// twentieth to the load ("The Tail at Scale", 2013).
        case observed(quantile: Double, atLeast: Int, until: Duration)
    }

    /// Default: the observed 95th percentile; 1 s until 100 calls were seen.
    public var delay = Delay.observed(quantile: 0.95, atLeast: 100, until: .seconds(1))

    /// How many attempts may be sent beside the first: 1 to 10. Default: 1.
    public var hedges: Int = 1

    public init() {}

    /// Checks every option.
    ///
    /// - Throws: ``ConfigurationError`` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        switch delay {
        case .fixed(let duration):
            try require("hedge.delay", duration, in: .milliseconds(1) ... .seconds(3_600))
        case .observed(let quantile, let minimum, let duration):
            try require("hedge.quantile", quantile, in: 0.5...0.999)
            try require("hedge.atLeast", minimum, in: 10...10_000)
            try require("hedge.until", duration, in: .milliseconds(1) ... .seconds(3_600))
        }
        try require("hedges", hedges, in: 1...10)
    }

    public var description: String {
        let when =
            switch delay {
            case .fixed(let duration): "after \(duration)"
            case .observed(let quantile, _, _): "after the observed \(percent(quantile)) quantile"
            }
        return "up to \(hedges) more \(when)"
    }
}
