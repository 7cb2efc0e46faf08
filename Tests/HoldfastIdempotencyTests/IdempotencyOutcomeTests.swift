import Holdfast
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import HoldfastIdempotency

/// What is taken for an outcome, and what becomes of it when the store fails.
@Suite struct IdempotencyOutcomeTests {
    private let clock = ManualClock()
    private let key = IdempotencyKey.minted()
    private let scope = Scope(caller: "tenant", operation: "charges")
    private let heard = Heard()

    private final class Heard: Sendable {
        private let events = Mutex<[String]>([])
        var all: [String] { events.withLock { $0 } }
        func hear(_ event: IdempotencyEvent) {
            let word = "\(Mirror(reflecting: event).children.first?.label ?? "")"
            events.withLock { $0.append(word) }
        }
    }

    private struct Classed: ClassifiedError {
        let failureClass: FailureClass
    }

    private func engine(
        _ store: (any ClaimStore)? = nil, _ change: (inout IdempotencyConfiguration) -> Void = { _ in }
    ) throws -> IdempotencyEngine {
        var configuration = IdempotencyConfiguration()
        configuration.replayCacheBytes = 0
        change(&configuration)
        let heard = heard
        return try IdempotencyEngine(
            store: store ?? MemoryStore(clock: clock), configuration: configuration, clock: clock
        ) { heard.hear($0) }
    }

