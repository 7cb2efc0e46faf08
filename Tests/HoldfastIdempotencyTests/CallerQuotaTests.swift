import Holdfast
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import HoldfastIdempotency

@Suite struct CallerQuotaTests {
    private let clock = ManualClock()

    private func engine(keys: Int? = nil, bytes: Int? = nil) throws -> IdempotencyEngine {
        var configuration = IdempotencyConfiguration()
        (configuration.keysPerCaller, configuration.bytesPerCaller) = (keys, bytes)
        return try IdempotencyEngine(store: MemoryStore(clock: clock), configuration: configuration, clock: clock)
    }

    private func call(
        _ engine: IdempotencyEngine, _ key: String, by caller: String = "acme", fails: Bool = false
    ) async throws -> Executed<String> {
        try await engine.run(IdempotencyKey(key), in: Scope(caller: caller, operation: "charges"), saying: []) { _ in
            if fails { throw Declined() }
            return "12345678"
        }
    }

    private struct Declined: ClassifiedError { var failureClass: FailureClass { .rejected() } }

    private func isLimited(_ body: () async throws -> Executed<String>) async throws -> Bool {
        do {
            _ = try await body()
            return false
        } catch IdempotencyError.limited { return true }
    }

    @Test func `a caller has so many keys and still gets replays and takes nobody else's`() async throws {
        let engine = try engine(keys: 2)
        for key in ["a", "b"] { _ = try await call(engine, key) }
        try await expectEqual(isLimited { try await call(engine, "c") }, true)
        try await expectEqual(call(engine, "a").isReplay, true)
        _ = try await call(engine, "c", by: "other")
        clock.advance(by: .seconds(86_400))
        try await expectEqual(isLimited { try await call(engine, "c") }, false)
    }

    @Test func `what was refused or released takes no place`() async throws {
        let engine = try engine(keys: 1)
        for _ in 0..<3 { _ = try? await call(engine, "a", fails: true) }
        _ = try await call(engine, "a")
        try await expectEqual(isLimited { try await call(engine, "b") }, true)
        // The refused key was not left in flight.
        try await expectEqual(engine.list().summaries.count, 1)
        #expect(engine.snapshot().inFlight == 0)
    }

    @Test func `a caller has so many bytes`() async throws {
        let engine = try engine(bytes: 15)
        for key in ["a", "b"] { _ = try await call(engine, key) }
        try await expectEqual(isLimited { try await call(engine, "c") }, true)
    }

    @Test func `an hour that is over gives back what was claimed in it`() {
        var quota = CallerQuota(bound: .init(keys: 24, bytes: .max), retention: .seconds(86_400))
        for _ in 0..<24 {
            expectEqual(quota.admit(1, at: clock.now), true)
            clock.advance(by: .seconds(3_600))
        }
        expectEqual(quota.usage(of: 1, at: clock.now).keys, 23)
        expectEqual(quota.admit(1, at: clock.now), true)
        expectEqual(quota.admit(1, at: clock.now), false)
    }

    @Test
    func `whoever comes when all places are taken has its bound, and not much less while strangers are not too many`() {
        var quota = CallerQuota(bound: .init(keys: 3, bytes: .max), retention: .seconds(3_600), ownPlaces: 100)
        for name in 0..<UInt64(100) { expectEqual(quota.admit(name << 32, at: clock.now), true) }
        // As many again as there are cells in a quarter of a row.
        var admitted: [Int] = []
        for name in 1_000..<UInt64(2_000) {
            admitted.append((0..<10).count { _ in quota.admit(name << 32, at: clock.now) })
        }
        #expect(admitted.allSatisfy { $0 <= 3 })
        #expect(admitted.count { $0 == 3 } > 950)
        #expect(quota.ownCount == 100)
        // Those who were there before have what they had.
        expectEqual(quota.admit(7 << 32, at: clock.now), true)
        expectEqual(quota.usage(of: 7 << 32, at: clock.now).keys, 2)
        // What is given back may be had again, where no stranger fills the cells.
        let alone = (1_000..<UInt64(2_000)).first { quota.usage(of: $0 << 32, at: clock.now).keys == 3 } ?? 0
        quota.count(.init(keys: -1), of: alone << 32, at: clock.now)
        expectEqual(quota.admit(alone << 32, at: clock.now), true)
        expectEqual(quota.admit(alone << 32, at: clock.now), false)
    }

