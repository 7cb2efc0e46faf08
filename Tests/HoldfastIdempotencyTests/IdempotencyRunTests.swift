import Holdfast
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import HoldfastIdempotency

@Suite struct IdempotencyRunTests {
    private let clock = ManualClock()
    private let scope = Scope(caller: "tenant", operation: "charges")
    private let key = IdempotencyKey.minted()

    private struct Refused: ClassifiedError {
        var failureClass: FailureClass { .rejected() }
    }
    private struct Broken: Error {}

    /// Counts executions, and what is told of them.
    private final class Ledger: Sendable {
        private let state = Mutex((executions: 0, events: [String]()))
        var executions: Int { state.withLock { $0.executions } }
        var events: [String] { state.withLock { $0.events } }
        func execute() -> Int {
            state.withLock { state in
                state.executions += 1
                return state.executions
            }
        }
        func hear(_ event: IdempotencyEvent) {
            let word =
                switch event {
                case .recordingFailed: "recordingFailed"
                case .outcomeLost: "outcomeLost"
                case .releaseFailed: "releaseFailed"
                case .becameUnknown: "becameUnknown"
                case .renewalFailed: "renewalFailed"
                case .resolved: "resolved"
                case .purged: "purged"
                case .storeFailed: "failed"
                case .storeFull: "full"
                }
            state.withLock { $0.events.append(word) }
        }
    }

    private let ledger = Ledger()

    private func engine(_ store: (any ClaimStore)? = nil, sealing seal: PayloadSeal? = nil) throws -> IdempotencyEngine
    {
        let ledger = ledger
        return try IdempotencyEngine(store: store ?? MemoryStore(clock: clock), sealing: seal, clock: clock) {
            ledger.hear($0)
        }
    }

    private func policy(_ unknown: IdempotencyPolicy<Int>.Unknown = .refuse, wait: Duration = .seconds(10))
        -> IdempotencyPolicy<Int>
    {
        var policy = IdempotencyPolicy<Int>()
        (policy.unknown, policy.wait) = (unknown, wait)
        return policy
    }

