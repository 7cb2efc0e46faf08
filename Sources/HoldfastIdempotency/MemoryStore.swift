public import Holdfast
import Synchronization

/// Keeps records in this process's memory: they are gone when it ends. For tests, and for services whose effects are
/// as short-lived as the process.
public final class MemoryStore: ImmediateClaimStore {
    /// The most records that are kept. Beyond it, claims of new keys fail as `full`; nothing is forgotten before its
    /// retention is over, and known keys are answered.
    public let bound: Int
    /// The most bytes of payloads. Beyond it the same holds, and payloads that come are not kept.
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
    /// The second in which nothing was found that had expired.
    private let soughtRoom = Atomic<Int64>(-1)

    /// Some of the records, so that threads seldom meet.
    fileprivate final class Shard: Sendable {
        let state = Mutex(State())

        struct State {
            private(set) var records: [RecordID: ClaimRecord] = [:]
            /// All of them, and those that are not completed, in the order of their claims.
            private(set) var order = ClaimOrder()
            private(set) var unsettled = ClaimOrder()
            /// The records that may expire in a minute, so that none has to be looked for.
            var due: [Int64: [RecordID]] = [:]
            /// How many those are. Some are there no more, or are due later by now.
            var dueCount = 0

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
        // Asked first and for the whole batch, so that what follows cannot fail half-way.
        let claims = batch.count { isNewClaim($0) }
        try reserve(claims)
        defer { count.subtract(claims, ordering: .relaxed) }
        return batch.map { carryOut($0) }
    }

    public func applyNow(_ command: ClaimCommand) throws(ClaimStoreError) -> ClaimReply {
        guard command.isClaim else { return carryOut(command) }
        // Nearly always there is room, and then nobody asks whether the key is known.
        guard hasRoom(for: 1) || isNewClaim(command) else { return carryOut(command) }
        try reserve(1)
        defer { count.subtract(1, ordering: .relaxed) }
        return carryOut(command)
    }

    public var usageNow: ClaimUsage? {
        let now = self.now
        let lapsed = shards.reduce(0) { $0 + $1.state.withLock { $0.lapsedCount(at: now) } }
        return ClaimUsage(
            keys: count.load(ordering: .relaxed), bytes: bytes.load(ordering: .relaxed),
            unknown: unknown.load(ordering: .relaxed) + lapsed)
    }

    private func isNewClaim(_ command: ClaimCommand) -> Bool {
        command.isClaim && shard(of: command.id).state.withLock { $0.records[command.id] == nil }
    }

    private func hasRoom(for claims: Int) -> Bool {
        count.load(ordering: .relaxed) + claims <= bound && bytes.load(ordering: .relaxed) < byteBound
    }

    /// Takes places for new keys. Where there are none, what has expired makes room, whether somebody reaps or not.
    private func reserve(_ claims: Int) throws(ClaimStoreError) {
        guard claims > 0 else { return }
        if tookPlaces(claims) { return }
        // Once a second at the most, if there was nothing to forget: a flood at the bound must not search.
        let second = now.milliseconds / 1_000
        if soughtRoom.load(ordering: .relaxed) != second {
            if forget(atMost: max(64, claims)) == 0 { soughtRoom.store(second, ordering: .relaxed) }
            if tookPlaces(claims) { return }
        }
        let held = bytes.load(ordering: .relaxed)
        throw ClaimStoreError(
            .full,
            "the memory store may hold \(bound) records and \(byteBound) bytes of outcomes, and holds \(held) bytes: new keys are refused"
        )
    }

    private func tookPlaces(_ claims: Int) -> Bool {
        let isFull = bytes.load(ordering: .relaxed) >= byteBound
        if count.add(claims, ordering: .relaxed).newValue <= bound, !isFull { return true }
        count.subtract(claims, ordering: .relaxed)
        return false
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
            case .put(var next):
                let growth = next.state.payloadBytes - (record?.state.payloadBytes ?? 0)
                if growth > 0, bytes.add(growth, ordering: .relaxed).newValue > byteBound {
                    bytes.subtract(growth, ordering: .relaxed)
                    next.state = .completed(payload: nil)
                } else if growth < 0 {
                    bytes.add(growth, ordering: .relaxed)
                }
                state.set(next, under: command.id)
                let change = next.usage.unknown - record.usage.unknown
                if change != 0 { unknown.add(change, ordering: .relaxed) }
                if record == nil { count.add(1, ordering: .relaxed) }
                if record?.minute != next.minute { state.note(command.id, in: next.minute) }
            case .delete:
                state.set(nil, under: command.id)
                subtract(record.usage)
            }
            return decision.reply
        }
    }

    public func secret() async throws -> StoreSecret { hashingSecret }

    public func reap(atMost count: Int) async throws -> Int { forget(atMost: count) }

    private func forget(atMost bound: Int) -> Int {
        let now = self.now
        var reaped = 0
        for shard in shards where reaped < bound {
            let forgotten = shard.state.withLock { $0.reap(atMost: bound - reaped, at: now) }
            subtract(forgotten)
            reaped += forgotten.keys
        }
        return reaped
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
        of order: KeyPath<Shard.State, ClaimOrder> & Sendable, after cursor: String?, atMost count: Int,
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

    /// How many are unknown because their lease is over.
    fileprivate func lapsedCount(at now: StoreInstant) -> Int {
        unsettled.entries.count { entry in
            guard let record = records[entry.id], record.fence == entry.fence, record.state != .unknown else {
                return false
            }
            return record.isUnknown(at: now)
        }
    }

    fileprivate mutating func reap(atMost bound: Int, at now: StoreInstant) -> ClaimUsage {
        var gone = ClaimUsage()
        for minute in due.keys where minute * 60_000 <= now.milliseconds && gone.keys < bound {
            var later: [RecordID] = []
            while gone.keys < bound, let id = due[minute]?.popLast() {
                dueCount -= 1
                // It may be gone, or have been put into a later minute.
                guard let record = records[id], record.minute == minute else { continue }
                if record.expires <= now {
                    set(nil, under: id)
                    gone += record.usage
                } else {
                    later.append(id)
                    dueCount += 1
                }
            }
            let rest = later + (due[minute] ?? [])
            due[minute] = rest.isEmpty ? nil : rest
        }
        return gone
    }
}

extension ClaimCommand {
    fileprivate var isClaim: Bool { if case .claim = action { true } else { false } }
}

extension ClaimRecord {
    fileprivate var minute: Int64 { expires.milliseconds / 60_000 }

    /// Whether it is anything but completed with what repeats are answered from.
    fileprivate var isUnsettled: Bool { state.stored.state != .completed }
}
