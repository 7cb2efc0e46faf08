public import Holdfast
import Synchronization

/// Keeps records in this process's memory: they are gone when it ends. For tests, and for services whose effects are
/// as short-lived as the process.
///
/// A record whose retention is over makes room by itself: each new key forgets two such records, and one that meets a full
/// store as many as ``reap(atMost:)`` is given at once. ``IdempotencyEngine/keepReaping(every:failed:)``, run beside the
/// service, frees their memory when no new key comes, too.
public final class MemoryStore: ImmediateClaimStore {
    /// The most records that are kept. When there are as many, all of them within their retention, a new key fails with
    /// ``ClaimStoreError/Code/overloaded``; keys that are there are claimed, repeated, completed and released as ever. A
    /// batch whose keys another caller frees meanwhile may pass the bound by as many as it claims.
    public let bound: Int

    private let clock: any TimeSource
    private let origin: MonotonicInstant
    private let hashingSecret = StoreSecret.random()
    private let shards = (0..<16).map { _ in Shard() }
    /// The records that there are, or may be in a moment.
    private let count = Atomic<Int>(0)
    private let fence = Atomic<Int64>(0)

    /// Some of the records, so that threads seldom meet.
    fileprivate final class Shard: Sendable {
        let state = Mutex(State())

        struct State {
            var records: [RecordID: ClaimRecord] = [:]
            var due = ExpiryQueue()
        }
    }

    /// How many records whose retention is over a new one forgets: more than one, so that they become fewer.
    private static let forgottenByNew = 2
    /// How many one forgets that meets a full store, before it is refused.
    private static let forgottenByRefused = 64

    /// - Parameters:
    ///   - bound: The most records that are kept. Default: 1,000,000, which is about 300 MB with small payloads.
    ///   - clock: The store's clock.
    public init(bound: Int = 1_000_000, clock: any TimeSource = MonotonicClock()) {
        self.bound = bound
        self.clock = clock
        origin = clock.now
    }

    public func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
        // Asked first and for the whole batch, so that what follows cannot fail half-way. Only a new key needs a place.
        let claimed = Set(batch.filter(\.isClaim).map(\.id))
        var places = claimed.count(where: { id in shard(of: id).state.withLock { $0.records[id] == nil } })
        while !reserve(places) { guard makeRoom() else { throw overload } }
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
            guard makeRoom() else { throw overload }
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

    /// Takes places, if there are as many.
    private func reserve(_ places: Int) -> Bool {
        var taken = count.load(ordering: .relaxed)
        while places > 0 {
            // Never more than there are, not for a moment: another would be refused what is free.
            guard taken + places <= bound else { return false }
            let (isReserved, found) = count.weakCompareExchange(
                expected: taken, desired: taken + places, ordering: .relaxed)
            if isReserved { break }
            taken = found
        }
        return true
    }

    private var overload: ClaimStoreError {
        ClaimStoreError(
            .overloaded, "the memory store holds \(bound) records, as many as it may, all within their retention")
    }

    /// Forgets some of what may be forgotten.
    ///
    /// - Returns: Whether there was anything.
    private func makeRoom() -> Bool { forget(atMost: Self.forgottenByRefused) > 0 }

    private func forget(atMost bound: Int) -> Int {
        let now = self.now
        var forgotten = 0
        for shard in shards {
            var isMore = true
            // A part at a time, so that whoever waits for the lock gets it.
            while isMore, forgotten < bound {
                let (count, rest) = shard.state.withLock { $0.forget(atMost: min(64, bound - forgotten), at: now) }
                (forgotten, isMore) = (forgotten + count, rest)
            }
        }
        count.subtract(forgotten, ordering: .relaxed)
        return forgotten
    }

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
        case .put(let next):
            state.records[command.id] = next
            if record?.expires != next.expires { state.note(command.id, until: next.expires) }
            guard record == nil else { break }
            appeared()
            count.subtract(state.forget(atMost: Self.forgottenByNew, at: now).count, ordering: .relaxed)
        case .delete:
            state.records[command.id] = nil
            count.subtract(1, ordering: .relaxed)
        }
        return decision.reply
    }

    public func secret() async throws -> StoreSecret { hashingSecret }

    public func reap(atMost count: Int) async throws -> Int { forget(atMost: count) }

    public func summary(of id: RecordID) async throws -> ClaimSummary? {
        let now = self.now
        return shard(of: id).state.withLock { $0.records[id] }.flatMap { ClaimSummary($0, of: id, at: now) }
    }

    public func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
        let now = self.now
        let after = try cursor.map { try RecordID(cursor: $0).bytes }
        let ids = shards.flatMap { shard in shard.state.withLock { Array($0.records.keys) } }
            .map { (id: $0, bytes: $0.bytes) }
            .filter { id in after.map { $0.lexicographicallyPrecedes(id.bytes) } ?? true }
            .sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        let page = ids.prefix(max(1, count))
        return ClaimPage(
            summaries: page.compactMap { entry in
                shard(of: entry.id).state.withLock { $0.records[entry.id] }
                    .flatMap { ClaimSummary($0, of: entry.id, at: now) }
            }, next: page.count < ids.count ? page.last?.id.description : nil, now: now)
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

    /// - Returns: How many records were forgotten, and whether more may be due.
    fileprivate mutating func forget(atMost bound: Int, at now: StoreInstant) -> (count: Int, isMore: Bool) {
        var forgotten = 0
        // What is out of date goes by the way, but not so much that others wait for the lock.
        for _ in 0..<(4 * bound) where forgotten < bound {
            guard let entry = due.next(at: now) else { return (forgotten, false) }
            guard let record = records[entry.id], record.expires == entry.expires else { continue }
            records[entry.id] = nil
            forgotten += 1
        }
        return (forgotten, true)
    }
}

extension ClaimCommand {
    fileprivate var isClaim: Bool { if case .claim = action { true } else { false } }
}