    @Test func `a million names have no more room together than the cells of the sketch`() {
        var quota = CallerQuota(bound: .init(keys: 3, bytes: .max), retention: .seconds(3_600), ownPlaces: 100)
        for name in 0..<UInt64(100) { _ = quota.admit(name << 32, at: clock.now) }
        var admitted = 0
        for name in 0..<UInt64(1_000_000) where quota.admit((name + 1_000) << 32, at: clock.now) { admitted += 1 }
        #expect(admitted <= 3 * CallerSketch.rowCount * CallerSketch.width)
        // When all their time is over, there is room again.
        clock.advance(by: .seconds(4_801))
        expectEqual(quota.admit(5_000 << 32, at: clock.now), true)
    }

    @Test func `whoever gets a place of its own brings what it was counted for without one`() {
        var quota = CallerQuota(bound: .init(keys: 2, bytes: 100), retention: .seconds(3_600), ownPlaces: 1)
        expectEqual(quota.admit(1 << 32, at: clock.now), true)
        clock.advance(by: .seconds(3_000))
        expectEqual(quota.admit(2 << 32, at: clock.now), true)
        quota.count(.init(bytes: 99), of: 2 << 32, at: clock.now)
        clock.advance(by: .seconds(900))
        // The first's time is over.
        expectEqual(quota.usage(of: 2 << 32, at: clock.now), .init(keys: 1, bytes: 99))
        quota.count(.init(bytes: 1), of: 2 << 32, at: clock.now)
        expectEqual(quota.admit(2 << 32, at: clock.now), false)
        #expect(quota.ownCount == 1)
    }

    @Test func `a place whose time is over goes to the next who needs one`() {
        var quota = CallerQuota(bound: .init(keys: 1, bytes: .max), retention: .seconds(3_600), ownPlaces: 100)
        for name in 0..<UInt64(100) { _ = quota.admit(name << 32, at: clock.now) }
        clock.advance(by: .seconds(3_600))
        for name in 500..<UInt64(600) {
            expectEqual(quota.admit(name << 32, at: clock.now), true)
            expectEqual(quota.admit(name << 32, at: clock.now), false)
        }
        #expect(quota.ownCount == 100)
    }

    @Test func `an address has so many keys, whatever its callers are called`() async throws {
        var configuration = IdempotencyConfiguration()
        (configuration.keysPerOrigin, configuration.keysPerCaller) = (2, 10)
        let store = MemoryStore(clock: clock)
        let engine = try IdempotencyEngine(store: store, configuration: configuration, clock: clock)
        let seen = Mutex<[String]>([])
        func begin(_ number: UInt8, by caller: String, from origin: String?) {
            engine.begin(
                RecordID(bytes: [number]), fingerprint: Fingerprint(bytes: [1]), caller: caller, origin: origin
            ) { start in
                switch consume start {
                case .execute(let claim):
                    seen.withLock { $0.append("executed") }
                    claim.complete([1]) { _ in }
                case .replay: seen.withLock { $0.append("replayed") }
                case .limited: seen.withLock { $0.append("limited") }
                default: seen.withLock { $0.append("other") }
                }
            }
        }
        for number: UInt8 in 0..<4 { begin(number, by: "made up \(number)", from: "192.0.2.1") }
        begin(0, by: "made up 9", from: "192.0.2.1")
        begin(5, by: "made up 0", from: "192.0.2.2")
        // Nobody's in particular: a balancer's.
        for number: UInt8 in 6..<9 { begin(number, by: "a", from: nil) }
        #expect(
            seen.withLock { $0 } == [
                "executed", "executed", "limited", "limited", "replayed", "executed", "executed", "executed",
                "executed",
            ])
        // What was limited is not in the store.
        #expect(store.usageNow?.keys == 6)
    }
}
