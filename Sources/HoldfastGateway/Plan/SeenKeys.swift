#if Gateway
import HoldfastIdempotency
import Synchronization

/// The keys that a shadowed route has seen, to tell how many duplicates it would have stopped. Bounded: the older half
/// is forgotten when there are too many.
final class SeenKeys: Sendable {
    /// The most keys that are remembered.
    static let bound = 100_000

    private let keys = Mutex<(young: Set<RecordID>, old: Set<RecordID>)>(([], []))

    /// - Returns: Whether it has been seen before.
    func see(_ id: RecordID) -> Bool {
        keys.withLock { keys in
            if keys.young.contains(id) { return true }
            if keys.young.count >= Self.bound / 2 {
                keys.old = keys.young
                keys.young = []
            }
            keys.young.insert(id)
            return keys.old.contains(id)
        }
    }
}
#endif
