import Holdfast
import HoldfastTesting
import TestSupport
import Testing

@testable import HoldfastIdempotency

/// What a memory store does that is full, and how it comes to be less so.
@Suite struct MemoryStoreBoundTests {
    private static let retention = Duration.seconds(100)
    private let clock = ManualClock()
    private let said = Fingerprint(bytes: [UInt8](repeating: 1, count: 32))

    private func id(_ number: Int) -> RecordID {
        RecordID(
            bytes: (0..<8).map { UInt8(truncatingIfNeeded: (UInt64(number) &* 0x9E37_79B9_7F4A_7C15) >> ($0 * 8)) })
    }

    private func claim(
        _ number: Int, _ said: Fingerprint? = nil, takesOver: ClaimCommand.Takeover = .nothing
    ) -> ClaimCommand {
        ClaimCommand(
            id: id(number),
            action: .claim(
                fingerprint: said ?? self.said, lease: .seconds(10), retention: Self.retention, takesOver: takesOver))
    }

    private func complete(_ number: Int, _ fence: Int64) -> ClaimCommand {
        ClaimCommand(id: id(number), action: .complete(fence: fence, payload: [1], retention: Self.retention))
    }

    /// A store that is full: of keys in flight, completed, and unknown in turn.
    private func full(_ bound: Int) async throws -> (store: MemoryStore, fences: [Int64]) {
        let store = MemoryStore(bound: bound, clock: clock)
        var fences: [Int64] = []
        for number in 0..<bound {
            guard case .claimed(let fence) = try store.applyNow(claim(number)) else {
                throw UnexpectedOutcome("not claimed")
            }
            fences.append(fence)
            if number % 3 == 1 { _ = try store.applyNow(complete(number, fence)) }
            if number % 3 == 2 {
                _ = try store.applyNow(ClaimCommand(id: id(number), action: .abandon(fence: fence)))
            }
        }
        return (store, fences)
    }

    /// Both ways to ask a store.
    private func ask(_ store: MemoryStore, _ command: ClaimCommand, asBatch: Bool) async throws -> ClaimReply {
        asBatch ? try await store.apply([command])[0] : try store.applyNow(command)
    }

    @Test(arguments: [false, true])
    func `a full store refuses new keys alone, and answers for all that it has`(asBatch: Bool) async throws {
        let (store, fences) = try await full(6)
        let other = Fingerprint(bytes: [UInt8](repeating: 2, count: 32))
        func act(_ number: Int, _ action: ClaimCommand.Action) -> ClaimCommand {
            ClaimCommand(id: id(number), action: action)
        }
        await #expect(throws: ClaimStoreError.self) { try await ask(store, claim(6), asBatch: asBatch) }
        let asked: [(ClaimCommand, ClaimReply)] = [
            (claim(0), .inFlight), (claim(1), .completed(payload: [1])), (claim(2), .unknown(fence: fences[2])),
            (claim(0, other), .mismatched), (claim(1, other), .mismatched), (claim(2, other), .mismatched),
            (act(0, .renew(fence: fences[0], lease: .seconds(10))), .done), (complete(0, fences[0]), .done),
            (complete(3, fences[5]), .stale), (act(3, .abandon(fence: fences[3])), .done),
            (act(2, .resolve(fence: fences[2], .completed(payload: [2]), retention: Self.retention)), .done),
            (act(9, .release(fence: 1)), .stale),
        ]
        for (command, reply) in asked {
            try await expectEqual(ask(store, command, asBatch: asBatch), reply, "\(command.action)")
        }
        guard case .claimed = try await ask(store, claim(5, takesOver: .anything), asBatch: asBatch) else {
            throw UnexpectedOutcome("what is unknown was not taken over")
        }
        await #expect(throws: ClaimStoreError.self) { try await ask(store, claim(6), asBatch: asBatch) }
        #expect(store.recordCount == 6)
    }

