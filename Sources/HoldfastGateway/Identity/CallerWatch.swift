#if Gateway
import HoldfastIdempotency
import Synchronization

/// Notices when one key and one request come under two callers: what a renewed token looks like, and the one sign of it
/// that there is, since the second try is another caller's, and is executed.
///
/// It decides nothing. Two clients that draw the same key for the same request are counted as well.
final class CallerWatch: Sendable {
    /// How many requests are remembered; the latest.
    static let bound = 10_000

    private let callers = Mutex(TwoGenerations<Int, Int>(bound: bound))
    private let isTold = Atomic<Bool>(false)

    /// - Parameters:
    ///   - key: And whatever else says that it is the same request.
    /// - Returns: Whether it came under another caller before, and whether that is noticed for the first time.
    func see(_ caller: String, _ key: String, _ fingerprint: Fingerprint) -> (isOther: Bool, isFirst: Bool) {
        // What a process hashes with is its own secret, so nobody can have two be the same.
        var request = Hasher()
        request.combine(key)
        request.combine(fingerprint)
        var name = Hasher()
        name.combine(caller)
        let (requestHash, nameHash) = (request.finalize(), name.finalize())
        let isOther = callers.withLock { callers in
            callers.with(requestHash, default: nameHash) { known in
                defer { known = nameHash }
                return known != nameHash
            }
        }
        return (isOther, isOther && !isTold.exchange(true, ordering: .relaxed))
    }
}
#endif
