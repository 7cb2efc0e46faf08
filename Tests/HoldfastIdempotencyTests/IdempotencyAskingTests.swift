import Holdfast
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import HoldfastIdempotency

/// Who executes, who waits, who is refused.
@Suite struct IdempotencyAskingTests {
    private let clock = ManualClock()
    private let id = RecordID(bytes: [1])
    private let right = Fingerprint(bytes: [1])
    private let wrong = Fingerprint(bytes: [2])

    private func engine(
        _ store: (any ClaimStore)? = nil, sealing seal: PayloadSeal? = nil,
        _ change: (inout IdempotencyConfiguration) -> Void = { _ in }
    ) throws -> IdempotencyEngine {
        var configuration = IdempotencyConfiguration()
        configuration.replayCacheBytes = 0
        change(&configuration)
        return try IdempotencyEngine(
            store: store ?? MemoryStore(clock: clock), configuration: configuration, sealing: seal, clock: clock)
    }

    @discardableResult
    private func begin(
        _ engine: IdempotencyEngine, _ fingerprint: Fingerprint? = nil,
        takesOver: ClaimCommand.Takeover = .nothing, mayWait: Bool = true
    ) -> (Caller, IdempotencyEngine.Place) {
        let caller = Caller()
        let place = engine.begin(id, fingerprint: fingerprint ?? right, takesOver: takesOver, mayWait: mayWait) {
            caller.decided($0)
        }
        return (caller, place)
    }

    @Test func `who waited and takes over executes what was abandoned and shares it with the others`() async throws {
        let engine = try engine()
        let (first, _) = begin(engine)
        #expect(await first.told() == "execute")
        let (refusing, _) = begin(engine)
        let (rerunning, _) = begin(engine, takesOver: .anything)
        let (another, _) = begin(engine, takesOver: .anything)
        first.drop()
        #expect(await refusing.told() == "unknown")
        #expect(await rerunning.told() == "execute")
        rerunning.complete([2])
        #expect(await another.told() == "replay [2]")
    }

    @Test func `who leaves makes room for another and is not told anything`() async throws {
        let engine = try engine { $0.waitersPerKey = 2 }
        let (first, claimed) = begin(engine)
        #expect(await first.told() == "execute")
        for _ in 0..<100 {
            let (_, place) = begin(engine)
            expectEqual(place.leave(), true)
            expectEqual(place.leave(), false)
        }
        #expect(engine.snapshot().waiting == 0)
        let (second, _) = begin(engine)
        let (third, place) = begin(engine)
        #expect(await begin(engine).0.told() == "full")
        expectEqual(claimed.leave(), false)
        first.complete([1])
        #expect(await second.told() == "replay [1]")
        #expect(await third.told() == "replay [1]")
        expectEqual(place.leave(), false)
    }

    @Test func `a caller that is cancelled while it waits makes room for another`() async throws {
        let (engine, clock) = (try engine { $0.waitersPerKey = 1 }, clock)
        let (key, scope) = (IdempotencyKey.minted(), Scope(caller: "a", operation: "b"))
        let first = Task {
            try await engine.run(key, in: scope, saying: []) { _ in
                try await clock.sleep(for: .seconds(5))
                return 1
            }
        }
        await clock.sleepers(2)
        for _ in 0..<5 {
            let duplicate = Task { try await engine.run(key, in: scope, saying: []) { _ in 2 } }
            while engine.snapshot().waiting < 1 { await Task.yield() }
            duplicate.cancel()
            await #expect(throws: CancellationError.self) { try await duplicate.value }
            #expect(engine.snapshot().waiting == 0)
        }
        clock.advance(by: .seconds(5))
        try await expectEqual(first.value.value, 1)
    }

