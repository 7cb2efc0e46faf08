/// How many calls may be made in a stretch of time: plain data.
public struct RateLimiterConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// How calls are counted.
    public enum Algorithm: Sendable, Hashable {
        /// A bucket that holds `burst` tokens and gains `calls` in each `per`: up to `burst` calls at once, and the rate
        /// in the long run. Within any stretch of time, at most `burst` and what was gained in it.
        case tokenBucket(calls: Int, per: Duration, burst: Int)
        /// At most `calls` in *any* stretch of `per`, exactly: the time of each is kept, so 10,000 are the most.
        case slidingWindow(calls: Int, per: Duration)
    }

    public var algorithm: Algorithm

    /// How long a call may wait for its turn: zero to 1 h, and never past the call's deadline. Default: zero, which
    /// rejects at once.
    public var maximumWait: Duration = .zero

    public init(_ algorithm: Algorithm) {
        self.algorithm = algorithm
    }

    /// Checks every option.
    ///
    /// - Throws: ``ConfigurationError`` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        switch algorithm {
        case .tokenBucket(let calls, let per, let burst):
            try require("calls", calls, in: 1...1_000_000_000)
            try require("per", per, in: .milliseconds(1) ... .seconds(86_400))
            try require("burst", burst, in: 1...1_000_000_000)
        case .slidingWindow(let calls, let per):
            try require("calls", calls, in: 1...10_000)
            try require("per", per, in: .milliseconds(1) ... .seconds(86_400))
        }
        try require("maximumWait", maximumWait, in: .zero ... .seconds(3_600))
    }

    public var description: String {
        switch algorithm {
        case .tokenBucket(let calls, let per, let burst): "\(calls) calls per \(per), \(burst) at once"
        case .slidingWindow(let calls, let per): "\(calls) calls in any \(per)"
        }
    }

    package var evidence: Evidence {
        switch algorithm {
        case .tokenBucket(let calls, let per, _), .slidingWindow(let calls, let per): .rate(limit: calls, per: per)
        }
    }
}
