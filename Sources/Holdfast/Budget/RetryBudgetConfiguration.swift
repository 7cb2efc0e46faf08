/// How many retries a dependency's callers may make together: plain data.
///
/// Finagle's rule, which tower and linkerd took over: retries may be a share of the real calls of the last seconds,
/// plus a reserve, so that a quiet caller can retry at all.
public struct RetryBudgetConfiguration: Sendable, Hashable {
    /// Retries allowed for each real call: 0 to 10. Default: 0.2, so that retries add at most a fifth to the load.
    public var ratio: Double = 0.2

    /// Retries a second that are allowed whatever the number of calls: 0 to 100,000. Default: 10, as in Finagle. At
    /// zero, a caller that makes few calls makes no retries.
    public var reservePerSecond: Int = 10

    /// How far back calls and retries are counted: 1 s to 60 s. Default: 10 s, as in Finagle.
    public var window: Duration = .seconds(10)

    public init() {}

    /// Checks every option.
    ///
    /// - Throws: ``ConfigurationError`` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        try require("ratio", ratio, in: 0...10)
        try require("reservePerSecond", reservePerSecond, in: 0...100_000)
        try require("window", window, in: .seconds(1) ... .seconds(60))
    }
}