    @Test(arguments: [false, true])
    func `a place that is given back is another key's`(asBatch: Bool) async throws {
        let (store, fences) = try await full(3)
        _ = try await ask(store, ClaimCommand(id: id(0), action: .release(fence: fences[0])), asBatch: asBatch)
        _ = try await ask(store, claim(7), asBatch: asBatch)
        await #expect(throws: ClaimStoreError.self) { try await ask(store, claim(8), asBatch: asBatch) }
        _ = try await ask(store, ClaimCommand(id: id(1), action: .purge(fence: fences[1])), asBatch: asBatch)
        _ = try await ask(store, claim(8), asBatch: asBatch)
        #expect(store.recordCount == 3)
    }

    @Test func `what has expired makes room though nobody reaps`() async throws {
        let store = MemoryStore(bound: 300, clock: clock)
        for round in 0..<20 {
            for number in 0..<300 {
                let number = round * 300 + number
                guard case .claimed(let fence) = try store.applyNow(claim(number)) else {
                    throw UnexpectedOutcome("key \(number) was not claimed")
                }
                if number % 2 == 0 { _ = try store.applyNow(complete(number, fence)) }
            }
            clock.advance(by: .seconds(111))
        }
        #expect(store.recordCount <= 300)
    }

    @Test func `a store that is used seldom holds what is new, and not all that ever was`() throws {
        let store = MemoryStore(clock: clock)
        for number in 0..<5_000 {
            _ = try store.applyNow(claim(number))
            clock.advance(by: .seconds(1))
        }
        // 110 s of them, and in each of the sixteen parts what has expired since its last new key.
        #expect(store.recordCount < 300)
        #expect(store.dueCount <= 3 * (64 * 16 + store.recordCount))
    }

    @Test func `a key whose own record has expired needs no place`() async throws {
        let (store, _) = try await full(3)
        clock.advance(by: .seconds(1_000))
        for number in 0..<3 {
            guard case .claimed = try store.applyNow(claim(number)) else { throw UnexpectedOutcome("not claimed") }
        }
        #expect(throws: ClaimStoreError.self) { try store.applyNow(claim(3)) }
    }

    @Test func `a batch with one new key too many is refused as a whole, and one of repeats is not`() async throws {
        let (store, fences) = try await full(6)
        _ = try store.applyNow(ClaimCommand(id: id(0), action: .release(fence: fences[0])))
        await #expect(throws: ClaimStoreError.self) {
            try await store.apply([
                claim(10), claim(1), ClaimCommand(id: id(3), action: .release(fence: fences[3])), claim(11),
            ])
        }
        try await expectEqual(
            store.apply([claim(3), claim(1), claim(1)]),
            [.inFlight, .completed(payload: [1]), .completed(payload: [1])])
        let replies = try await store.apply([claim(10), claim(10), claim(1)])
        guard replies.count == 3, case .claimed = replies[0], replies[1] == .inFlight else {
            throw UnexpectedOutcome("\(replies)")
        }
        await #expect(throws: ClaimStoreError.self) { try await store.apply([claim(11)]) }
        #expect(store.recordCount == 6)
    }

    @Test func `whoever repeats a request of a full store gets its outcome, by the engine too`() async throws {
        let store = MemoryStore(bound: 1, clock: clock)
        let engine = try IdempotencyEngine(store: store, clock: clock)
        let scope = Scope(caller: "acme", operation: "charges")
        try await expectEqual(engine.run(.init("a"), in: scope, saying: []) { _ in 7 }.value, 7)
        let again = try await engine.run(.init("a"), in: scope, saying: []) { _ in 8 }
        #expect(again.isReplay && again.value == 7)
        await #expect(throws: IdempotencyError.self) {
            try await engine.run(.init("b"), in: scope, saying: []) { _ in 9 }
        }
        clock.advance(by: .seconds(86_401))
        try await expectEqual(engine.run(.init("b"), in: scope, saying: []) { _ in 9 }.value, 9)
    }

    @Test func `of many who come at once to a store with a few places, as many get one as there are`() async throws {
        let store = MemoryStore(bound: 10, clock: clock)
        let granted = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                group.addTask {
                    (try? await number % 2 == 0 ? store.apply([claim(number)])[0] : store.applyNow(claim(number)))
                        != nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(granted == 10 && store.recordCount == 10)
    }
}
