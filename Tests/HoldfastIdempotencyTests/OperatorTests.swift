import Holdfast
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import HoldfastIdempotency

@Suite struct OperatorTests {
    private let clock = ManualClock()
    private let heard = Heard()
    private let scope = Scope(caller: "acme", operation: "charges")

    private final class Heard: Sendable {
        private let events = Mutex<[String]>([])
        var all: [String] { events.withLock { $0 } }
        func hear(_ event: IdempotencyEvent) { events.withLock { $0.append("\(event)") } }
    }

    private struct Torn: Error {}

    private func engine() throws -> IdempotencyEngine {
        var configuration = IdempotencyConfiguration()
        configuration.owner = "test"
        return try IdempotencyEngine(store: MemoryStore(clock: clock), configuration: configuration, clock: clock) {
            [heard] in heard.hear($0)
        }
    }

    /// Leaves an unknown under a key.
    private func unknown(_ key: String, on engine: IdempotencyEngine) async throws -> ClaimSummary {
        _ = try? await engine.run(IdempotencyKey(key), in: scope, saying: []) { _ -> Int in throw Torn() }
        let page = try await engine.list(.unknown)
        return try #require(page.summaries.last)
    }

    @Test(arguments: ["a\u{9B}31m", "a\u{1B}[31m", "a\n", "a\u{7F}"])
    func `no name and no reason in a history moves a terminal's cursor`(text: String) {
        let word = ClaimHistory.word(text, bound: ClaimHistory.nameBound)
        #expect(!word.unicodeScalars.contains { $0.properties.generalCategory == .control })
        #expect(word.hasPrefix("a "))
        #expect(ClaimHistory.word("M\u{FC}ller \u{A9}", bound: ClaimHistory.nameBound) == "M\u{FC}ller \u{A9}")
    }

    @Test func `an unknown is found and explained and resolved with who and why`() async throws {
        let engine = try engine()
        let found = try await unknown("order-1", on: engine)
        #expect(found.history.entries.map(\.event) == [.claimed, .abandoned])
        #expect(found.history.entries.first?.by == "test")
        clock.advance(by: .seconds(5))
        let decision = try IdempotencyEngine.Decision(by: "ada", why: "the bank has no such charge")
        try await engine.resolve(found.id, fence: found.fence, as: .released, decision)
        let explained = try #require(try await engine.explain(found.id))
        #expect(explained.state == .released)
        let last = try #require(explained.history.entries.last)
        #expect(last.by == "ada" && last.why == "the bank has no such charge" && last.event == .resolvedReleased)
        #expect(explained.now.milliseconds - last.at.milliseconds == 0)
        #expect(heard.all.contains { $0.contains("ada") && $0.contains("the bank has no such charge") })
        try await expectEqual(
            engine.run(IdempotencyKey("order-1"), in: scope, saying: []) { _ in 7 },
            Executed(value: 7, isReplay: false))
        try await expectEqual(engine.explain(found.id)?.history.entries.count, 5)
    }

    @Test func `what was said of a cause is sealed as payloads are, and opens for its record alone`() async throws {
        let cause = Array("POST /charges by ada".utf8)
        func seal(_ byte: UInt8) throws -> PayloadSeal {
            try PayloadSeal(writing: .init(UInt32(byte), bytes: [UInt8](repeating: byte, count: 32)))
        }
        let store = MemoryStore(clock: clock)
        func engine(_ seal: PayloadSeal?) throws -> IdempotencyEngine {
            try IdempotencyEngine(store: store, sealing: seal, clock: clock)
        }
        let ids = [RecordID(bytes: [1]), RecordID(bytes: [2])]
        let sealing = try engine(seal(1))
        for id in ids {
            sealing.begin(id, fingerprint: Fingerprint(bytes: [1]), context: cause) { _ in }
        }
        let first = try #require(try await sealing.explain(ids[0]))
        #expect(first.state == .unknown && !String(decoding: first.context, as: UTF8.self).contains("ada"))
        #expect(try sealing.context(of: first) == cause)
        let another = try PayloadSeal(writing: .init(1, bytes: [UInt8](repeating: 9, count: 16)))
        for other in [try engine(seal(2)), try engine(another)] {
            #expect(throws: ClaimStoreError.self) { try other.context(of: first) }
        }
        // Neither another record's nor a payload of the same record.
        let record = ClaimRecord(
            fingerprint: Fingerprint(bytes: [1]), fence: 2, state: .unknown, expires: StoreInstant(milliseconds: .max),
            context: first.context)
        let moved = try #require(ClaimSummary(record, of: ids[1], at: first.now))
        #expect(throws: ClaimStoreError.self) { try sealing.context(of: moved) }
        let payload = try #require(try seal(1).seal(cause, of: ids[0]))
        var swapped = record
        swapped.context = payload
        let summary = try #require(ClaimSummary(swapped, of: ids[0], at: first.now))
        #expect(throws: ClaimStoreError.self) { try sealing.context(of: summary) }
        // Without keys it lies as it is, and a record without one says nothing.
        let open = try engine(nil)
        open.begin(RecordID(bytes: [3]), fingerprint: Fingerprint(bytes: [1]), context: cause) { _ in }
        open.begin(RecordID(bytes: [4]), fingerprint: Fingerprint(bytes: [1])) { _ in }
        let plain = try #require(try await open.explain(RecordID(bytes: [3])))
        let none = try #require(try await open.explain(RecordID(bytes: [4])))
        #expect(try open.context(of: plain) == cause)
        #expect(try open.context(of: none) == nil)
    }

