import Holdfast
import HoldfastIdempotency
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@Suite struct IdempotencyEngineTests {
    private let id = RecordID(bytes: [1])
    private let fingerprint = Fingerprint(bytes: [1])

    private func begin(_ engine: IdempotencyEngine, _ fingerprint: Fingerprint? = nil) -> Caller {
        let caller = Caller()
        engine.begin(id, fingerprint: fingerprint ?? self.fingerprint) { caller.decided($0) }
        return caller
    }

    @Test func `twenty at the same moment run once and share the answer`() async throws {
        let engine = try IdempotencyEngine(store: MemoryStore())
        let first = begin(engine)
        let others = (0..<19).map { _ in begin(engine) }
        #expect(await first.told() == "execute")
        #expect(engine.snapshot().inFlight == 1)
        #expect(engine.snapshot().waiting == 19)
        first.complete([42])
        for other in others { #expect(await other.told() == "replay [42]") }
        #expect(engine.snapshot().inFlight == 0)
    }

    @Test func `whoever waits until no key is in flight is told once, when the last has ended`() throws {
        var configuration = IdempotencyConfiguration()
        configuration.keysInFlight = 2
        let engine = try IdempotencyEngine(store: MemoryStore(), configuration: configuration)
        let told = Atomic<Int>(0)
        let callers = (1...3 as ClosedRange<UInt8>).map { number in
            let caller = Caller()
            engine.begin(RecordID(bytes: [number]), fingerprint: fingerprint) { caller.decided($0) }
            return caller
        }
        engine.whenNoneIsInFlight { told.add(1, ordering: .relaxed) }
        callers[0].complete([1])
        #expect(engine.snapshot().inFlight == 1)
        #expect(told.load(ordering: .relaxed) == 0)
        callers[1].release()
        #expect(told.load(ordering: .relaxed) == 1)
        engine.whenNoneIsInFlight { told.add(1, ordering: .relaxed) }
        #expect(told.load(ordering: .relaxed) == 2, "nothing was in flight")
        let last = begin(engine)
        last.drop()
        #expect(told.load(ordering: .relaxed) == 2)
    }

    @Test func `a released key is executed by the next who waits`() async throws {
        let engine = try IdempotencyEngine(store: MemoryStore())
        let first = begin(engine)
        #expect(await first.told() == "execute")
        let second = begin(engine)
        let third = begin(engine)
        first.release()
        #expect(await second.told() == "execute")
        second.complete([2])
        #expect(await third.told() == "replay [2]")
    }

    @Test func `another payload in flight is refused at once`() async throws {
        let engine = try IdempotencyEngine(store: MemoryStore())
        let first = begin(engine)
        #expect(await first.told() == "execute")
        #expect(await begin(engine, Fingerprint(bytes: [2])).told() == "mismatched")
        first.complete(nil)
    }

    @Test func `a claim that is dropped is unknown and not run again`() async throws {
        let engine = try IdempotencyEngine(store: MemoryStore())
        let first = begin(engine)
        #expect(await first.told() == "execute")
        let waiter = begin(engine)
        first.drop()
        #expect(await waiter.told() == "unknown")
        #expect(await begin(engine).told() == "unknown")
    }

    @Test func `waiters are bounded and the next one is told so`() async throws {
        var configuration = IdempotencyConfiguration()
        configuration.waitersPerKey = 1
        let engine = try IdempotencyEngine(store: MemoryStore(), configuration: configuration)
        let first = begin(engine)
        #expect(await first.told() == "execute")
        let waiter = begin(engine)
        #expect(await begin(engine).told() == "full")
        first.complete([1])
        #expect(await waiter.told() == "replay [1]")
    }

    @Test func `nothing is executed without the store`() async throws {
        let engine = try IdempotencyEngine(store: MemoryStore(bound: 0))
        #expect(await begin(engine).told() == "unavailable full")
        #expect(engine.snapshot().inFlight == 0)
    }

    @Test func `an outcome is forgotten after its retention`() async throws {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let engine = try IdempotencyEngine(store: store, clock: clock)
        let first = begin(engine)
        #expect(await first.told() == "execute")
        first.complete([1])
        #expect(await begin(engine).told() == "replay [1]")
        try await expectEqual(store.reap(atMost: 10), 0)
        clock.advance(by: .seconds(86_401))
        try await expectEqual(store.reap(atMost: 10), 1)
        #expect(await begin(engine).told() == "execute")
    }
}
