public import Holdfast
import Synchronization

/// Keeps records in this process's memory: they are gone when it ends. For tests, and for services whose effects are
/// as short-lived as the process.
///
/// A record whose retention is over makes room by itself: each new key forgets two such records, and one that meets a full
/// store up to 64. ``IdempotencyEngine/keepReaping(every:failed:)``, run beside the service, frees their memory when no new
/// key comes, too.
public final class MemoryStore: ImmediateClaimStore {
    /// The most records that are kept. Beyond it, claims of new keys fail as `full`; nothing is forgotten before its
    /// retention is over, and known keys are answered.
    public let bound: Int
    /// The most bytes of payloads and causes. Beyond it the same holds, and those that come are not kept.
    public let byteBound: Int

    private let clock: any TimeSource
    private let origin: MonotonicInstant
    private let hashingSecret = StoreSecret.random()
    private let shards = (0..<16).map { _ in Shard() }
    /// The records that there are, or may be in a moment.
    private let count = Atomic<Int>(0)
    private let bytes = Atomic<Int>(0)
    /// Those whose record says so; others are by their leases.
    private let unknown = Atomic<Int>(0)
    private let fence = Atomic<Int64>(0)

    /// How many records whose retention is over a new one forgets: more than one, so that they become fewer.
    private static let forgottenByNew = 2
    /// How many one forgets that meets a full store, before it is refused.
    private static let forgottenByRefused = 64

    /// Some of the records, so that threads seldom meet.
    fileprivate final class Shard: Sendable {
        let state = Mutex(State())

        struct State {
            private(set) var records: [RecordID: ClaimRecord] = [:]
            /// All of them, and those that are not completed, in the order of their claims.
            private(set) var order = ClaimOrder()
            private(set) var unsettled = ClaimOrder()
            var due = ExpiryQueue()

            /// Puts a record in the place of what there is under its identity, or takes that away.
            mutating func set(_ next: ClaimRecord?, under id: RecordID) {
                let former = records[id]
                records[id] = next
                let isSame = former?.fence == next?.fence
                if former != nil, !isSame {
                    order.lose { [records] in records[$0.id]?.fence == $0.fence }
                }
                if let next, !isSame { order.add(next.fence, id) }
                let wasUnsettled = former?.isUnsettled ?? false
                let isUnsettled = next?.isUnsettled ?? false
                if wasUnsettled, !isSame || !isUnsettled {
                    unsettled.lose { [records] entry in
                        records[entry.id].map { $0.fence == entry.fence && $0.isUnsettled } ?? false
                    }
                }
                // What is completed never comes back under its fence, so what is added has the highest.
                if let next, isUnsettled, !isSame || !wasUnsettled { unsettled.add(next.fence, id) }
            }
        }
    }

    /// - Parameters:
    ///   - bound: The most records that are kept. Default: 1,000,000, which is about 300 MB with small payloads.
    ///   - byteBound: The most bytes of payloads that are kept. Default: 256 MiB.
    ///   - clock: The store's clock.
    public init(bound: Int = 1_000_000, byteBound: Int = 256 << 20, clock: any TimeSource = MonotonicClock()) {
        (self.bound, self.byteBound) = (bound, byteBound)
        self.clock = clock
        origin = clock.now
    }

