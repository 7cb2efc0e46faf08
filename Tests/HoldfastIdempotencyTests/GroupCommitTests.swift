import Holdfast
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import HoldfastIdempotency

@Suite struct GroupCommitTests {
    private let clock = ManualClock()

    private func claim(_ number: UInt8) -> ClaimCommand {
        ClaimCommand(
            id: RecordID(bytes: [number]),
            action: .claim(fingerprint: Fingerprint(bytes: [1]), lease: .seconds(1), retention: .seconds(60)))
    }

    private func completion(_ bytes: Int) -> ClaimCommand {
        let payload = [UInt8](repeating: 1, count: bytes)
        return ClaimCommand(
            id: RecordID(bytes: [1]), action: .complete(fence: 1, payload: payload, retention: .seconds(60)))
    }

    /// What each command came to, in the order of their ends.
    private final class Results: Sendable {
        private let state = Mutex<[Result<ClaimReply, ClaimStoreError>]>([])
        func add(_ result: Result<ClaimReply, ClaimStoreError>) { state.withLock { $0.append(result) } }
        var all: [Result<ClaimReply, ClaimStoreError>] { state.withLock { $0 } }
        func count(_ count: Int) async { while all.count < count { await Task.yield() } }
        var failures: [ClaimStoreError.Code] {
            all.compactMap { if case .failure(let error) = $0 { error.code } else { nil } }
        }
    }

    @Test func `beyond its bound the queue refuses at once and what waits is carried out`() async {
        let (store, results) = (FaultyStore(clock: clock), Results())
        let commit = GroupCommit(store: store, queueBound: 2)
        store.hold()
        commit.submit(claim(0)) { results.add($0) }
        await store.holds()
        for number in 1...5 { commit.submit(claim(UInt8(number))) { results.add($0) } }
        #expect(results.failures == [.overloaded, .overloaded, .overloaded])
        store.letGo()
        await results.count(6)
        #expect(results.failures.count == 3)
    }

    @Test func `a batch is bounded in bytes and what is larger goes alone`() {
        var machine = GroupCommit.Machine(queueBound: 100, queueBytes: 1_000, batchBound: 3, batchBytes: 100)
        for bytes in [60, 40, 1, 500, 10, 10, 10, 10] { _ = machine.add(completion(bytes)) { _ in } }
        let batches = (0..<5).map { _ in machine.next().count }
        #expect(batches == [2, 1, 1, 3, 1])
        #expect(machine.next().isEmpty)
    }

    @Test func `the queue is bounded in bytes and one that is larger than the bound is let in alone`() {
        var machine = GroupCommit.Machine(queueBound: 100, queueBytes: 100, batchBound: 10, batchBytes: 1_000)
        #expect(machine.add(completion(500)) { _ in } == .commit)
        #expect(machine.add(completion(1)) { _ in } == .refuse)
        _ = machine.next()
        for _ in 0..<2 { #expect(machine.add(completion(50)) { _ in } == .wait) }
        #expect(machine.add(completion(1)) { _ in } == .refuse)
        #expect(machine.add(claim(1)) { _ in } == .wait)
        #expect(machine.next().count == 3)
        #expect(machine.add(completion(100)) { _ in } == .wait)
    }

    /// Says one word less than it was asked.
    private struct Terse: WrappingStore {
        let inner = MemoryStore()
        func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
            Array(try await inner.apply(batch).dropLast())
        }
    }

    @Test func `a store that answers too little leaves nobody without an answer`() async {
        let results = Results()
        let commit = GroupCommit(store: Terse())
        for number in UInt8(0)..<3 { commit.submit(claim(number)) { results.add($0) } }
        await results.count(3)
        #expect(results.failures == [.failed, .failed, .failed])
    }

    /// Notes under which limit it works.
    private final class Limited: WrappingStore {
        let inner = MemoryStore()
        let limits = Mutex<[Bool]>([])
        func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
            limits.withLock { $0.append(Lineage.current.limit == nil) }
            return try await inner.apply(batch)
        }
    }

    @Test func `the first caller's deadline does not bind the others' commit`() async throws {
        let (store, results) = (Limited(), Results())
        let commit = GroupCommit(store: store)
        let command = claim(1)
        try await withDeadline(in: .seconds(10), clock: clock) {
            commit.submit(command) { results.add($0) }
            await results.count(1)
        }
        #expect(store.limits.withLock { $0 } == [true])
    }
}
