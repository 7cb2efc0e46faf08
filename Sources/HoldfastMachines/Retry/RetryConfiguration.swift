/// How often an operation is made again, and how long it waits: plain data.
public struct RetryConfiguration: Sendable, Hashable, CustomStringConvertible {
    /// What a retry does when a layer above or below it retries as well.
    public enum Nesting: Sendable, Hashable {
        /// Layers do not multiply: while a retry above is making the call again, this one makes a single attempt; and
        /// what a retry below has given up on (`CallFailure`) is not made again here.
        case oneLayer
        /// Each layer retries: 3 attempts at each of 3 layers are 27.
        case eachLayer
    }

    /// How long to wait between attempts. Default: exponential from 50 ms to 2 s with full jitter: short enough for a
    /// caller who waits, long enough for a connection to be re-established.
    public var backoff: Backoff = .exponential(from: .milliseconds(50), cap: .seconds(2))

    /// All attempts together, the first included: 1 to 100. Default: 3. At 1, nothing is made again.
    public var attempts: Int = 3

    /// By how much a receiver's `Retry-After` may lengthen a wait: 0 to 1 hour. A receiver that asks for longer is tried
    /// again after that. Default: 5 s, as in the AWS SDKs' standard mode of 2026, so that a receiver cannot park its
    /// callers.
    public var retryAfterLimit: Duration = .seconds(5)

    /// Default: one layer.
    public var nesting: Nesting = .oneLayer

    public init() {}

    /// Checks every option.
    ///
    /// - Throws: ``ConfigurationError`` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        try backoff.validate()
        try require("attempts", attempts, in: 1...100)
        try require("retryAfterLimit", retryAfterLimit, in: .zero ... .seconds(3_600))
    }

    /// Whether layers would multiply if a call were made again here: one above is making it again already, or one below has
    /// given up on it.
    package func isMultiplied(above isRetriedAbove: Bool, below wasRetriedBelow: Bool) -> Bool {
        nesting == .oneLayer && (isRetriedAbove || wasRetriedBelow)
    }

    public var description: String { "\(attempts) attempts; waits \(backoff)" }
}
