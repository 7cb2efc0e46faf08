/// How many retries a dependency's callers may make together: plain data.
public struct RetryBudgetConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// Retries as a share of the real calls of the last seconds, plus a reserve, so that a quiet caller can retry at
    /// all: Finagle's rule, which tower and linkerd took over.
    public struct Ratio: Sendable, Hashable {
        /// Retries allowed for each real call: 0 to 10. Default: 0.2, so that retries add at most a fifth to the load.
        public var ratio: Double = 0.2
        /// Retries a second that are allowed whatever the number of calls: 0 to 100,000. Default: 10, as in Finagle. At
        /// zero, a caller that makes few calls makes no retries.
        public var reservePerSecond: Int = 10
        /// How far back calls and retries are counted: 1 s to 60 s. Default: 10 s, as in Finagle.
        public var window: Duration = .seconds(10)

        public init() {}
    }

    /// Tokens that retries cost and successes give back: the AWS SDKs' rule, in their numbers of 2026. It needs no
    /// clock: a dependency that recovers refills it.
    public struct Tokens: Sendable, Hashable {
        /// How many there are at first, and at the most: 1 to 1,000,000. Default: 500.
        public var capacity: Int = 500
        /// What a retry, a hedge or a probe costs: 1 to 1,000,000. Default: 14.
        public var retryCost: Int = 14
        /// What a retry costs after the receiver asked for patience: 1 to 1,000,000. Default: 5, because it will be
        /// later and more spread out.
        public var throttleCost: Int = 5
        /// What a success at the first attempt gives back: 0 to 1,000,000. Default: 1. One that needed a retry gives
        /// back what the retry cost.
        public var refund: Int = 1

        public init() {}
    }

    /// The rules there are.
    public enum Rule: Sendable, Hashable {
        case ratio(Ratio)
        case tokens(Tokens)
    }

    /// Default: the ratio.
    public var rule = Rule.ratio(Ratio())

    public init() {}

    public static func ratio(
        _ ratio: Double, reservePerSecond: Int = 10, over window: Duration = .seconds(10)
    ) -> RetryBudgetConfiguration {
        var rule = Ratio()
        (rule.ratio, rule.reservePerSecond, rule.window) = (ratio, reservePerSecond, window)
        var configuration = RetryBudgetConfiguration()
        configuration.rule = .ratio(rule)
        return configuration
    }

    public static func tokens(_ tokens: Tokens = Tokens()) -> RetryBudgetConfiguration {
        var configuration = RetryBudgetConfiguration()
        configuration.rule = .tokens(tokens)
        return configuration
    }

    /// Checks every option.
    ///
    /// - Throws: ``ConfigurationError`` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        switch rule {
        case .ratio(let rule):
            try require("ratio", rule.ratio, in: 0...10)
            try require("reservePerSecond", rule.reservePerSecond, in: 0...100_000)
            try require("window", rule.window, in: .seconds(1) ... .seconds(60))
        case .tokens(let rule):
            try require("capacity", rule.capacity, in: 1...1_000_000)
            try require("retryCost", rule.retryCost, in: 1...1_000_000)
            try require("throttleCost", rule.throttleCost, in: 1...1_000_000)
            try require("refund", rule.refund, in: 0...1_000_000)
        }
    }

    public var description: String {
        switch rule {
        case .ratio(let rule):
            "retries up to \(percent(rule.ratio)) of the calls of the last \(rule.window), and \(rule.reservePerSecond) a second"
        case .tokens(let rule):
            "\(rule.capacity) tokens; a retry costs \(rule.retryCost), after a throttle \(rule.throttleCost)"
        }
    }
}