    public func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
        // Asked first and for the whole batch, so that what follows cannot fail half-way. Only a new key needs a place.
        let claimed = Set(batch.filter(\.isClaim).map(\.id))
        var places = claimed.count(where: { id in shard(of: id).state.withLock { $0.records[id] == nil } })
        while !reserve(places) { guard makeRoom() else { throw full } }
        defer { count.subtract(places, ordering: .relaxed) }
        return batch.map { command in
            shard(of: command.id).state.withLock { state in
                carryOut(command, in: &state) {
                    if places > 0 { places -= 1 } else { count.add(1, ordering: .relaxed) }
                }
            }
        }
    }

    public func applyNow(_ command: ClaimCommand) throws(ClaimStoreError) -> ClaimReply {
        while true {
            if let reply = tryNow(command) { return reply }
            guard makeRoom() else { throw full }
        }
    }

    /// - Returns: Nil if there is no place for the record.
    private func tryNow(_ command: ClaimCommand) -> ClaimReply? {
        shard(of: command.id).state.withLock { state in
            let isNew = command.isClaim && state.records[command.id] == nil
            if isNew, !reserve(1) { return nil }
            return carryOut(command, in: &state) {
                // The place is taken already.
                assert(isNew)
            }
        }
    }

    public var usageNow: ClaimUsage? {
        let now = self.now
        let lapsed = shards.reduce(0) { $0 + $1.state.withLock { $0.lapsedCount(at: now) } }
        return ClaimUsage(
            keys: count.load(ordering: .relaxed), bytes: bytes.load(ordering: .relaxed),
            unknown: unknown.load(ordering: .relaxed) + lapsed)
    }

    /// Takes places for new keys, if there are as many.
    private func reserve(_ places: Int) -> Bool {
        guard places > 0 else { return true }
        guard bytes.load(ordering: .relaxed) < byteBound else { return false }
        var taken = count.load(ordering: .relaxed)
        while true {
            // Never more than there are, not for a moment: another would be refused what is free.
            guard taken + places <= bound else { return false }
            let (isReserved, found) = count.weakCompareExchange(
                expected: taken, desired: taken + places, ordering: .relaxed)
            if isReserved { return true }
            taken = found
        }
    }

    private var full: ClaimStoreError {
        ClaimStoreError(
            .full,
            "the memory store may hold \(bound) records and \(byteBound) bytes of outcomes, and holds "
                + "\(bytes.load(ordering: .relaxed)) bytes: new keys are refused")
    }

    /// Forgets some of what may be forgotten.
    ///
    /// - Returns: Whether there was anything.
    private func makeRoom() -> Bool { forget(atMost: Self.forgottenByRefused) > 0 }

    /// - Parameter appeared: Called when there is a record more.
    private func carryOut(
        _ command: ClaimCommand, in state: inout Shard.State, appeared: () -> Void
    ) -> ClaimReply {
        let now = self.now
        let record = state.records[command.id]
        let decision = ClaimMachine.apply(
            command.action, to: record, at: now,
            // Asked for under the lock, so that the fences of one key rise.
            nextFence: command.isClaim ? fence.add(1, ordering: .relaxed).newValue : 0)
        switch decision.write {
        case .nothing: break
        case .put(var next):
            let former = record?.keptBytes ?? 0
            var growth = next.keptBytes - former
            if growth > 0, bytes.add(growth, ordering: .relaxed).newValue > byteBound {
                bytes.subtract(growth, ordering: .relaxed)
                next.dropWhatIsKept()
                growth = next.keptBytes - former
            }
            if growth < 0 { bytes.add(growth, ordering: .relaxed) }
            state.set(next, under: command.id)
            let change = next.usage.unknown - record.usage.unknown
            if change != 0 { unknown.add(change, ordering: .relaxed) }
            if record?.expires != next.expires { state.note(command.id, until: next.expires) }
            guard record == nil else { break }
            appeared()
            subtract(state.forget(atMost: Self.forgottenByNew, at: now).gone)
        case .delete:
            state.set(nil, under: command.id)
            subtract(record.usage)
        }
        return decision.reply
    }

    public func secret() async throws -> StoreSecret { hashingSecret }

    public func reap(atMost count: Int) async throws -> Int { forget(atMost: count) }

    private func forget(atMost bound: Int) -> Int {
        let now = self.now
        var forgotten = 0
        for shard in shards {
            var isMore = true
            // A part at a time, so that whoever waits for the lock gets it.
            while isMore, forgotten < bound {
                let (gone, rest) = shard.state.withLock { $0.forget(atMost: min(64, bound - forgotten), at: now) }
                subtract(gone)
                (forgotten, isMore) = (forgotten + gone.keys, rest)
            }
        }
        return forgotten
    }

    private func subtract(_ gone: ClaimUsage) {
        count.subtract(gone.keys, ordering: .relaxed)
        bytes.subtract(gone.bytes, ordering: .relaxed)
        unknown.subtract(gone.unknown, ordering: .relaxed)
    }

    public func summary(of id: RecordID) async throws -> ClaimSummary? {
        let now = self.now
        return shard(of: id).state.withLock { $0.records[id] }.flatMap { ClaimSummary($0, of: id, at: now) }
    }

    /// In the order of their claims.
    public func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
        try page(of: \.order, after: cursor, atMost: count) { _ in true }
    }

    public func summaries(
        standing state: ClaimSummary.State, after cursor: String?, atMost count: Int
    ) async throws -> ClaimPage {
        try page(of: state == .completed ? \.order : \.unsettled, after: cursor, atMost: count) { $0.state == state }
    }

    /// Looks at so many places in each shard, and goes on from where the first of them stopped.
    private func page(
        of order: any KeyPath<Shard.State, ClaimOrder> & Sendable, after cursor: String?, atMost count: Int,
        _ isWanted: (ClaimSummary) -> Bool
    ) throws -> ClaimPage {
        let (now, count) = (self.now, max(1, count))
        let after = try HoldfastIdempotency.fence(atCursor: cursor)
        var found: [ClaimSummary] = []
        var end: Int64?
        for shard in shards {
            shard.state.withLock { state in
                let places = state[keyPath: order].page(after: after, atMost: count)
                if places.count == count, let last = places.last { end = min(end ?? last.fence, last.fence) }
                found += places.compactMap { place in
                    // Elsewhere by now, if its fence is another.
                    guard let record = state.records[place.id], record.fence == place.fence else { return nil }
                    return ClaimSummary(record, of: place.id, at: now)
                }
            }
        }
        found.sort { $0.fence < $1.fence }
        var summaries = found.filter { isWanted($0) && $0.fence <= end ?? .max }
        if summaries.count > count {
            summaries.removeSubrange(count...)
            end = summaries.last?.fence
        }
        return ClaimPage(summaries: summaries, next: end.map(String.init), now: now)
    }

    private func shard(of id: RecordID) -> Shard { shards[id.place(among: shards.count)] }

    private var now: StoreInstant {
        StoreInstant(milliseconds: 0).advanced(by: origin.duration(to: clock.now))
    }
}