    @Test func `a cause is at most 1,024 bytes long, and nothing is claimed with a longer one`() async throws {
        let engine = try engine()
        for (count, expected) in [(1_024, "execute"), (1_025, "unavailable invalid")] {
            let caller = Caller()
            let id = RecordID(bytes: [UInt8(count - 1_000)])
            engine.begin(id, fingerprint: Fingerprint(bytes: [1]), context: .init(repeating: 1, count: count)) {
                caller.decided($0)
            }
            #expect(await caller.told() == expected)
            try await expectEqual(engine.explain(id) != nil, expected == "execute")
        }
    }

    @Test func `nobody resolves what has moved on`() async throws {
        let engine = try engine()
        let found = try await unknown("order-1", on: engine)
        let decision = try IdempotencyEngine.Decision(by: "ada", why: "seen")
        try await engine.resolve(found.id, fence: found.fence, as: .completed(payload: Array("7".utf8)), decision)
        let error = await #expect(throws: ClaimStoreError.self) {
            try await engine.resolve(found.id, fence: found.fence, as: .released, decision)
        }
        #expect(error?.code == .lost)
        try await expectEqual(
            engine.run(IdempotencyKey("order-1"), in: scope, saying: []) { _ in 8 },
            Executed(value: 7, isReplay: true))
    }

    @Test func `what is purged was never seen`() async throws {
        let engine = try engine()
        let found = try await unknown("order-1", on: engine)
        let decision = try IdempotencyEngine.Decision(by: "ada", why: "a test key")
        try await engine.purge(found.id, fence: found.fence, decision)
        try await expectEqual(engine.explain(found.id), nil)
        let error = await #expect(throws: ClaimStoreError.self) {
            try await engine.purge(found.id, fence: found.fence, decision)
        }
        #expect(error?.code == .lost)
    }

    @Test func `a listing shows only those that stand as asked and goes on where it ended`() async throws {
        let engine = try engine()
        for number in 0..<5 {
            _ = try await engine.run(IdempotencyKey("done-\(number)"), in: scope, saying: []) { _ in number }
        }
        _ = try await unknown("torn", on: engine)
        var states: [ClaimSummary.State] = []
        var cursor: String?
        repeat {
            let page = try await engine.list(after: cursor, lookingAt: 2)
            #expect(page.summaries.count <= 2)
            states += page.summaries.map(\.state)
            cursor = page.next
        } while cursor != nil
        #expect(states.count == 6)
        #expect(states.count { $0 == .unknown } == 1)
        try await expectEqual(engine.list(.completed).summaries.count, 5)
        await #expect(throws: ConfigurationError.self) { try await engine.list(lookingAt: 0) }
        let error = await #expect(throws: ClaimStoreError.self) { try await engine.list(after: "rubbish") }
        #expect(error?.code == .invalid)
    }

    @Test func `a decision without a name or a reason is none`() {
        #expect(throws: ConfigurationError.self) { try IdempotencyEngine.Decision(by: "", why: "x") }
        #expect(throws: ConfigurationError.self) { try IdempotencyEngine.Decision(by: "ada", why: "") }
        #expect(throws: ConfigurationError.self) {
            try IdempotencyEngine.Decision(by: "ada", why: String(repeating: "x", count: 257))
        }
    }

    @Test func `a history is bounded and never forgets how it began`() throws {
        var record: ClaimRecord?
        let fingerprint = Fingerprint(bytes: [1])
        for fence in Int64(1)...100 {
            let now = StoreInstant(milliseconds: fence)
            let claim = ClaimCommand.Action.claim(
                fingerprint: fingerprint, lease: .seconds(1), retention: .seconds(60), takesOver: .anything,
                owner: String(repeating: "o", count: 80))
            for action in [claim, .abandon(fence: fence)] {
                let decision = ClaimMachine.apply(action, to: record, at: now, nextFence: fence)
                guard case .put(let next) = decision.write else { throw Torn() }
                record = next
            }
        }
        let history = try #require(record?.history)
        #expect(history.text.utf8.count <= ClaimHistory.bound)
        #expect(history.entries.first?.fence == 1)
        #expect(history.entries.last?.fence == 100)
        #expect(history.entries.first?.by.count == ClaimHistory.nameBound)
    }

    @Test func `two who probe the same unknown execute it once`() async throws {
        let engine = try engine()
        let key = try IdempotencyKey("order-1")
        let found = try await unknown("order-1", on: engine)
        var policy = IdempotencyPolicy<Int>()
        // While this one finds out, another has taken over, executed, and left an unknown of its own.
        let probes = Mutex(0)
        let scope = scope
        policy.unknown = .probe { _ in
            guard
                probes.withLock({ count in
                    defer { count += 1 }; return count
                }) == 0
            else { return .completed(42) }
            var rerun = IdempotencyPolicy<Int>()
            rerun.unknown = .rerun
            _ = try? await engine.run(key, in: scope, saying: [], policy: rerun) { _ -> Int in throw Torn() }
            return .nothing
        }
        try await expectEqual(
            engine.run(key, in: scope, saying: [], policy: policy) { _ in 7 }, Executed(value: 42, isReplay: true))
        #expect(found.fence > 0)
    }
}
