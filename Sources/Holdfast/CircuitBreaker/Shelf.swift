/// The breakers that a registry holds, each with its key and when it was asked for last. The registry's lock guards it.
struct Shelf<Key: Hashable & Sendable>: Sendable {
    struct Entry: Sendable {
        let key: Key
        var breaker: CircuitBreaker
        var used: MonotonicInstant
    }

    /// How many entries are looked at, at most, when a new key comes: what making room costs a call is bounded.
    private static var glances: Int { 8 }

    let capacity: Int
    private let idle: Duration
    private(set) var overflowed = 0
    private(set) var forgotten = 0
    private var entries: [Entry] = []
    private var places: [Key: Int] = [:]
    /// The entry that is looked at next.
    private var hand = 0

    init(capacity: Int, idle: Duration) {
        self.capacity = capacity
        self.idle = idle
    }

    var count: Int { entries.count }
    var all: [Entry] { entries }

    func breaker(of key: Key) -> CircuitBreaker? { places[key].map { entries[$0].breaker } }

    /// A key's breaker, which counts as used now.
    mutating func use(_ key: Key, at now: MonotonicInstant) -> CircuitBreaker? {
        guard let place = places[key] else { return nil }
        entries[place].used = now
        return entries[place].breaker
    }

    /// Looks at a few entries and forgets what may be forgotten.
    ///
    /// - Returns: Whether there is room for one more. If not, that is counted.
    mutating func makeRoom(at now: MonotonicInstant) -> Bool {
        var leastUsed: (key: Key, used: MonotonicInstant)?
        for _ in 0..<min(Self.glances, entries.count) {
            if hand >= entries.count { hand = 0 }
            switch worth(of: hand, at: now) {
            case .nothing:
                removeEntry(at: hand)
                forgotten += 1
            case .spare:
                let entry = entries[hand]
                if leastUsed.map({ entry.used < $0.used }) ?? true { leastUsed = (entry.key, entry.used) }
                hand += 1
            case .kept:
                hand += 1
            }
        }
        if entries.count >= capacity, let leastUsed, remove(leastUsed.key) { forgotten += 1 }
        if entries.count >= capacity { overflowed += 1 }
        return entries.count < capacity
    }

    mutating func add(_ breaker: CircuitBreaker, for key: Key, at now: MonotonicInstant) {
        places[key] = entries.count
        entries.append(Entry(key: key, breaker: breaker, used: now))
    }

    mutating func remove(_ key: Key) -> Bool {
        guard let place = places[key] else { return false }
        removeEntry(at: place)
        return true
    }

    private enum Worth {
        /// It was idle for long enough.
        case nothing
        /// Nothing would be lost with it.
        case spare
        case kept
    }

    private mutating func worth(of place: Int, at now: MonotonicInstant) -> Worth {
        // Whoever makes a call with it, or keeps it, has a reference. Another can only be had here, under the lock.
        guard isKnownUniquelyReferenced(&entries[place].breaker) else { return .kept }
        let keepsake = entries[place].breaker.keepsake(at: now)
        if keepsake.isSettled, entries[place].used.duration(to: now) >= idle { return .nothing }
        return keepsake.isUnremarkable ? .spare : .kept
    }

    private mutating func removeEntry(at place: Int) {
        let last = entries.count - 1
        places[entries[place].key] = nil
        if place < last {
            entries.swapAt(place, last)
            places[entries[place].key] = place
        }
        entries.removeLast()
    }
}
