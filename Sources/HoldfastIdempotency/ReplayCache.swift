import Holdfast

/// Outcomes that this process has recorded a moment ago: most repeats come within seconds, and need not ask the store.
///
/// A completed outcome is final until its retention is over, and that is longer than anything is kept here; only an
/// operator who purges it through another process is noticed as late as the lifetime. The oldest leave first: those whose
/// lifetime is over as others come, so that memory goes with the traffic of some seconds and does not fill up to the bound.
struct ReplayCache: Sendable {
    /// Shorter than the shortest retention.
    static let lifetime = Duration.seconds(10)
    /// How many whose lifetime is over leave as one comes. More than one, so that they become fewer; few, so that nobody who
    /// comes after a pause waits until thousands have left.
    static let leavingAtOnce = 4

    struct Outcome: Sendable {
        let fingerprint: Fingerprint
        let payload: [UInt8]?
        let ends: MonotonicInstant
    }

    let bound: Int
    private var outcomes: [RecordID: Outcome] = [:]
    /// In the order of their coming. One that was removed meanwhile leaves its place when its turn comes.
    private var order: [RecordID] = []
    private var first = 0
    private var bytes = 0

    /// - Parameter bound: The most bytes, at ``weight(of:)`` each.
    init(bound: Int) {
        self.bound = bound
    }

    mutating func add(_ payload: [UInt8]?, of id: RecordID, _ fingerprint: Fingerprint, at now: MonotonicInstant) {
        // One that would push out much of the others is left to the store.
        guard Self.weight(of: payload) <= bound / 4 else { return }
        remove(id)
        leaveExpired(at: now)
        outcomes[id] = Outcome(fingerprint: fingerprint, payload: payload, ends: now.advanced(by: Self.lifetime))
        order.append(id)
        bytes += Self.weight(of: payload)
        while bytes > bound || order.count - first > 2 * max(16, outcomes.count) {
            remove(order[first])
            first += 1
        }
        if first > 1_024, first > order.count / 2 {
            order.removeFirst(first)
            first = 0
        }
    }

    func outcome(of id: RecordID, at now: @autoclosure () -> MonotonicInstant) -> Outcome? {
        guard let outcome = outcomes[id], now() < outcome.ends else { return nil }
        return outcome
    }

    mutating func remove(_ id: RecordID) {
        guard let outcome = outcomes.removeValue(forKey: id) else { return }
        bytes -= Self.weight(of: outcome.payload)
    }

    /// How many are kept, whether or not their lifetime is over.
    var count: Int { outcomes.count }

    private mutating func leaveExpired(at now: MonotonicInstant) {
        for _ in 0..<Self.leavingAtOnce where first < order.count {
            if let outcome = outcomes[order[first]], now < outcome.ends { return }
            remove(order[first])
            first += 1
        }
    }

    /// The payload's bytes, and about what the rest takes.
    static func weight(of payload: [UInt8]?) -> Int { (payload?.count ?? 0) + 200 }
}
