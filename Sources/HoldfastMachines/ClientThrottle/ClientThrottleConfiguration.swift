/// How eagerly a client rejects calls of its own that the dependency would reject anyway: plain data.
public struct ClientThrottleConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// How many calls are made for each that is accepted: 1.1 to 10. Default: 2, as in Google's "Site Reliability
    /// Engineering" (2016, chapter 21): half of what is sent is rejected there, which is how the client learns that it
    /// is over.
    public var multiplier: Double = 2
    /// How far back calls are counted: 1 s to 10 min. Default: 2 min, as there.
    public var window: Duration = .seconds(120)

    /// The share of calls that is rejected at the most: 0.5 to 0.999. Default: 0.8, as in Envoy's admission control. The
    /// book has no such bound, and a client that rejected nearly everything finds its way back only by doubling what it
    /// sends with each window: a quarter of an hour after an outage that is long over.
    public var ceiling: Double = 0.8

    public init() {}

    /// Checks every option.
    ///
    /// - Throws: ``ConfigurationError`` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        try require("multiplier", multiplier, in: 1.1...10)
        try require("window", window, in: .seconds(1) ... .seconds(600))
        try require("ceiling", ceiling, in: 0.5...0.999)
    }

    public var description: String {
        "\(multiplier) calls for each accepted in \(window), rejecting \(percent(ceiling)) at the most"
    }
}
