import Holdfast
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import HoldfastIdempotency

@Suite struct StoreRoomTests {
    private let clock = ManualClock()

    /// A store that waits, holds something before, and says how much.
    private final class Counted: ClaimStore {
        let inner: MemoryStore
        let held: Mutex<ClaimUsage?>
        let asked = Atomic<Int>(0)
        let writes = Mutex<[ClaimCommand.Action]>([])

        init(_ held: ClaimUsage?, clock: any TimeSource) {
            inner = MemoryStore(clock: clock)
            self.held = Mutex(held)
        }

        func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
            writes.withLock { $0 += batch.map(\.action) }
            return try await inner.apply(batch)
        }
        func usage() async throws -> ClaimUsage? {
            asked.add(1, ordering: .relaxed)
            let own = inner.usageNow ?? ClaimUsage()
            return held.withLock { held in
                held.map { ClaimUsage(keys: $0.keys + own.keys, bytes: $0.bytes + own.bytes) }
            }
        }
        func secret() async throws -> StoreSecret { try await inner.secret() }
        func reap(atMost count: Int) async throws -> Int { try await inner.reap(atMost: count) }
        func summary(of id: RecordID) async throws -> ClaimSummary? { try await inner.summary(of: id) }
        func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
            try await inner.summaries(after: cursor, atMost: count)
        }
    }

    private func engine(
        _ store: Counted, keys: Int? = nil, bytes: Int? = nil,
        onEvent: @escaping @Sendable (IdempotencyEvent) -> Void = { _ in }
    ) throws -> IdempotencyEngine {
        var configuration = IdempotencyConfiguration()
        (configuration.storeKeys, configuration.storeBytes, configuration.replayCacheBytes) = (keys, bytes, 0)
        return try IdempotencyEngine(store: store, configuration: configuration, clock: clock, onEvent: onEvent)
    }

    private func call(_ engine: IdempotencyEngine, _ key: String, _ value: String = "12345678") async throws -> Bool {
        try await engine.run(IdempotencyKey(key), in: Scope(caller: "acme", operation: "charges"), saying: []) { _ in
            value
        }.isReplay
    }

    private func isFull(_ body: () async throws -> Bool) async throws -> Bool {
        do {
            _ = try await body()
            return false
        } catch IdempotencyError.unavailable(let error) where error.code == .full { return true }
    }

    @Test func `what a store holds from before counts from the first key on`() async throws {
        let store = Counted(ClaimUsage(keys: 7), clock: clock)
        let engine = try engine(store, keys: 9)
        try await expectEqual(call(engine, "a"), false)
        try await expectEqual(call(engine, "b"), false)
        try await expectEqual(isFull { try await call(engine, "c") }, true)
        let another = Counted(ClaimUsage(keys: 9), clock: clock)
        let full = try self.engine(another, keys: 9)
        try await expectEqual(isFull { try await call(full, "a") }, true)
    }

    @Test func `a full store answers what it knows, is not written to, and has room again`() async throws {
        let told = Mutex<[String]>([])
        let store = Counted(ClaimUsage(), clock: clock)
        let engine = try engine(store, keys: 2) { event in
            if case .storeFull(let error) = event { told.withLock { $0.append("\(error)") } }
        }
        for key in ["a", "b"] { _ = try await call(engine, key) }
        store.writes.withLock { $0 = [] }
        for _ in 0..<3 { try await expectEqual(isFull { try await call(engine, "c") }, true) }
        try await expectEqual(call(engine, "a"), true)
        // Nothing but questions.
        let writes = store.writes.withLock { $0 }
        #expect(writes.allSatisfy { if case .look = $0 { true } else { false } })
        #expect(told.withLock { $0.count } == 1)
        #expect(told.withLock { $0.first }?.contains("may hold 2 ") == true)
        #expect(engine.usage() == ClaimUsage(keys: 2, bytes: store.inner.usageNow?.bytes ?? 0))
        // What has expired makes room, also where nobody reaps.
        clock.advance(by: .seconds(86_401))
        await engine.learnUsage()
        try await expectEqual(isFull { try await call(engine, "c") }, false)
    }

    @Test func `a full memory store answers what it knows, and what has expired makes room by itself`() async throws {
        let store = MemoryStore(bound: 2, clock: clock)
        let engine = try IdempotencyEngine(store: store, clock: clock)
        for key in ["a", "b"] { _ = try await call(engine, key) }
        for _ in 0..<2 {
            try await expectEqual(isFull { try await call(engine, "c") }, true)
            try await expectEqual(call(engine, "a"), true)
            clock.advance(by: .seconds(3_600))
        }
        clock.advance(by: .seconds(86_401))
        try await expectEqual(isFull { try await call(engine, "c") }, false)
        #expect(store.usageNow?.keys == 1)
    }

    @Test func `a memory store whose bytes are full keeps what comes as a tombstone and refuses new keys`() throws {
        let store = MemoryStore(byteBound: 100, clock: clock)
        func claimed(_ number: UInt8) throws -> Int64? {
            let action = ClaimCommand.Action.claim(
                fingerprint: Fingerprint(bytes: [1]), lease: .seconds(60), retention: .seconds(600))
            let reply = try store.applyNow(ClaimCommand(id: RecordID(bytes: [number]), action: action))
            if case .claimed(let fence) = reply { return fence }
            return nil
        }
        func complete(_ number: UInt8, _ count: Int) throws {
            let fence = try #require(try claimed(number))
            let payload = [UInt8](repeating: number, count: count)
            let action = ClaimCommand.Action.complete(fence: fence, payload: payload, retention: .seconds(600))
            expectEqual(try store.applyNow(ClaimCommand(id: RecordID(bytes: [number]), action: action)), .done)
        }
        try complete(1, 60)
        try complete(2, 41)
        #expect(store.usageNow == ClaimUsage(keys: 2, bytes: 60))
        try complete(3, 40)
        #expect(store.usageNow == ClaimUsage(keys: 3, bytes: 100))
        let error = #expect(throws: ClaimStoreError.self) { try claimed(4) }
        #expect(error?.code == .full)
        try expectEqual(claimed(1), nil)
        clock.advance(by: .seconds(661))
        try complete(4, 100)
        #expect(store.usageNow == ClaimUsage(keys: 1, bytes: 100))
    }

    @Test func `a memory store whose bytes are full grants a claim, and keeps no cause`() throws {
        let store = MemoryStore(byteBound: 100, clock: clock)
        func claim(_ number: UInt8, _ count: Int) throws -> ClaimReply {
            let action = ClaimCommand.Action.claim(
                fingerprint: Fingerprint(bytes: [1]), lease: .seconds(60), retention: .seconds(600),
                context: [UInt8](repeating: number, count: count))
            return try store.applyNow(ClaimCommand(id: RecordID(bytes: [number]), action: action))
        }
        try expectEqual(claim(1, 60), .claimed(fence: 1))
        try expectEqual(claim(2, 41), .claimed(fence: 2))
        #expect(store.usageNow == ClaimUsage(keys: 2, bytes: 60))
        // What a cause took is free for the outcome.
        let complete = ClaimCommand.Action.complete(
            fence: 1, payload: [UInt8](repeating: 1, count: 100), retention: .seconds(600))
        expectEqual(try store.applyNow(ClaimCommand(id: RecordID(bytes: [1]), action: complete)), .done)
        #expect(store.usageNow == ClaimUsage(keys: 2, bytes: 100))
        let late = ClaimCommand.Action.complete(fence: 2, payload: [1], retention: .seconds(600))
        expectEqual(try store.applyNow(ClaimCommand(id: RecordID(bytes: [2]), action: late)), .done)
        #expect(store.usageNow == ClaimUsage(keys: 2, bytes: 100))
    }

    @Test func `the bytes of a cause count while it is kept, and no longer`() async throws {
        let store = Counted(ClaimUsage(), clock: clock)
        let engine = try engine(store, bytes: 1_000)
        await engine.learnUsage()
        func begin(_ number: UInt8, context: Int) -> Caller {
            let caller = Caller()
            engine.begin(
                RecordID(bytes: [number]), fingerprint: Fingerprint(bytes: [1]),
                context: [UInt8](repeating: 1, count: context)
            ) { caller.decided($0) }
            return caller
        }
        let (first, second, third) = (begin(1, context: 100), begin(2, context: 200), begin(3, context: 400))
        for caller in [first, second, third] { #expect(await caller.told() == "execute") }
        #expect(engine.usage() == ClaimUsage(keys: 3, bytes: 700))
        first.complete([1, 2, 3])
        second.release()
        third.drop()
        // Their ends are written one after the other.
        while engine.snapshot().inFlight > 0 { await Task.yield() }
        #expect(engine.usage() == ClaimUsage(keys: 2, bytes: 403, unknown: 1))
        #expect(store.inner.usageNow == ClaimUsage(keys: 2, bytes: 403, unknown: 1))
    }

    @Test func `an outcome for which there is no room leaves its tombstone`() async throws {
        let store = Counted(ClaimUsage(bytes: 90), clock: clock)
        let engine = try engine(store, bytes: 100)
        try await expectEqual(call(engine, "a", String(repeating: "x", count: 50)), false)
        await #expect(throws: IdempotencyError.self) { try await call(engine, "a") }
        #expect(store.inner.usageNow?.bytes == 0)
        try await expectEqual(call(engine, "b", ""), false)
    }

    @Test func `a store that cannot tell is not bounded, and is asked every ten seconds while keys come`() async throws
    {
        let store = Counted(nil, clock: clock)
        let engine = try engine(store, keys: 1)
        for key in ["a", "b", "c"] { try await expectEqual(call(engine, key), false) }
        #expect(store.asked.load(ordering: .relaxed) == 1)
        clock.advance(by: StoreRoom.age)
        await engine.learnUsage()
        #expect(store.asked.load(ordering: .relaxed) == 2)
    }

    @Test func `the machine counts what changes while the store is asked`() {
        var room = StoreRoom(bound: ClaimUsage(keys: 10, bytes: 100))
        expectEqual(room.admit(), .unknown)
        expectEqual(room.isToAsk(at: clock.now), true)
        expectEqual(room.isToAsk(at: clock.now), false)
        room.hear(ClaimUsage(keys: 8))
        expectEqual(room.admit(), .admitted)
        clock.advance(by: StoreRoom.age)
        expectEqual(room.isToAsk(at: clock.now), true)
        expectEqual(room.admit(), .admitted)
        // The one that came meanwhile may not be in the answer.
        room.hear(ClaimUsage(keys: 9))
        expectEqual(room.admit(), .full)
        room.count(ClaimUsage(keys: -1))
        expectEqual(room.admit(), .admitted)
        expectEqual(room.admit(bytes: 100), true)
        expectEqual(room.admit(bytes: 1), false)
        // An answer that does not come leaves what was said before.
        room.hear(nil)
        expectEqual(room.admit(), .full)
    }

    @Test func `a refusal is kept shorter for whoever has not succeeded from there`() async throws {
        var configuration = IdempotencyConfiguration()
        configuration.refusedRetention = .seconds(600)
        let store = MemoryStore(clock: clock)
        let engine = try IdempotencyEngine(store: store, configuration: configuration, clock: clock)
        func settle(_ number: UInt8, by caller: String, from origin: String?, as outcome: Claim.Outcome) {
            engine.begin(
                RecordID(bytes: [number]), fingerprint: Fingerprint(bytes: [1]), caller: caller, origin: origin
            ) { start in
                if case .execute(let claim) = consume start { claim.complete([number], as: outcome) { _ in } }
            }
        }
        settle(1, by: "ada", from: "192.0.2.1", as: .succeeded)
        settle(2, by: "ada", from: "192.0.2.1", as: .refused)
        settle(3, by: "ada", from: "192.0.2.9", as: .refused)
        settle(4, by: "eve", from: "192.0.2.1", as: .refused)
        settle(5, by: "eve", from: "192.0.2.1", as: .other)
        // Who succeeds at last is known from then on.
        settle(6, by: "eve", from: "192.0.2.1", as: .succeeded)
        settle(7, by: "eve", from: "192.0.2.1", as: .refused)
        clock.advance(by: .seconds(601))
        var known: [Int] = []
        for number in 1...7 where try await store.summary(of: RecordID(bytes: [UInt8(number)])) != nil {
            known.append(number)
        }
        #expect(known == [1, 2, 5, 6, 7])
    }

    @Test func `those who have succeeded are remembered in bounded memory`() {
        var known = KnownCallers()
        known.add(1)
        for name in 2..<UInt64(KnownCallers.bound) {
            known.add(name)
            if name == 1_000 { #expect(known.contains(1)) }
        }
        for name in 0..<UInt64(KnownCallers.bound) { known.add(name + 1_000_000) }
        #expect(!known.contains(1) && known.contains(1_000_000 + UInt64(KnownCallers.bound) - 1))
    }
}