    @Test func `a repeat is answered from what was returned`() async throws {
        let (engine, ledger) = (try engine(), ledger)
        let first = try await engine.run(key, in: scope, saying: [[1]]) { _ in ledger.execute() }
        let second = try await engine.run(key, in: scope, saying: [[1]]) { _ in ledger.execute() }
        #expect(first == Executed(value: 1, isReplay: false))
        #expect(second == Executed(value: 1, isReplay: true))
        await #expect(throws: IdempotencyError.self) {
            try await engine.run(key, in: scope, saying: [[2]]) { _ in ledger.execute() }
        }
        let elsewhere = Scope(caller: "another", operation: "charges")
        let other = try await engine.run(key, in: elsewhere, saying: [[1]]) { _ in ledger.execute() }
        #expect(other == Executed(value: 2, isReplay: false), "nobody reads another's replay")
    }

    @Test func `fifty at the same moment run once and share what it returned`() async throws {
        let (engine, ledger, clock, key, scope) = (try engine(), ledger, clock, key, scope)
        let calls = (0..<50).map { _ in
            Task {
                try await engine.run(key, in: scope, saying: []) { _ in
                    try await clock.sleep(for: .seconds(5))
                    return ledger.execute()
                }
            }
        }
        while engine.snapshot().waiting < 49 { await Task.yield() }
        await clock.sleepers(51)
        clock.advance(by: .seconds(5))
        for call in calls { try await expectEqual(call.value.value, 1) }
        #expect(ledger.executions == 1)
    }

    @Test(arguments: [
        Scope(caller: "", operation: "charge"), Scope(caller: " ", operation: "charge"),
        Scope(caller: "\t\n", operation: "charge"), Scope(caller: "\u{A0}\u{3000}", operation: "charge"),
        Scope(caller: "ada", operation: ""), Scope(caller: "ada", operation: "  "),
    ])
    func `a scope that names nobody or nothing is refused`(scope: Scope) async throws {
        let error = await #expect(throws: ConfigurationError.self) {
            try await engine().run(key, in: scope, saying: []) { _ in ledger.execute() }
        }
        #expect(error?.option == (scope.operation == "charge" ? "the scope's caller" : "the scope's operation"))
        #expect(ledger.executions == 0)
    }

    @Test func `a duplicate waits no longer than it may`() async throws {
        let (engine, clock, key, scope) = (try engine(), clock, key, scope)
        let policy = policy(wait: .seconds(2))
        let first = Task {
            try await engine.run(key, in: scope, saying: []) { _ in
                try await clock.sleep(for: .seconds(15))
                return 1
            }
        }
        await clock.sleepers(2)
        let heard = Mutex(0)
        let listening = try HoldfastEvents.listen { event in
            if case .timeout(let limit) = event, limit.clock as AnyObject === clock { heard.withLock { $0 += 1 } }
        }
        let second = Task { try await engine.run(key, in: scope, saying: [], policy: policy) { _ in 2 } }
        await clock.sleepers(3)
        clock.advance(by: .seconds(2))
        let error = await #expect(throws: IdempotencyError.self) { try await second.value }
        listening.stop()
        #expect(heard.withLock { $0 } == 0, "the end of its own wait is no limit of a caller's")
        #expect(error?.failureClass == .rejected())
        let third = await #expect(throws: IdempotencyError.self) {
            try await engine.run(key, in: scope, saying: [], policy: self.policy(wait: .zero)) { _ in 3 }
        }
        #expect(third?.failureClass == .rejected(), "and at zero, not at all")
        clock.advance(by: .seconds(13))
        try await expectEqual(first.value.value, 1)
    }

    @Test func `a duplicate in a task that was started under another limit waits no longer than it may`() async throws {
        let (engine, clock, key, scope) = (try engine(), clock, key, scope)
        let (policy, elsewhere) = (policy(wait: .seconds(2)), ManualClock())
        let first = Task {
            try await engine.run(key, in: scope, saying: []) { _ in
                try await clock.sleep(for: .seconds(15))
                return 1
            }
        }
        await clock.sleepers(2)
        let second = Task {
            try await withDeadline(in: .seconds(1), clock: elsewhere) {
                try await Task { try await engine.run(key, in: scope, saying: [], policy: policy) { _ in 2 } }.value
            }
        }
        await clock.sleepers(3)
        clock.advance(by: .seconds(2))
        await #expect(throws: IdempotencyError.self) { _ = try await second.value }
        clock.advance(by: .seconds(13))
        try await expectEqual(first.value.value, 1)
    }

    @Test func `a duplicate in another process asks until the first has ended`() async throws {
        let (store, clock, key, scope) = (MemoryStore(clock: clock), clock, key, scope)
        let (here, there) = (try engine(store), try engine(store))
        let first = Task {
            try await here.run(key, in: scope, saying: []) { _ in
                try await clock.sleep(for: .seconds(1))
                return 1
            }
        }
        await clock.sleepers(2)
        let second = Task { try await there.run(key, in: scope, saying: []) { _ in 2 } }
        await clock.sleepers(4)
        clock.advance(by: .seconds(1))
        try await expectEqual(first.value.value, 1)
        let result = await moving(until: second)
        try expectEqual(result.get(), Executed(value: 1, isReplay: true))
    }

    /// Moves the clock whenever somebody waits for it, until a task has ended.
    private func moving(until task: Task<Executed<Int>, any Error>) async -> Result<Executed<Int>, any Error> {
        let clock = clock
        let mover = Task {
            while !Task.isCancelled {
                // Whoever can go on goes on first, also where much else runs.
                for _ in 0..<50 { await Task.yield() }
                clock.advance(by: .milliseconds(100))
            }
        }
        defer { mover.cancel() }
        return await task.result
    }

    @Test func `an error that proves that nothing was done lets the key be tried again`() async throws {
        let (engine, ledger) = (try engine(), ledger)
        await #expect(throws: Refused.self) {
            try await engine.run(key, in: scope, saying: []) { _ -> Int in throw Refused() }
        }
        try await expectEqual(engine.run(key, in: scope, saying: []) { _ in ledger.execute() }.value, 1)
    }

    @Test func `an error that proves nothing leaves the unknown and the work is not run again`() async throws {
        let (engine, ledger) = (try engine(), ledger)
        await #expect(throws: Broken.self) {
            try await engine.run(key, in: scope, saying: []) { _ -> Int in throw Broken() }
        }
        for _ in 0..<2 {
            let error = await #expect(throws: IdempotencyError.self) {
                try await engine.run(key, in: scope, saying: []) { _ in ledger.execute() }
            }
            #expect(error?.failureClass == .unknown)
        }
        #expect(ledger.executions == 0)
        #expect(ledger.events == ["becameUnknown"])
    }

    @Test func `what is unknown is executed again where the policy says so and under a higher fence`() async throws {
        let engine = try engine()
        let fences = Mutex<[Int64]>([])
        _ = try? await engine.run(key, in: scope, saying: []) { execution -> Int in
            fences.withLock { $0.append(execution.fence) }
            throw Broken()
        }
        let again = try await engine.run(key, in: scope, saying: [], policy: policy(.rerun)) { execution in
            fences.withLock { $0.append(execution.fence) }
            return 7
        }
        #expect(again == Executed(value: 7, isReplay: false))
        let seen = fences.withLock { $0 }
        #expect(seen[1] > seen[0])
    }

    @Test func `a probe finds out what happened`() async throws {
        let (engine, ledger, key) = (try engine(), ledger, key)
        _ = try? await engine.run(key, in: scope, saying: []) { _ -> Int in throw Broken() }
        await #expect(throws: IdempotencyError.self) {
            try await engine.run(key, in: scope, saying: [], policy: policy(.probe { _ in .unknown })) { _ in
                ledger.execute()
            }
        }
        let probe = policy(
            .probe { asked in
                #expect(asked == key)
                return .completed(42)
            })
        let found = try await engine.run(key, in: scope, saying: [], policy: probe) { _ in ledger.execute() }
        #expect(found == Executed(value: 42, isReplay: true))
        let replay = try await engine.run(key, in: scope, saying: []) { _ in ledger.execute() }
        #expect(replay == found, "it is recorded")
        #expect(ledger.executions == 0)
        let second = IdempotencyKey.minted()
        _ = try? await engine.run(second, in: scope, saying: []) { _ -> Int in throw Broken() }
        let nothing = policy(.probe { _ in .nothing })
        let executed = try await engine.run(second, in: scope, saying: [], policy: nothing) { _ in ledger.execute() }
        #expect(executed == Executed(value: 1, isReplay: false))
    }

    @Test func `a lease is prolonged while the work runs`() async throws {
        let (engine, clock, key, scope) = (try engine(), clock, key, scope)
        let call = Task {
            try await engine.run(key, in: scope, saying: []) { _ in
                try await clock.sleep(for: .seconds(300))
                return 1
            }
        }
        for _ in 0..<15 {
            await clock.sleepers(2)
            clock.advance(by: .seconds(20))
        }
        try await expectEqual(call.value, Executed(value: 1, isReplay: false), "five leases long")
        #expect(ledger.events.isEmpty)
    }

    @Test func `a caller's cancellation does not tear the record`() async throws {
        let (engine, ledger, clock, key, scope) = (try engine(), ledger, clock, key, scope)
        let call = Task {
            try await engine.run(key, in: scope, saying: []) { _ in
                // The work is done, although its caller has gone.
                try? await clock.sleep(for: .seconds(5))
                return ledger.execute()
            }
        }
        await clock.sleepers(2)
        call.cancel()
        try await expectEqual(call.value.value, 1)
        try await expectEqual(engine.run(key, in: scope, saying: []) { _ in ledger.execute() }.isReplay, true)
    }

    /// A store whose completions fail so many times.
    private final class Failing: WrappingStore {
        let inner: MemoryStore
        private let failures: Mutex<Int>
        private let keepsPayloads: Bool
        init(_ failures: Int, keepsPayloads: Bool = true, clock: ManualClock) {
            inner = MemoryStore(clock: clock)
            self.failures = Mutex(failures)
            self.keepsPayloads = keepsPayloads
        }
        func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
            for command in batch {
                guard case .complete(_, let payload, _) = command.action else { continue }
                if !keepsPayloads, payload != nil { throw ClaimStoreError(.failed, "too large") }
                let fails = failures.withLock { failures in
                    failures -= 1
                    return failures >= 0
                }
                if fails { throw ClaimStoreError(.failed, "the disk is away") }
            }
            return try await inner.apply(batch)
        }
    }

    /// Makes a call, and lets time pass for the engine's next tries.
    private func run(_ store: Failing) async throws -> (Result<Executed<Int>, any Error>, IdempotencyEngine) {
        let (engine, ledger, key, scope) = (try engine(store), ledger, key, scope)
        let call = Task { try await engine.run(key, in: scope, saying: []) { _ in ledger.execute() } }
        return (await moving(until: call), engine)
    }

    @Test func `a store that fails after the work is tried again`() async throws {
        let (result, engine) = try await run(Failing(4, clock: clock))
        try expectEqual(result.get(), Executed(value: 1, isReplay: false))
        #expect(ledger.events == Array(repeating: "recordingFailed", count: 4))
        try await expectEqual(engine.run(key, in: scope, saying: []) { _ in 2 }.isReplay, true)
    }

    @Test func `what cannot be kept leaves the tombstone that it was executed`() async throws {
        let (result, engine) = try await run(Failing(0, keepsPayloads: false, clock: clock))
        try expectEqual(result.get(), Executed(value: 1, isReplay: false))
        let ledger = ledger
        let error = await #expect(throws: IdempotencyError.self) {
            try await engine.run(key, in: scope, saying: []) { _ in ledger.execute() }
        }
        #expect(error?.description.contains("not kept") == true)
        #expect(ledger.executions == 1)
    }

    @Test func `an outcome that cannot be recorded is unknown and says so loudly`() async throws {
        let (result, _) = try await run(Failing(100, clock: clock))
        #expect(throws: IdempotencyError.self) { try result.get() }
        #expect(ledger.events.last == "outcomeLost")
        #expect(ledger.executions == 1)
    }

    @Test func `without a store nothing is executed`() async throws {
        let (engine, ledger) = (try engine(MemoryStore(bound: 0)), ledger)
        let error = await #expect(throws: IdempotencyError.self) {
            try await engine.run(key, in: scope, saying: []) { _ in ledger.execute() }
        }
        #expect(error?.failureClass == .notSent())
        #expect(ledger.executions == 0)
    }

    @Test func `work that is resumed skips the steps that it has done`() async throws {
        let (engine, ledger) = (try engine(), ledger)
        let keys = Mutex<[IdempotencyKey]>([])
        for round in 1...2 {
            _ = try? await engine.run(key, in: scope, saying: [], policy: policy(.rerun)) { execution in
                let charge = try await execution.step("charge") { key in
                    keys.withLock { $0.append(key) }
                    return ledger.execute()
                }
                keys.withLock { $0.append(execution.key(for: "mail")) }
                if round == 1 { throw Broken() }
                return charge
            }
        }
        #expect(ledger.executions == 1, "the charge was made once")
        let seen = keys.withLock { $0 }
        #expect(seen.count == 3)
        #expect(seen[1] == seen[2], "the same parent key gives the same child key")
        #expect(seen[0] != seen[1])
        try await expectEqual(engine.run(key, in: scope, saying: []) { _ in 9 }, Executed(value: 1, isReplay: true))
    }

    @Test func `a store sees only what is sealed and keys rotate`() async throws {
        let store = MemoryStore(clock: clock)
        let old = try PayloadSeal.Key(1, bytes: [UInt8](repeating: 1, count: 32))
        let new = try PayloadSeal.Key(2, bytes: [UInt8](repeating: 2, count: 32))
        let text = "4111 1111 1111 1111"
        _ = try await engine(store, sealing: try PayloadSeal(writing: old)).run(key, in: scope, saying: []) { _ in text
        }
        let secret = try await store.secret()
        let id = secret.recordID(of: key, in: scope)
        let claim = ClaimCommand.Action.claim(
            fingerprint: secret.fingerprint(of: []), lease: .seconds(1), retention: .seconds(60))
        let replies = try await store.apply([ClaimCommand(id: id, action: claim)])
        guard case .completed(let sealed?) = replies[0] else {
            Issue.record("not completed: \(replies)")
            return
        }
        #expect(!String(decoding: sealed, as: UTF8.self).contains("4111"))
        let rotated = try engine(store, sealing: try PayloadSeal(writing: new, reading: [old]))
        try await expectEqual(rotated.run(key, in: scope, saying: []) { _ in "" }.value, text)
        let without = try engine(store, sealing: try PayloadSeal(writing: new))
        let error = await #expect(throws: IdempotencyError.self) {
            try await without.run(key, in: scope, saying: []) { _ in "" }
        }
        #expect(error?.description.contains("key 1") == true)
        #expect(error?.failureClass == .failed, "it was executed: nobody is told that it was not")
        let seal = try PayloadSeal(writing: old)
        #expect(throws: ClaimStoreError.self) { _ = try seal.open(sealed, of: RecordID(bytes: [9])) }
        var changed = sealed
        changed[changed.count - 1] ^= 1
        #expect(throws: ClaimStoreError.self) { _ = try seal.open(changed, of: id) }
        #expect(throws: ConfigurationError.self) { try PayloadSeal.Key(1, bytes: [1]) }
    }

    @Test func `two sealing keys with one number are refused`() throws {
        let one = try PayloadSeal.Key(1, bytes: [UInt8](repeating: 1, count: 32))
        let two = try PayloadSeal.Key(2, bytes: [UInt8](repeating: 2, count: 32))
        let other = try PayloadSeal.Key(1, bytes: [UInt8](repeating: 3, count: 32))
        #expect(throws: ConfigurationError.self) { try PayloadSeal(writing: one, reading: [other]) }
        #expect(throws: ConfigurationError.self) { try PayloadSeal(writing: two, reading: [one, other]) }
        #expect(throws: Never.self) { try PayloadSeal(writing: one, reading: [two, one]) }
    }
}
