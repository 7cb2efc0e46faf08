#if PostgreSQL
import Holdfast

/// The keys that somebody else's transaction has kept locked for longer than a batch waits: a user's, that claims in the
/// same transaction and works on. For ten seconds, nobody waits for them again; it is only looked whether they are free.
/// Otherwise each who asks for one such key would stop all the others in its batch.
struct HeldKeys {
    /// For how long a key is not waited for.
    static let memory = Duration.seconds(10)
    /// The most keys; beyond it all are forgotten, and each may be waited for once more.
    static let bound = 1_024

    private var until: [Int64: MonotonicInstant] = [:]

    func contains(_ key: Int64, at now: MonotonicInstant) -> Bool { until[key].map { now < $0 } ?? false }

    mutating func note(held: [Int64], free: [Int64], at now: MonotonicInstant) {
        for key in free { until[key] = nil }
        if until.count + held.count > Self.bound { until.removeAll() }
        for key in held.prefix(Self.bound) { until[key] = now.advanced(by: Self.memory) }
    }
}
#endif