extension MemoryStore {
    /// How many places are kept for what may expire.
    var dueCount: Int { shards.reduce(0) { sum, shard in sum + shard.state.withLock { $0.due.count } } }
    /// How many records there are, whether or not their retention is over.
    var recordCount: Int { shards.reduce(0) { sum, shard in sum + shard.state.withLock { $0.records.count } } }
}

extension MemoryStore.Shard.State {
    /// A claim and its outcome take two entries. When there are many more than that, most are of records that are gone.
    fileprivate mutating func note(_ id: RecordID, until expires: StoreInstant) {
        due.note(.init(expires: expires, id: id))
        guard due.count > 3 * max(64, records.count) else { return }
        due = ExpiryQueue(records.lazy.map { .init(expires: $0.value.expires, id: $0.key) })
    }

    /// How many are unknown because their lease is over.
    fileprivate func lapsedCount(at now: StoreInstant) -> Int {
        unsettled.entries.count { entry in
            guard let record = records[entry.id], record.fence == entry.fence, record.state != .unknown else {
                return false
            }
            return record.isUnknown(at: now)
        }
    }

    /// - Returns: What was forgotten, and whether more may be due.
    fileprivate mutating func forget(atMost bound: Int, at now: StoreInstant) -> (gone: ClaimUsage, isMore: Bool) {
        var gone = ClaimUsage()
        // What is out of date goes by the way, but not so much that others wait for the lock.
        for _ in 0..<(4 * bound) where gone.keys < bound {
            guard let entry = due.next(at: now) else { return (gone, false) }
            guard let record = records[entry.id], record.expires == entry.expires else { continue }
            set(nil, under: entry.id)
            gone += record.usage
        }
        return (gone, true)
    }
}

extension ClaimCommand {
    fileprivate var isClaim: Bool { if case .claim = action { true } else { false } }
}

extension ClaimRecord {
    /// Leaves out what there is no room for: a payload, or a cause.
    fileprivate mutating func dropWhatIsKept() {
        context = []
        if case .completed = state { state = .completed(payload: nil) }
    }

    /// Whether it is anything but completed with what repeats are answered from.
    fileprivate var isUnsettled: Bool { state.stored.state != .completed }
}
