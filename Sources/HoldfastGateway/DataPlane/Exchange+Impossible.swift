#if Gateway
import Logging
import Synchronization

extension Exchange {
    /// Says that something has happened that cannot happen in this phase: the fault is the gateway's own.
    ///
    /// A build with assertions ends, so tests and fuzzers find it. Elsewhere it is counted
    /// (`holdfast_impossible_events_total`), the 1st, 2nd, 4th, 8th … is logged, and the event has no effect: a request that
    /// goes on is worth more than an order that was not foreseen.
    func noteImpossible(_ event: StaticString) {
        assertionFailure("holdfast: \(event) while \(phase)")
        let count = shared.counters.impossibleEvents.add(1, ordering: .relaxed).newValue
        guard count & (count - 1) == 0 else { return }
        var words = logged()
        words["event"] = "\(event)"
        words["phase"] = "\(phase)"
        words["count"] = .stringConvertible(count)
        shared.logger.error("an event came that cannot come then, and had no effect: please report it", metadata: words)
    }
}
#endif
