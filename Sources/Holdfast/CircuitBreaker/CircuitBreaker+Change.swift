extension CircuitBreaker {
    /// A breaker's states.
    public enum State: String, Sendable, Hashable {
        /// Calls pass and are counted.
        case closed
        /// Calls are rejected until the cooldown is over.
        case open
        /// A bounded number of probes passes; the rest is rejected.
        case halfOpen = "half-open"
    }

    /// Why a breaker changed its state.
    public enum Reason: Sendable, Hashable, CustomStringConvertible {
        /// This many calls failed in a row.
        case consecutiveFailures(Int)
        /// The cooldown was over when a call came.
        case cooldownElapsed
        /// This many probes in a row succeeded.
        case probesSucceeded(Int)
        /// A probe failed.
        case probeFailed

        public var description: String {
            switch self {
            case .consecutiveFailures(1): "1 failure"
            case .consecutiveFailures(let count): "\(count) consecutive failures"
            case .cooldownElapsed: "the cooldown is over"
            case .probesSucceeded(1): "the probe succeeded"
            case .probesSucceeded(let count): "\(count) probes succeeded"
            case .probeFailed: "the probe failed"
            }
        }
    }

    /// One change of state.
    public struct Change: Sendable, Hashable {
        public let from: State
        public let to: State
        public let reason: Reason
        /// The generation that the change began.
        public let generation: UInt32
    }
}
