extension CircuitBreaker {
    /// A breaker's states.
    public typealias State = CircuitBreakerMachine.State
    /// Why a breaker changed its state.
    public typealias Reason = CircuitBreakerMachine.Reason
    /// One change of state.
    public typealias Change = CircuitBreakerMachine.Change
    /// What a breaker that only observes would have done.
    public typealias Observed = CircuitBreakerMachine.Observed
    /// What of a breaker's state outlives its process.
    public typealias SavedState = CircuitBreakerMachine.SavedState

    /// What a breaker looked like at one moment.
    public struct Snapshot: Sendable, Hashable {
        public let name: String
        public let state: State
        public let generation: UInt32
        /// What has been counted so far, or what tripped the breaker.
        public let evidence: Evidence
        /// How long until a call may be admitted; zero when one would be admitted now.
        public let retryAfter: Duration
        public let probesInFlight: Int
        public let isObserving: Bool
        public let observed: Observed
    }
}
