/// Decides, for one call, whether another attempt is sent beside those in flight. A value without clock, task or I/O.
///
/// A hedge answers slowness, not failure: an attempt that fails ends the call unless another is still in flight, and
/// what is made again after a failure is a retry's decision.
package struct HedgeMachine: Sendable, Hashable {
    package enum Decision: Sendable, Hashable {
        /// Send another attempt, with this number; ask again after the delay.
        case send(Int)
        /// Wait for what is in flight.
        case wait
        /// The call ends with this attempt's result.
        case end
    }

    let limit: Int
    package private(set) var sent = 1
    package private(set) var inFlight = 1

    /// - Parameter hedges: How many attempts may be sent beside the first.
    package init(hedges: Int) {
        limit = hedges + 1
    }

    /// The delay passed, and nothing has ended. Asks the budget only if another attempt could be sent.
    package mutating func delayPassed(withdraw: () -> Bool) -> Decision {
        guard sent < limit, withdraw() else { return .wait }
        sent += 1
        inFlight += 1
        return .send(sent)
    }

    /// Whether asking again after another delay can change anything.
    package var mayHedge: Bool { sent < limit }

    /// An attempt ended.
    package mutating func ended(succeeded: Bool) -> Decision {
        inFlight -= 1
        return succeeded || inFlight == 0 ? .end : .wait
    }
}
