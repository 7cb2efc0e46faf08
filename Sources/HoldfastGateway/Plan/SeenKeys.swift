#if Gateway
import HoldfastIdempotency
import Synchronization

/// The keys that a shadowed route has seen, to tell how many duplicates it would have stopped.
final class SeenKeys: Sendable {
    /// The most keys that are remembered.
    static let bound = 100_000

    private let keys = Mutex(TwoGenerations<RecordID, Bool>(bound: bound))

    /// - Returns: Whether it has been seen before.
    func see(_ id: RecordID) -> Bool {
        keys.withLock { keys in
            keys.with(id, default: false) { isSeen in
                defer { isSeen = true }
                return isSeen
            }
        }
    }
}
#endif