    @Test func `beyond the bound a duplicate conflicts at once although it would wait`() async throws {
        let (engine, clock) = (try engine { $0.waitersPerKey = 0 }, clock)
        let (key, scope) = (IdempotencyKey.minted(), Scope(caller: "a", operation: "b"))
        let first = Task {
            try await engine.run(key, in: scope, saying: []) { _ in
                try await clock.sleep(for: .seconds(5))
                return 1
            }
        }
        await clock.sleepers(2)
        let error = await #expect(throws: IdempotencyError.self) {
            try await engine.run(key, in: scope, saying: []) { _ in 2 }
        }
        #expect(error?.failureClass == .rejected())
        clock.advance(by: .seconds(5))
        try await expectEqual(first.value.value, 1)
    }

    @Test func `those who wait for another process are bounded too`() async throws {
        let (store, clock) = (MemoryStore(clock: clock), clock)
        let (here, there) = (try engine(store), try engine(store) { $0.waitersPerKey = 2 })
        let (key, scope) = (IdempotencyKey.minted(), Scope(caller: "a", operation: "b"))
        let first = Task {
            try await here.run(key, in: scope, saying: []) { _ in
                try await clock.sleep(for: .seconds(1))
                return 1
            }
        }
        await clock.sleepers(2)
        let waiting = (0..<2).map { _ in Task { try await there.run(key, in: scope, saying: []) { _ in 2 } } }
        while there.snapshot().waiting < 2 { await Task.yield() }
        await #expect(throws: IdempotencyError.self) { try await there.run(key, in: scope, saying: []) { _ in 3 } }
        for task in waiting { task.cancel() }
        for task in waiting { await #expect(throws: CancellationError.self) { try await task.value } }
        #expect(there.snapshot().waiting == 0)
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        try await expectEqual(first.value.value, 1)
    }

    @Test func `a claim that the store has not granted says nothing to another request`() async throws {
        let store = FaultyStore(clock: clock)
        let engine = try engine(store)
        let (owner, _) = begin(engine)
        #expect(await owner.told() == "execute")
        owner.complete([1])
        while engine.snapshot().inFlight > 0 { await Task.yield() }
        store.hold()
        let (mistaken, _) = begin(engine, wrong)
        await store.holds()
        let (repeated, _) = begin(engine, mayWait: false)
        store.letGo()
        #expect(await mistaken.told() == "mismatched")
        #expect(await repeated.told() == "replay [1]")
    }

    @Test func `another request that came before the grant is refused when it is granted`() async throws {
        let store = FaultyStore(clock: clock)
        let engine = try engine(store)
        store.hold()
        let (owner, _) = begin(engine)
        await store.holds()
        let (mistaken, _) = begin(engine, wrong)
        let (duplicate, _) = begin(engine)
        store.letGo()
        #expect(await mistaken.told() == "mismatched")
        #expect(await owner.told() == "execute")
        #expect(engine.snapshot().waiting == 1)
        owner.complete([1])
        #expect(await duplicate.told() == "replay [1]")
    }

    @Test func `keys in flight are bounded and those beyond are refused`() async throws {
        let engine = try engine { $0.keysInFlight = 1 }
        let (first, _) = begin(engine)
        #expect(await first.told() == "execute")
        let second = Caller()
        engine.begin(RecordID(bytes: [2]), fingerprint: right) { second.decided($0) }
        #expect(await second.told() == "unavailable overloaded")
        first.complete([1])
        let third = Caller()
        engine.begin(RecordID(bytes: [2]), fingerprint: right) { third.decided($0) }
        #expect(await third.told() == "execute")
        third.release()
    }

    @Test func `what cannot be opened was executed all the same`() async throws {
        let store = MemoryStore(clock: clock)
        let (before, _) = begin(try engine(store))
        #expect(await before.told() == "execute")
        before.complete([1])
        let seal = try PayloadSeal(writing: .init(1, bytes: [UInt8](repeating: 1, count: 32)))
        #expect(await begin(try engine(store, sealing: seal)).0.told() == "unreadable")
    }

    @Test func `a claim lasts as long as it is asked for`() async throws {
        let store = MemoryStore(clock: clock)
        let engine = try engine(store)
        for (number, lease) in [nil, Duration.seconds(5)].enumerated() {
            let caller = Caller()
            let id = RecordID(bytes: [UInt8(number + 10)])
            engine.begin(id, fingerprint: right, lease: lease) { caller.decided($0) }
            #expect(await caller.told() == "execute")
            let summary = try #require(try await engine.explain(id))
            let ends = try #require(summary.leaseEnds)
            #expect(ends == summary.now.advanced(by: lease ?? .seconds(60)))
            caller.release()
        }
        for lease in [Duration.milliseconds(999), .seconds(3_601)] {
            let caller = Caller()
            engine.begin(id, fingerprint: right, lease: lease) { caller.decided($0) }
            #expect(await caller.told() == "unavailable invalid")
        }
    }

    @Test(arguments: [FaultyStore.Failure.before, .after])
    func `an answer that was lost is asked for again and the key is not lost with it`(
        failure: FaultyStore.Failure
    ) async throws {
        let store = FaultyStore(clock: clock)
        let engine = try engine(store)
        store.fail(2, failure) { $0.isClaim }
        let (caller, _) = begin(engine)
        for pause in [50, 100] {
            await clock.sleepers(1)
            clock.advance(by: .milliseconds(pause))
        }
        #expect(await caller.told() == "execute")
        caller.complete([1])
        while engine.snapshot().inFlight > 0 { await Task.yield() }
        #expect(await begin(engine).0.told() == "replay [1]")
        let record = try #require(try await engine.explain(id))
        #expect(record.history.entries.map(\.event) == [.claimed, .completed])
    }

    @Test func `a store that never answers is asked so often and no more`() async throws {
        let store = FaultyStore(clock: clock)
        let engine = try engine(store)
        store.fail(10) { $0.isClaim }
        let (caller, _) = begin(engine)
        for pause in [50, 100, 200] {
            await clock.sleepers(1)
            clock.advance(by: .milliseconds(pause))
        }
        #expect(await caller.told() == "unavailable failed")
        #expect(store.commands.count == IdempotencyEngine.claimAttempts)
        #expect(engine.snapshot().inFlight == 0)
        #expect(engine.takenBack.load(ordering: .relaxed) == 0)
    }

    @Test func `a claim whose answers were all lost is given back when the store answers again`() async throws {
        let store = FaultyStore(clock: clock)
        let engine = try engine(store)
        store.fail(IdempotencyEngine.claimAttempts + 1, .after) { $0.isClaim }
        let (caller, _) = begin(engine)
        for pause in [50, 100, 200] {
            await clock.sleepers(1)
            clock.advance(by: .milliseconds(pause))
        }
        #expect(await caller.told() == "unavailable failed")
        try await expectEqual(store.summary(of: id)?.state, .inFlight)
        for _ in 0..<2 {
            await clock.sleepers(1)
            clock.advance(by: .seconds(2))
        }
        while engine.takenBack.load(ordering: .relaxed) > 0 { await Task.yield() }
        while !store.commands.contains(where: \.isRelease) { await Task.yield() }
        #expect(await begin(engine).0.told() == "execute")
    }

    @Test func `a store that stays away is asked to give back until the lease would be over`() async throws {
        let store = FaultyStore(clock: clock)
        let engine = try engine(store) { $0.lease = .seconds(3) }
        store.fail(100, .after) { $0.isClaim }
        let (caller, _) = begin(engine)
        for pause in [50, 100, 200] {
            await clock.sleepers(1)
            clock.advance(by: .milliseconds(pause))
        }
        #expect(await caller.told() == "unavailable failed")
        for _ in 0..<2 {
            await clock.sleepers(1)
            clock.advance(by: .seconds(2))
        }
        while engine.takenBack.load(ordering: .relaxed) > 0 { await Task.yield() }
        #expect(store.commands.count == IdempotencyEngine.claimAttempts + 2)
    }

    @Test func `who asks the store is ahead of others until it has left or executes`() async throws {
        let store = FaultyStore(clock: clock)
        let engine = try engine(store)
        store.hold()
        let (first, ahead) = begin(engine)
        await store.holds()
        let (_, behind) = begin(engine)
        #expect(behind.isBehindAnother && !ahead.isBehindAnother)
        expectEqual(ahead.leave(), false)
        #expect(behind.isBehindAnother, "it waits for the store still")
        ahead.abandon()
        #expect(!behind.isBehindAnother)
        store.letGo()
        #expect(await first.told() == "execute")
        #expect(behind.isBehindAnother && !ahead.isBehindAnother)
        first.release()
    }
}
