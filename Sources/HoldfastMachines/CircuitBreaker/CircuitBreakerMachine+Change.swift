extension CircuitBreakerMachine {
    /// A breaker's states.
    public enum State: String, Sendable, Hashable, CaseIterable {
        /// Calls pass and are counted.
        case closed
        /// Calls are rejected until the cooldown is over.
        case open
        /// A bounded number of probes passes; the rest is rejected.
        case halfOpen = "half-open"
        /// Held open by an operator.
        case isolated
        /// Lets all through and records nothing.
        case disabled
    }

    /// Why a breaker changed its state.
    public enum Reason: Sendable, Hashable, CustomStringConvertible {
        /// What was counted was enough.
        case tripped(Evidence)
        /// The cooldown was over when a call came.
        case cooldownElapsed
        /// This many probes in a row succeeded.
        case probesSucceeded(Int)
        /// A probe failed.
        case probeFailed
        /// A probe succeeded, and took longer than a call may that is not slow (``Trip/Measure/slowCalls(_:)``).
        case probeSlow
        /// An operator isolated it, or took an isolation back.
        case isolated, released
        /// An operator disabled it, or enabled it again.
        case disabled, enabled
        /// An operator closed it.
        case reset
        /// It took over what another process knew.
        case restored

        public var description: String {
            switch self {
            case .tripped(.consecutiveFailures(1, _)): "1 failure"
            case .tripped(.consecutiveFailures(let count, _)): "\(count) consecutive failures"
            case .tripped(let evidence): "\(evidence)"
            case .cooldownElapsed: "the cooldown is over"
            case .probesSucceeded(1): "the probe succeeded"
            case .probesSucceeded(let count): "\(count) probes succeeded"
            case .probeFailed: "the probe failed"
            case .probeSlow: "the probe was slow"
            case .isolated: "an operator isolated it"
            case .released: "an operator released it"
            case .disabled: "an operator disabled it"
            case .enabled: "an operator enabled it"
            case .reset: "an operator reset it"
            case .restored: "its state was restored"
            }
        }
    }

    /// One change of state.
    public struct Change: Sendable, Hashable, CustomStringConvertible {
        public let from: State
        public let to: State
        public let reason: Reason
        /// The generation that the change began.
        public let generation: UInt32

        public var description: String { "\(from.rawValue) → \(to.rawValue): \(reason)" }

        package init(from: State, to: State, reason: Reason, generation: UInt32) {
            self.from = from
            self.to = to
            self.reason = reason
            self.generation = generation
        }
    }

    /// What a breaker that only observes would have done.
    public struct Observed: Sendable, Hashable {
        /// Calls that it would have rejected, and let pass.
        public var rejected = 0
        /// Those of them that succeeded: what enforcing would have cost.
        public var succeeded = 0

        package init() {}
    }

    /// What of a breaker's state outlives its process. Times are durations, because no clock is shared.
    public struct SavedState: Sendable, Hashable {
        /// What was left of the cooldown; nil if the breaker was closed.
        public let cooldownNanoseconds: Int64?
        /// The trips since the breaker was last closed.
        public let tripsInARow: Int

        package init(cooldownNanoseconds: Int64?, tripsInARow: Int) {
            self.cooldownNanoseconds = cooldownNanoseconds
            self.tripsInARow = tripsInARow
        }
    }
}
