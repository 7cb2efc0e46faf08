import Holdfast
import HoldfastTesting
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
            expectEqual(quota.admit("a", at: clock.now), true)
            clock.advance(by: .seconds(3_600))
        }
        #expect(quota.usage(of: "a", at: clock.now).keys == 23)
        expectEqual(quota.admit("a", at: clock.now), true)
        expectEqual(quota.admit("a", at: clock.now), false)
    }

    @Test func `the table of callers is bounded and those at rest are forgotten`() {
        var quota = CallerQuota(bound: .init(keys: 1, bytes: .max), retention: .seconds(3_600))
        for number in 0..<CallerQuota.callerBound { _ = quota.admit("\(number)", at: clock.now) }
        // They are not counted.
        for _ in 0..<2 { expectEqual(quota.admit("late", at: clock.now), true) }
        #expect(quota.callerCount == CallerQuota.callerBound)
        clock.advance(by: .seconds(3_600))
        expectEqual(quota.admit("late", at: clock.now), true)
        expectEqual(quota.admit("late", at: clock.now), false)
        #expect(quota.callerCount == 1)
    }
}
