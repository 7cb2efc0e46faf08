import Holdfast
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import HoldfastIdempotency

@Suite struct ReplayCacheTests {
    private let clock = ManualClock()
    private let scope = Scope(caller: "acme", operation: "charges")

    /// Counts the claims that reach it.
    private final class Counting: WrappingStore {
        let inner: MemoryStore
        let claims = Atomic<Int>(0)
        init(clock: ManualClock) { inner = MemoryStore(clock: clock) }
        func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
            for command in batch { if case .claim = command.action { claims.add(1, ordering: .relaxed) } }
            return try await inner.apply(batch)
        }
    }

    private func charge(
        _ engine: IdempotencyEngine, _ key: String = "order-1", saying parts: [[UInt8]] = []
    ) async throws -> Executed<Int> {
        try await engine.run(IdempotencyKey(key), in: scope, saying: parts) { _ in 7 }
    }

    @Test func `a repeat that comes soon does not ask the store and one that comes late does`() async throws {
        let store = Counting(clock: clock)
        let engine = try IdempotencyEngine(store: store, clock: clock)
        for number in 0..<5 { try await expectEqual(charge(engine).isReplay, number > 0) }
        #expect(store.claims.load(ordering: .relaxed) == 1)
        clock.advance(by: ReplayCache.lifetime)
        for _ in 0..<3 { try await expectEqual(charge(engine).isReplay, true) }
        #expect(store.claims.load(ordering: .relaxed) == 4, "only what was recorded here is at hand")
    }

    @Test func `another payload learns nothing from what is at hand`() async throws {
        let engine = try IdempotencyEngine(store: Counting(clock: clock), clock: clock)
        _ = try await charge(engine)
        await #expect(throws: IdempotencyError.self) { try await charge(engine, saying: [[1]]) }
    }

    @Test func `what is purged is not replayed`() async throws {
        let engine = try IdempotencyEngine(store: Counting(clock: clock), clock: clock)
        _ = try await charge(engine)
        let record = try #require(try await engine.list().summaries.first)
        try await engine.purge(record.id, fence: record.fence, .init(by: "ada", why: "a test"))
        try await expectEqual(charge(engine).isReplay, false)
    }

    @Test func `an operation's own retention counts and nothing at hand outlasts it`() async throws {
        let engine = try IdempotencyEngine(store: Counting(clock: clock), clock: clock)
        var policy = IdempotencyPolicy<Int>()
        policy.retention = .seconds(60)
        func charge() async throws -> Bool {
            try await engine.run(IdempotencyKey("k"), in: scope, saying: [], policy: policy) { _ in 7 }.isReplay
        }
        try await expectEqual(charge(), false)
        clock.advance(by: .seconds(59))
        try await expectEqual(charge(), true)
        clock.advance(by: .seconds(1))
        try await expectEqual(charge(), false)
        policy.retention = .seconds(1)
        await #expect(throws: ConfigurationError.self) { try await charge() }
    }

    @Test func `without room nothing is kept`() async throws {
        let store = Counting(clock: clock)
        var configuration = IdempotencyConfiguration()
        configuration.replayCacheBytes = 0
        let engine = try IdempotencyEngine(store: store, configuration: configuration, clock: clock)
        for _ in 0..<3 { _ = try await charge(engine) }
        #expect(store.claims.load(ordering: .relaxed) == 3)
    }

    @Test func `it never holds more than its bound and the oldest leave first`() {
        var cache = ReplayCache(bound: 10_000)
        let payload = [UInt8](repeating: 1, count: 800)
        let fingerprint = Fingerprint(bytes: [1])
        func id(_ number: Int) -> RecordID { RecordID(bytes: withUnsafeBytes(of: number.bigEndian) { Array($0) }) }
        for number in 0..<5_000 {
            cache.add(payload, of: id(number), fingerprint, at: clock.now)
            if number.isMultiple(of: 3) { cache.remove(id(number)) }
        }
        let kept = (0..<5_000).filter { cache.outcome(of: id($0), at: clock.now) != nil }
        #expect(kept.count <= 10 && kept.count >= 6)
        #expect(kept.allSatisfy { $0 >= 4_980 })
        cache.add([UInt8](repeating: 1, count: 3_000), of: id(9_000), fingerprint, at: clock.now)
        #expect(cache.outcome(of: id(9_000), at: clock.now) == nil, "too large a part of it")
    }

    @Test func `what is over leaves as others come and memory does not fill up to the bound`() {
        var cache = ReplayCache(bound: 1 << 30)
        func id(_ number: Int) -> RecordID { RecordID(bytes: withUnsafeBytes(of: number.bigEndian) { Array($0) }) }
        func add(_ numbers: Range<Int>) {
            for number in numbers { cache.add([1], of: id(number), Fingerprint(bytes: [1]), at: clock.now) }
        }
        add(0..<1_000)
        #expect(cache.count == 1_000)
        clock.advance(by: ReplayCache.lifetime)
        add(1_000..<1_001)
        #expect(cache.count == 1_001 - ReplayCache.leavingAtOnce, "a few at a time")
        add(1_001..<1_250)
        #expect(cache.count == 250, "those that came, and none of the others")
        for second in 0..<100 {
            add(2_000 + second * 10..<2_010 + second * 10)
            clock.advance(by: .seconds(1))
        }
        #expect(cache.count <= 110)
        let known = (2_000..<3_000).filter { cache.outcome(of: id($0), at: clock.now) != nil }
        #expect(known.count >= 80, "what is not over stays")
    }

    @Test func `reaping goes on until nothing expired is left`() async throws {
        let store = MemoryStore(clock: clock)
        let engine = try IdempotencyEngine(store: store, clock: clock)
        let claims = (0..<450).map { number in
            ClaimCommand(
                id: RecordID(bytes: [UInt8(number / 256), UInt8(number % 256)]),
                action: .claim(fingerprint: Fingerprint(bytes: [1]), lease: .seconds(1), retention: .seconds(60)))
        }
        _ = try await store.apply(claims)
        let reaper = Task { await engine.keepReaping(every: .seconds(30)) }
        await clock.sleepers(1)
        clock.advance(by: .seconds(600))
        await clock.sleepers(1)
        for _ in 0..<3 {
            clock.advance(by: .seconds(30))
            await clock.sleepers(1)
        }
        try await expectEqual(store.reap(atMost: 1_000), 0)
        reaper.cancel()
        await reaper.value
    }
}
