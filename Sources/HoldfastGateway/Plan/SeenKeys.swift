#if Gateway
import HoldfastIdempotency
import Synchronization

/// The keys that a shadowed route has seen, to tell how many duplicates it would have stopped.
final class SeenKeys: Sendable {
    /// The most keys that are remembered.
    static let bound = 100_000

    enum Sight { case first, same, other }

    private struct Seen {
        var isSeen = false
        /// Of its fingerprint: enough to tell requests apart, where nothing depends on it.
        var mark: UInt64?
    }

    private let keys = Mutex(TwoGenerations<RecordID, Seen>(bound: bound))

    /// - Parameter fingerprint: Nil when it is not known. Then the request is taken for the same.
    /// - Returns: Whether the key has been seen before, and with the same request.
    func see(_ id: RecordID, _ fingerprint: Fingerprint?) -> Sight {
        let mark = fingerprint.map { $0.bytes.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
        return keys.withLock { keys in
            keys.with(id, default: Seen()) { seen in
                defer { seen = Seen(isSeen: true, mark: seen.mark ?? mark) }
                guard seen.isSeen else { return .first }
                guard let mark, let former = seen.mark else { return .same }
                return mark == former ? .same : .other
            }
        }
    }
}
#endif