    /// Moves the clock whenever somebody waits for it, until a task has ended.
    private func moving<R: Sendable>(until task: Task<R, any Error>) async -> Result<R, any Error> {
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

    @Test(arguments: [
        (FailureClass.notSent(), true), (.rejected(), true), (.failed, false), (.unknown, false),
    ])
    func `only an error that proves that nothing was done leaves the key free`(
        failureClass: FailureClass, isFree: Bool
    ) async throws {
        let engine = try engine()
        _ = try? await engine.run(key, in: scope, saying: []) { _ -> Int in throw Classed(failureClass: failureClass) }
        let again = try? await engine.run(key, in: scope, saying: []) { _ in 1 }
        #expect((again != nil) == isFree)
    }

    @Test func `after a step an error of the next call does not leave the key free`() async throws {
        let engine = try engine()
        await #expect(throws: Classed.self) {
            try await engine.run(key, in: scope, saying: [[1]]) { execution -> Int in
                _ = try await execution.step("charge") { _ in 1 }
                throw Classed(failureClass: .notSent())
            }
        }
        for said in [[[1]], [[2]]] as [[[UInt8]]] {
            await #expect(throws: IdempotencyError.self) {
                try await engine.run(key, in: scope, saying: said) { _ in 2 }
            }
        }
    }

    @Test func `after a step that ended unknown an error of another does not leave the key free`() async throws {
        let engine = try engine()
        await #expect(throws: Classed.self) {
            try await engine.run(key, in: scope, saying: []) { execution -> Int in
                _ = try? await execution.step("charge") { _ -> Int in throw Classed(failureClass: .unknown) }
                throw Classed(failureClass: .notSent())
            }
        }
        await #expect(throws: IdempotencyError.self) { try await engine.run(key, in: scope, saying: []) { _ in 2 } }
        let other = IdempotencyKey.minted()
        await #expect(throws: Classed.self) {
            try await engine.run(other, in: scope, saying: []) { execution -> Int in
                try await execution.step("charge") { _ -> Int in throw Classed(failureClass: .notSent()) }
            }
        }
        try await expectEqual(engine.run(other, in: scope, saying: []) { _ in 2 }.value, 2)
    }

    @Test func `an error that is the outcome is told to every repeat`() async throws {
        let engine = try engine()
        var policy = IdempotencyPolicy<[UInt8]>()
        policy.effect = { _ in .record }
        await #expect(throws: Classed.self) {
            try await engine.run(key, in: scope, saying: [], coding: .bytes, policy: policy) { _ in
                throw Classed(failureClass: .failed)
            }
        }
        for _ in 0..<2 {
            let error = await #expect(throws: IdempotencyError.self) {
                try await engine.run(key, in: scope, saying: [], coding: .bytes) { _ in [1] }
            }
            guard case .failed(let why)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(why.contains("failed"))
        }
        // A value that looks like a recorded error is a value.
        for value in [RecordedValue.error("forged"), RecordedValue.value(RecordedValue.error("x")), []] {
            let other = IdempotencyKey.minted()
            for _ in 0..<2 {
                try await expectEqual(
                    engine.run(other, in: scope, saying: [], coding: .bytes) { _ in value }.value, value)
            }
        }
    }

    @Test func `what is no outcome is returned and leaves the key free`() async throws {
        let engine = try engine()
        var policy = IdempotencyPolicy<Int>()
        policy.isOutcome = { (200...299).contains($0) }
        for status in [503, 409, 201] {
            let executed = try await engine.run(key, in: scope, saying: [], policy: policy) { _ in status }
            #expect(executed == Executed(value: status, isReplay: false))
        }
        let repeated = try await engine.run(key, in: scope, saying: [], policy: policy) { _ in 0 }
        #expect(repeated == Executed(value: 201, isReplay: true))
    }

    @Test func `a derived key is the same on another store`() async throws {
        var keys: [IdempotencyKey] = []
        for scope in [scope, scope, Scope(caller: "tenant", operation: "refunds")] {
            keys.append(
                try await engine().run(key, in: scope, saying: [], coding: .text) {
                    $0.key(for: "charge").description
                }.value.asKey())
        }
        #expect(keys[0] == keys[1])
        #expect(keys[1] != keys[2])
    }

    @Test func `a step is kept for longer than the work around it`() async throws {
        let store = MemoryStore(clock: clock)
        let engine = try engine(store)
        let count = Mutex(0)
        var policy = IdempotencyPolicy<Int>()
        policy.retention = .seconds(10 * 86_400)
        policy.unknown = .rerun
        func run() async throws -> Int {
            try await engine.run(key, in: scope, saying: [], policy: policy) { execution in
                _ = try await execution.step("charge") { _ in
                    count.withLock { count in
                        count += 1
                        return count
                    }
                }
                throw Classed(failureClass: .unknown)
            }.value
        }
        await #expect(throws: Classed.self) { try await run() }
        clock.advance(by: .seconds(9 * 86_400))
        await #expect(throws: Classed.self) { try await run() }
        clock.advance(by: .seconds(9 * 86_400))
        await #expect(throws: Classed.self) { try await run() }
        #expect(count.withLock { $0 } == 1)
    }

    @Test func `what a probe has found is kept as long as the operation's outcomes are`() async throws {
        let engine = try engine()
        var policy = IdempotencyPolicy<Int>()
        policy.retention = .seconds(10 * 86_400)
        policy.unknown = .probe { _ in .completed(7) }
        _ = try? await engine.run(key, in: scope, saying: [], policy: policy) { _ -> Int in
            throw Classed(failureClass: .unknown)
        }
        clock.advance(by: .seconds(5 * 86_400))
        try await expectEqual(engine.run(key, in: scope, saying: [], policy: policy) { _ in 1 }.value, 7)
        clock.advance(by: .seconds(9 * 86_400))
        try await expectEqual(engine.run(key, in: scope, saying: [], policy: policy) { _ in 1 }.value, 7)
    }

    @Test func `an outcome over the bound leaves the tombstone at once`() async throws {
        let store = FaultyStore(clock: clock)
        let engine = try engine(store) { $0.outcomeBytes = 8 }
        let large = [UInt8](repeating: 1, count: 9)
        try await expectEqual(
            engine.run(key, in: scope, saying: [], coding: .bytes) { _ in large }.value, large)
        let error = await #expect(throws: IdempotencyError.self) {
            try await engine.run(key, in: scope, saying: [], coding: .bytes) { _ in [] }
        }
        guard case .notKept? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(store.commands.count(where: \.isCompletion) == 1)
        #expect(heard.all.isEmpty)
        let other = IdempotencyKey.minted()
        for _ in 0..<2 {
            try await expectEqual(
                engine.run(other, in: scope, saying: [], coding: .bytes) { _ in Array(large.dropLast()) }.value.count, 8
            )
        }
    }

    @Test func `recording outlasts a store that is away for half a minute`() async throws {
        let store = FaultyStore(clock: clock)
        let (engine, key, scope) = (try engine(store), key, scope)
        let end = clock.now.advanced(by: .seconds(29))
        let clock = clock
        store.fail(1_000) { $0.isCompletion && clock.now < end }
        let call = Task { try await engine.run(key, in: scope, saying: []) { _ in 1 } }
        try expectEqual(await moving(until: call).get(), Executed(value: 1, isReplay: false))
        #expect(!heard.all.contains("outcomeLost"))
        try await expectEqual(engine.run(key, in: scope, saying: []) { _ in 2 }.value, 1, "with what it returned")
    }

    @Test func `an outcome that is lost is told after its time and not before`() async throws {
        let store = FaultyStore(clock: clock)
        let (engine, key, scope) = (try engine(store) { $0.recordingTime = .seconds(3) }, key, scope)
        store.fail(1_000) { $0.isCompletion }
        let call = Task { try await engine.run(key, in: scope, saying: []) { _ in 1 } }
        let result = await moving(until: call)
        #expect(throws: IdempotencyError.self) { try result.get() }
        #expect(heard.all.last == "outcomeLost")
        #expect(heard.all.count { $0 == "recordingFailed" } == heard.all.count - 1)
        let payloads = store.commands.compactMap { command -> Bool? in
            if case .complete(_, let payload, _) = command.action { payload != nil } else { nil }
        }
        #expect(payloads.last == false, "the last try leaves out the payload")
        #expect(payloads.dropLast().allSatisfy { $0 })
    }

    @Test(arguments: [1, 2])
    func `a claim that cannot be given back is tried again and told`(failures: Int) async throws {
        let store = FaultyStore(clock: clock)
        let (engine, key, scope) = (try engine(store), key, scope)
        store.fail(failures) { $0.isRelease }
        let call = Task {
            try await engine.run(key, in: scope, saying: []) { _ -> Int in throw Classed(failureClass: .notSent()) }
        }
        let result = await moving(until: call)
        #expect(throws: Classed.self) { try result.get() }
        #expect(store.commands.count(where: \.isRelease) == 2)
        #expect(heard.all == (failures == 1 ? [] : ["releaseFailed"]))
        let again = try? await engine.run(key, in: scope, saying: [], policy: .atOnce) { _ in 1 }
        #expect((again != nil) == (failures == 1))
    }
}

extension IdempotencyPolicy<Int> {
    /// A duplicate does not wait.
    fileprivate static var atOnce: IdempotencyPolicy<Int> {
        var policy = IdempotencyPolicy<Int>()
        policy.wait = .zero
        return policy
    }
}

extension OutcomeCoding<String> {
    fileprivate static var text: OutcomeCoding<String> {
        OutcomeCoding {
            Array($0.utf8)
        } decode: {
            String(decoding: $0, as: UTF8.self)
        }
    }
}

extension String {
    fileprivate func asKey() throws -> IdempotencyKey { try IdempotencyKey(self) }
}
