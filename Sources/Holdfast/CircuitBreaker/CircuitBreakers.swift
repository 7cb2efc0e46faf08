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
/// Keys may come from whoever calls, so the room is bounded, and kept without a timer: when a key comes that has no
/// breaker yet, a few others are looked at.
/// - One that has not been used for a while is forgotten, unless its cooldown or its ramp is still under way.
/// - With no room left, one that has nothing against it is forgotten, of those looked at the one whose last call is the
///   longest ago. Nothing is lost with it.
/// - Neither happens while somebody has the breaker: while one of its calls is in flight, or a reference to it is kept.
///   Nor where an operator isolated it, disabled it, or had it observe.
/// - A key that finds no room even so has no breaker of its own. Its calls pass, and are counted in ``overflow``, which
///   rejects nobody: one bad key among them must not reject all others. The breaker ``above`` counts them as all calls.
public final class CircuitBreakers<Key: Hashable & Sendable>: Sendable {
    /// What a registry looked like at one moment.
    public struct Snapshot: Sendable, Hashable {
        public let count: Int
        public let capacity: Int
        /// How often a key found no room and was given ``CircuitBreakers/overflow``.
        public let overflowed: Int
        /// How many breakers were forgotten, to make room or because they were idle.
        public let forgotten: Int
    }

    /// A key, and what its breaker looked like at one moment.
    public struct Health: Sendable {
        public let key: Key
        public let breaker: CircuitBreaker.Snapshot
        /// How long ago it was asked for last.
        public let idle: Duration
    }

    /// What the keys' breakers are called, before the key.
    public let name: String
    /// The breaker above all keys, if there is one: a call needs its permit too, and counts for both.
    public let above: CircuitBreaker?
    /// Counts the calls of keys that find no room. It observes and rejects nothing (``CircuitBreaker/observe(_:)``).
    public let overflow: CircuitBreaker

    private let configuration: CircuitBreakerConfiguration
    private let judge: Judge
    private let clock: any TimeSource
    private let listener: (@Sendable (Key?, CircuitBreaker.Change) -> Void)?
    private let shelf: Mutex<Shelf<Key>>

    /// - Parameters:
    ///   - name: What it is called in explanations and reports.
    ///   - configuration: Of each key's breaker.
    ///   - above: The breaker of the level above: of the host above a shard, of the service above a host. Give it a
    ///     rate over all calls; a streak would let one bad key trip it.
    ///   - capacity: How many keys have a breaker of their own: 1 to 1,000,000. Default: 1,000.
    ///   - idle: After which time without a call a breaker may be forgotten: 1 s to 1 day. Default: 10 min.
    ///   - judge: What an error, or a result, says about a key. Default: ``Judge/standard``.
    ///   - clock: What time is measured on.
    ///   - onChange: Called for each change of state of a key's breaker; of ``overflow``, with nil.
    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        _ name: String, configuration: CircuitBreakerConfiguration, above: CircuitBreaker? = nil,
        capacity: Int = 1_000, idle: Duration = .seconds(600), judging judge: Judge = .standard,
        clock: any TimeSource = MonotonicClock(),
        onChange: (@Sendable (Key?, CircuitBreaker.Change) -> Void)? = nil
    ) throws(ConfigurationError) {
        try requireName(name)
        try require("capacity", capacity, in: 1...1_000_000)
        try require("idle", idle, in: .seconds(1) ... .seconds(86_400))
        overflow = try CircuitBreaker(
            "\(name)/overflow", configuration: configuration, observing: true, judging: judge, clock: clock,
            onChange: { onChange?(nil, $0) })
        self.name = name
        self.configuration = configuration
        self.above = above
        self.judge = judge
        self.clock = clock
        listener = onChange
        shelf = Mutex(Shelf(capacity: capacity, idle: idle))
    }

    // MARK: Calls

    /// Makes one call, if the key's breaker and the one above admit it, and counts it for both.
    ///
    /// - Parameters:
    ///   - key: Which breaker: a host, a shard, a tenant.
    ///   - judge: What an error, or a result, says about the key and what is above it. Default: what each of the
    ///     breakers has.
    ///   - body: The call.
    /// - Throws: ``CircuitBreaker/Rejection``, of the outermost that rejects; otherwise what `body` throws.
    nonisolated(nonsending) public func run<R>(
        _ key: Key, judging judge: Judge? = nil, _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let breaker = self[key]
        guard let above else { return try await breaker.run(judging: judge, body) }
        // A rejection by the key's breaker is no evidence for the one above.
        return try await above.run(judging: judge) { try await breaker.run(judging: judge, body) }
    }

    /// Makes one call whose result may be a failure too, such as a response with the status 503, and counts it for the
    /// key's breaker and the one above.
    ///
    /// - Parameters:
    ///   - key: Which breaker: a host, a shard, a tenant.
    ///   - judgeResult: What a result says.
    ///   - judge: What an error says.
    ///   - body: The call.
    nonisolated(nonsending) public func run<R>(
        _ key: Key, judgingResult judgeResult: (R) -> Verdict, judging judge: Judge? = nil,
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let breaker = self[key]
        guard let above else { return try await breaker.run(judgingResult: judgeResult, judging: judge, body) }
        return try await above.run(judgingResult: judgeResult, judging: judge) {
            try await breaker.run(judgingResult: judgeResult, judging: judge, body)
        }
    }

    /// A key's breaker, which is made if there is none. While the reference is kept, the breaker is not forgotten.
    public subscript(key: Key) -> CircuitBreaker {
        let now = clock.now
        return shelf.withLock { shelf in
            if let breaker = shelf.use(key, at: now) { return breaker }
            guard shelf.makeRoom(at: now), let breaker = make(key) else { return overflow }
            shelf.add(breaker, for: key, at: now)
            return breaker
        }
    }

    // MARK: Health

    public func snapshot() -> Snapshot {
        shelf.withLock {
            Snapshot(count: $0.count, capacity: $0.capacity, overflowed: $0.overflowed, forgotten: $0.forgotten)
        }
    }

    /// Each key that has a breaker, and what that looks like now, in no order. It makes none and uses none: what is idle
    /// stays so.
    ///
    /// - Parameter states: Only breakers in these states. Default: all.
    public func health(in states: Set<CircuitBreaker.State> = Set(CircuitBreaker.State.allCases)) -> [Health] {
        let now = clock.now
        return shelf.withLock { $0.all }.compactMap { entry in
            let breaker = entry.breaker.snapshot()
            guard states.contains(breaker.state) else { return nil }
            return Health(key: entry.key, breaker: breaker, idle: max(.zero, entry.used.duration(to: now)))
        }
    }

    /// What a key's breaker looks like now; nil if the key has none, in which case its next call is admitted. It makes
    /// none.
    public func health(of key: Key) -> CircuitBreaker.Snapshot? {
        shelf.withLock { $0.breaker(of: key) }?.snapshot()
    }

    /// Forgets a key's breaker, whatever its state: the shard or the host is gone. Its calls in flight count for nothing
    /// any more.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    public func forget(_ key: Key) -> Bool { shelf.withLock { $0.remove(key) } }

    private func make(_ key: Key) -> CircuitBreaker? {
        // The configuration has been checked with the overflow's, so this throws nothing.
        try? CircuitBreaker(
            "\(name)/\(key)", configuration: configuration, judging: judge, clock: clock,
            onChange: { [listener] in listener?(key, $0) })
    }
}
