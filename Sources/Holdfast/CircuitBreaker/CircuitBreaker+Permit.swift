import Synchronization

extension CircuitBreaker {
    /// The right to make one call. It is consumed exactly once, with how the call ended; a permit that is dropped
    /// counts as abandoned, so a probe's place always comes back.
    public struct Permit: ~Copyable, Sendable {
        @usableFromInline let breaker: CircuitBreaker
        @usableFromInline let ticket: CircuitBreakerMachine.Ticket
        @usableFromInline var isSpent = false

        @inlinable
        init(breaker: CircuitBreaker, ticket: CircuitBreakerMachine.Ticket) {
            self.breaker = breaker
            self.ticket = ticket
        }

        /// Whether the call is a probe: one that decides if the breaker closes again.
        @inlinable public var isProbe: Bool {
            ticket.probe != 0 && ticket.probe != CircuitBreakerMachine.Ticket.observed
        }

        /// The dependency did what was asked of it.
        @inlinable public consuming func succeeded() { ended(.succeeded) }

        /// The dependency failed.
        @inlinable public consuming func failed() { ended(.failed) }

        /// Nothing was learned: the call was cancelled, or never judged.
        @inlinable public consuming func abandoned() { ended(.abandoned) }

        /// Hands in how the call ended.
        @inlinable public consuming func ended(_ verdict: Verdict) {
            isSpent = true
            breaker.record(verdict, for: ticket)
        }

        /// Hands in how the call ended, and how long it took, where whoever calls knows that better than the breaker: a
        /// proxy leaves out what it waited for its own client.
        @inlinable public consuming func ended(_ verdict: Verdict, took: Duration) {
            isSpent = true
            breaker.record(verdict, for: ticket, took: took)
        }

        @inlinable
        deinit {
            // A call that is no probe holds no place, so there is nothing to give back.
            if !isSpent, ticket.probe != 0 { breaker.record(.abandoned, for: ticket) }
        }
    }

    /// A call that the breaker did not admit. It was certainly not sent.
    public struct Rejection: PolicyRejection, Hashable {
        public let explanation: Explanation
    }

    /// Holds a breaker open for one operator. Two operators take two, and each releases their own; the breaker is
    /// isolated until the last one has.
    public final class Isolation: Sendable {
        private let breaker: CircuitBreaker
        private let isReleased = Atomic(false)

        init(of breaker: CircuitBreaker) {
            self.breaker = breaker
        }

        /// Lets go. A second time changes nothing.
        public func release() {
            guard isReleased.compareExchange(expected: false, desired: true, ordering: .acquiringAndReleasing).exchanged
            else { return }
            breaker.release()
        }

        deinit { release() }
    }
}
