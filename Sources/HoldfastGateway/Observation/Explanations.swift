#if Gateway
import Synchronization

/// The latest reports that somebody may ask about. When it is full, the oldest is forgotten.
///
/// Adding is a store into a slot, in one of several parts so that event loops seldom meet. Looking up goes through all of
/// them: people ask seldom, and rejections may come by the hundred thousand a second.
final class Explanations: Sendable {
    /// How many are kept by default: with bounded reports, at most about 20 MB, and usually 2.
    static let usualBound = 4_096

    /// How many are kept: 1 or more.
    let bound: Int
    private let added = Atomic<Int>(0)
    private let parts: [Part]

    /// Has slots only for what has come so far: a gateway that rejects nothing keeps none.
    private final class Part: Sendable {
        let reports = Mutex<[RequestReport?]>([])
    }

    init(bound: Int = usualBound) {
        self.bound = max(1, bound)
        parts = (0..<min(16, self.bound)).map { _ in Part() }
    }

    func add(_ report: RequestReport) {
        let place = Int(UInt(bitPattern: added.add(1, ordering: .relaxed).oldValue) % UInt(bound))
        // What was there is released after the lock: it may hold the last reference to much.
        _ = parts[place % parts.count].reports.withLock { reports in
            let slot = place / parts.count
            // Several who add at once may come out of turn.
            while reports.count <= slot { reports.append(nil) }
            let forgotten = reports[slot]
            reports[slot] = report
            return forgotten
        }
    }

    /// The latest report under a name, which a hop may have given to several requests.
    subscript(id: RequestID) -> RequestReport? {
        let found = parts.flatMap { part in part.reports.withLock { $0.compactMap { $0?.id == id ? $0 : nil } } }
        return found.max { $0.time < $1.time }
    }

    /// The latest of those that fit, the newest first.
    func latest(_ count: Int, where fits: (RequestReport) -> Bool) -> [RequestReport] {
        var found: [RequestReport] = []
        // What is kept is looked at outside the locks: event loops wait for nobody who reads.
        for part in parts {
            for case let report? in part.reports.withLock({ $0 }) where fits(report) { found.append(report) }
        }
        return Array(found.sorted { $0.time > $1.time }.prefix(count))
    }

    /// How many are kept now.
    var count: Int { min(bound, max(0, added.load(ordering: .relaxed))) }
}
#endif
