/// How many calls may be in progress, and how many may wait: plain data.
public struct BulkheadConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// Who goes first when a place is free.
    public enum Order: String, Sendable, Hashable {
        /// Who has waited longest. Fair, and right while queues are short.
        case fifo
        /// Who came last. Under overload the ones who have waited longest are those whose callers have given up; serving
        /// the newest keeps the useful ones quick (Facebook, "Fail at Scale", 2015).
        case lifo
    }

    /// How many calls may be in progress: 1 to 1,000,000. Default: 64.
    public var limit: Int = 64
    /// How many may wait for a place: 0 to 1,000,000. Default: 0, which rejects at once: a queue hides an overload
    /// until it is a long one.
    public var queue: Int = 0
    /// Default: fifo.
    public var order: Order = .fifo
    /// How long a call may wait: 1 ms to 1 h, and never past the call's deadline. Default: 1 s.
    public var maximumWait: Duration = .seconds(1)

    public init() {}

    /// Checks every option.
    ///
    /// - Throws: ``ConfigurationError`` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        try require("limit", limit, in: 1...1_000_000)
        try require("queue", queue, in: 0...1_000_000)
        try require("maximumWait", maximumWait, in: .milliseconds(1) ... .seconds(3_600))
    }

    public var description: String {
        "\(limit) at a time" + (queue > 0 ? ", \(queue) waiting up to \(maximumWait), \(order.rawValue)" : "")
    }
}
