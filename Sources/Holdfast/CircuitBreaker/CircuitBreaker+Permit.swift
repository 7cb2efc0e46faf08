extension CircuitBreaker {
    /// The right to make one call. It is consumed exactly once, with how the call ended; a permit that is dropped
    /// counts as abandoned, so a probe's place always comes back.
    public struct Permit: ~Copyable, Sendable {
        private let breaker: CircuitBreaker
        private let ticket: CircuitBreakerMachine.Ticket
        private var isSpent = false

        init(breaker: CircuitBreaker, ticket: CircuitBreakerMachine.Ticket) {
            self.breaker = breaker
            self.ticket = ticket
        }

        /// Whether the call is a probe: one that decides if the breaker closes again.
        public var isProbe: Bool { ticket.probe != 0 }

        /// The dependency did what was asked of it.
        public consuming func succeeded() { ended(.succeeded) }

        /// The dependency failed.
        public consuming func failed() { ended(.failed) }

        /// Nothing was learned: the call was cancelled, or never judged.
        public consuming func abandoned() { ended(.abandoned) }

        /// Hands in how the call ended.
        public consuming func ended(_ verdict: CircuitBreakerMachine.Verdict) {
            isSpent = true
            breaker.record(verdict, for: ticket)
        }

        deinit {
            // A call that is no probe holds no place, so there is nothing to give back.
            if !isSpent, ticket.probe != 0 { breaker.record(.abandoned, for: ticket) }
        }
    }

    /// A call that the breaker did not admit. It was certainly not sent.
    public struct Rejection: ClassifiedError, Sendable, Hashable, CustomStringConvertible {
        public let explanation: Explanation

        public var failureClass: FailureClass { .notSent(retryAfter: explanation.retryAfter) }
        public var description: String { explanation.description }
    }

    /// What a breaker looked like at one moment.
    public struct Snapshot: Sendable, Hashable {
        public let name: String
        public let state: State
        public let generation: UInt32
        /// The consecutive failures so far, or those that tripped the breaker.
        public let failures: Int
        public let threshold: Int
        /// How long until a call may be admitted; zero when one would be admitted now.
        public let retryAfter: Duration
        public let probesInFlight: Int
    }
}
