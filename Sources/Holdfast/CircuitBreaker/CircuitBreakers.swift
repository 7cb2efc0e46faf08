import Synchronization

/// Breakers keyed by what fails on its own (a shard, a host, a tenant), made on first use and bounded in number.
///
/// One breaker for a whole service turns one bad shard into a full outage (Brooker, "Will circuit breakers solve my
/// problems?", 2022). With one for each key and one above them all, a bad shard trips its own, and the service's trips on
/// its own evidence: the share of all calls that fail.
///
/// ```swift
/// let shards = try CircuitBreakers<Int>("orders", configuration: perShard, above: orders)
/// let order = try await shards.run(shard) { try await client.order(id, on: shard) }
/// ```
///
/// Keys may come from whoever calls, so the room is bounded. A breaker that has not been used for a while is forgotten,
/// without a timer, when others are asked for; never one that is not closed. When all of the room is taken by breakers
/// that cannot be forgotten, further keys share one, ``overflow``.
public final class CircuitBreakers<Key: Hashable & Sendable>: Sendable {
    /// What a registry looked like at one moment.
    public struct Snapshot: Sendable, Hashable {
        public let count: Int
        public let capacity: Int
        /// How often a key found no room and was given ``CircuitBreakers/overflow``.
        public let overflowed: Int
    }

    private struct Entry: Sendable {
        let breaker: CircuitBreaker
        var used: MonotonicInstant
    }

    private struct State: Sendable {
        var entries: [Key: Entry] = [:]
        /// The keys in the order in which they were last looked at for forgetting.
        var order: [Key] = []
        var hand = 0
        var overflowed = 0
    }

    /// What the keys' breakers are called, before the key.
    public let name: String
    /// The breaker above all keys, if there is one: a call needs its permit too, and counts for both.
    public let above: CircuitBreaker?
    /// What keys share that find no room.
    public let overflow: CircuitBreaker

    private let configuration: CircuitBreakerConfiguration
    private let capacity: Int
    private let idle: Duration
    private let clock: any TimeSource
    private let listener: (@Sendable (Key?, CircuitBreaker.Change) -> Void)?
    private let state = Mutex(State())

    /// How many entries are looked at, at most, when a new key comes: what forgetting costs a call is bounded.
    private static var glances: Int { 8 }

    /// - Parameters:
    ///   - configuration: Of each key's breaker.
    ///   - above: The breaker of the level above: of the host above a shard, of the service above a host. Give it a rate
    ///     over all calls; a streak would let one bad key trip it.
    ///   - capacity: How many keys have a breaker of their own: 1 to 1,000,000. Default: 1,000.
    ///   - idle: After which time without a call a closed breaker may be forgotten: 1 s to 1 day. Default: 10 min.
    ///   - onChange: Called for each change of state of a key's breaker; of ``overflow``, with nil.
    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        _ name: String, configuration: CircuitBreakerConfiguration, above: CircuitBreaker? = nil,
        capacity: Int = 1_000, idle: Duration = .seconds(600), clock: any TimeSource = MonotonicClock(),
        onChange: (@Sendable (Key?, CircuitBreaker.Change) -> Void)? = nil
    ) throws(ConfigurationError) {
        try require("capacity", capacity, in: 1...1_000_000)
        try require("idle", idle, in: .seconds(1) ... .seconds(86_400))
        overflow = try CircuitBreaker(
            "\(name)/overflow", configuration: configuration, clock: clock,
            onChange: { onChange?(nil, $0) })
        self.name = name
        self.configuration = configuration
        self.above = above
        self.capacity = capacity
        self.idle = idle
        self.clock = clock
        listener = onChange
    }

    /// Makes one call, if the key's breaker and the one above admit it, and counts it for both.
    ///
    /// - Throws: ``CircuitBreaker/Rejection``, of the outermost that rejects; otherwise what `body` throws.
    nonisolated(nonsending) public func run<R>(
        _ key: Key, judging judge: Judge? = nil, _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let breaker = self[key]
        guard let above else { return try await breaker.run(judging: judge, body) }
        // A rejection by the key's breaker is no evidence for the one above.
        return try await above.run(judging: judge) { try await breaker.run(judging: judge, body) }
    }

    /// A key's breaker, which is made if there is none.
    public subscript(key: Key) -> CircuitBreaker {
        let now = clock.now
        return state.withLock { state in
            if let breaker = state.entries[key]?.breaker {
                state.entries[key]?.used = now
                return breaker
            }
            forget(in: &state, at: now)
            guard state.entries.count < capacity, let breaker = make(key) else {
                state.overflowed += 1
                return overflow
            }
            state.entries[key] = Entry(breaker: breaker, used: now)
            state.order.append(key)
            return breaker
        }
    }

    public func snapshot() -> Snapshot {
        state.withLock { Snapshot(count: $0.entries.count, capacity: capacity, overflowed: $0.overflowed) }
    }

    private func make(_ key: Key) -> CircuitBreaker? {
        // The configuration has been checked with the overflow's, so this throws nothing.
        try? CircuitBreaker(
            "\(name)/\(key)", configuration: configuration, clock: clock,
            onChange: { [listener] in listener?(key, $0) })
    }

    /// Looks at a few entries, and forgets those that are idle and closed with nothing against them.
    private func forget(in state: inout State, at now: MonotonicInstant) {
        for _ in 0..<min(Self.glances, state.order.count) {
            if state.hand >= state.order.count { state.hand = 0 }
            let key = state.order[state.hand]
            guard let entry = state.entries[key], entry.used.duration(to: now) >= idle, entry.breaker.isUnremarkable
            else {
                state.hand += 1
                continue
            }
            state.entries[key] = nil
            state.order.swapAt(state.hand, state.order.count - 1)
            state.order.removeLast()
        }
    }
}

extension CircuitBreaker {
    /// Whether nothing would be lost with the breaker: it is closed, has no streak of failures, and no operator has
    /// told it to observe.
    fileprivate var isUnremarkable: Bool {
        let seen = ClosedWord(bits: word.load(ordering: .acquiring))
        return seen.isClosed && seen.streak == 0 && !snapshot().isObserving
    }
}
