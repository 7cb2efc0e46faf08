public import Holdfast
import Synchronization

/// Keeps records in this process's memory: they are gone when it ends. For tests, and for services whose effects are
/// as short-lived as the process.
public final class MemoryStore: ImmediateClaimStore {
    /// The most records that are kept. Beyond it, claims fail; nothing is forgotten before its retention is over.
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
            /// The records that may expire in a minute, so that none has to be looked for.
            var due: [Int64: [RecordID]] = [:]
            /// How many those are. Some are there no more, or are due later by now.
            var dueCount = 0
        }
    }

    /// - Parameters:
    ///   - bound: The most records that are kept. Default: 1,000,000, which is about 300 MB with small payloads.
    ///   - clock: The store's clock.
    public init(bound: Int = 1_000_000, clock: any TimeSource = MonotonicClock()) {
        self.bound = bound
        self.clock = clock
        origin = clock.now
    }

    public func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
        // Asked first and for the whole batch, so that what follows cannot fail half-way.
        let claims = batch.count(where: \.isClaim)
        try reserve(claims)
        defer { count.subtract(claims, ordering: .relaxed) }
        return batch.map { carryOut($0) }
    }

    public func applyNow(_ command: ClaimCommand) throws(ClaimStoreError) -> ClaimReply {
        guard command.isClaim else { return carryOut(command) }
        try reserve(1)
        defer { count.subtract(1, ordering: .relaxed) }
        return carryOut(command)
    }

    private func reserve(_ claims: Int) throws(ClaimStoreError) {
        guard claims > 0, count.add(claims, ordering: .relaxed).newValue > bound else { return }
        count.subtract(claims, ordering: .relaxed)
        throw ClaimStoreError(.overloaded, "the memory store's bound is \(bound) records")
    }

    private func carryOut(_ command: ClaimCommand) -> ClaimReply {
        let now = self.now
        return shard(of: command.id).state.withLock { state in
            let record = state.records[command.id]
            let decision = ClaimMachine.apply(
                command.action, to: record, at: now,
                // Asked for under the lock, so that the fences of one key rise.
                nextFence: command.isClaim ? fence.add(1, ordering: .relaxed).newValue : 0)
            switch decision.write {
            case .nothing: break
            case .put(let next):
                state.records[command.id] = next
                if record == nil { count.add(1, ordering: .relaxed) }
                if record?.minute != next.minute { state.note(command.id, in: next.minute) }
            case .delete:
                state.records[command.id] = nil
                count.subtract(1, ordering: .relaxed)
            }
            return decision.reply
        }
    }

    public func secret() async throws -> StoreSecret { hashingSecret }

    public func reap(atMost bound: Int) async throws -> Int {
        let now = self.now
        var reaped = 0
        for shard in shards where reaped < bound {
            reaped += shard.state.withLock { $0.reap(atMost: bound - reaped, at: now) }
        }
        count.subtract(reaped, ordering: .relaxed)
        return reaped
    }

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
    var dueCount: Int { shards.reduce(0) { sum, shard in sum + shard.state.withLock { $0.dueCount } } }
}

extension MemoryStore.Shard.State {
    /// A claim and its outcome take two places. When there are many more than that, most are of records that are gone.
    fileprivate mutating func note(_ id: RecordID, in minute: Int64) {
        due[minute, default: []].append(id)
        dueCount += 1
        guard dueCount > 3 * max(64, records.count) else { return }
        due = [:]
        for (id, record) in records { due[record.minute, default: []].append(id) }
        dueCount = records.count
    }

    fileprivate mutating func reap(atMost bound: Int, at now: StoreInstant) -> Int {
        var reaped = 0
        for minute in due.keys where minute * 60_000 <= now.milliseconds && reaped < bound {
            var later: [RecordID] = []
            while reaped < bound, let id = due[minute]?.popLast() {
                dueCount -= 1
                // It may be gone, or have been put into a later minute.
                guard let record = records[id], record.minute == minute else { continue }
                if record.expires <= now {
                    records[id] = nil
                    reaped += 1
                } else {
                    later.append(id)
                    dueCount += 1
                }
            }
            let rest = later + (due[minute] ?? [])
            due[minute] = rest.isEmpty ? nil : rest
        }
        return reaped
    }
}

extension ClaimCommand {
    fileprivate var isClaim: Bool { if case .claim = action { true } else { false } }
}

extension ClaimRecord {
    fileprivate var minute: Int64 { expires.milliseconds / 60_000 }
}
