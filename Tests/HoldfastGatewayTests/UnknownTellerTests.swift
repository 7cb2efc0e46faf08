#if Gateway
import Holdfast
import HoldfastIdempotency
import HoldfastTesting
import Logging
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

@testable import HoldfastGateway

/// A process that ended in the middle of a request under a key has somebody told of it, once, with the request.
@Suite struct UnknownTellerTests {
    private func summary(_ number: Int, _ last: String, _ state: ClaimRecord.State = .unknown) throws -> ClaimSummary {
        let record = ClaimRecord(
            fingerprint: Fingerprint(bytes: []), fence: Int64(number), state: state,
            expires: StoreInstant(milliseconds: 9_000), history: ClaimHistory(text: "0\tclaimed\t1\tg:1\tn\n\(last)"))
        let id = RecordID(bytes: [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)])
        return try #require(ClaimSummary(record, of: id, at: StoreInstant(milliseconds: 100)))
    }

    @Test func `those are told that nobody has reported, and nothing that its process has told of itself`() throws {
        var teller = UnknownTeller()
        let told = teller.tell([
            try summary(1, "9\tabandoned\t1\t\tits process ended\n"), try summary(2, "9\tlease-ended\t1\t\t\n"),
            try summary(3, "", .inFlight(leaseEnds: StoreInstant(milliseconds: 50))),
            try summary(4, "9\tabandoned\t1\t\t\n"),
            try summary(5, "", .inFlight(leaseEnds: StoreInstant(milliseconds: 500))),
            try summary(6, "9\tcompleted\t1\t\t\n", .completed(payload: [])),
        ])
        #expect(told.lines.map(\.fence) == [1, 2, 3] && told.more == 0)
    }

    @Test func `each is told once, and again when it is claimed again and lost again`() throws {
        var teller = UnknownTeller()
        let first = try summary(1, "9\tlease-ended\t1\t\t\n")
        #expect(teller.tell([first]).lines.count == 1)
        #expect(teller.tell([first]).lines.isEmpty)
        #expect(teller.tell([first, try summary(2, "9\tlease-ended\t1\t\t\n")]).lines.map(\.fence) == [2])
    }

    @Test func `of many the newest have a line, the others are counted, and what is remembered is bounded`() throws {
        var teller = UnknownTeller()
        let many = try (0..<50).map { try summary($0, "9\tlease-ended\t1\t\t\n") }
        let told = teller.tell(many)
        #expect(told.lines.map(\.fence) == Array(30..<50) && told.more == 30)
        #expect(teller.tell(many).more == 0)
        for start in stride(from: 100, to: 30_000, by: 1_000) {
            _ = teller.tell(try (start..<start + 1_000).map { try summary($0, "9\tlease-ended\t1\t\t\n") })
        }
        #expect(teller.tell(many).more == 30, "what was forgotten is told again")
    }

    @Test func `the store is looked at when it has more than is known of, and not for what was told here`() {
        var teller = UnknownTeller()
        expectEqual(teller.isToLook(at: 0, own: 0), false)
        expectEqual(teller.isToLook(at: 2, own: 0), true)
        expectEqual(teller.isToLook(at: 2, own: 0), false)
        expectEqual(teller.isToLook(at: 5, own: 3), false)
        expectEqual(teller.isToLook(at: 9, own: 3), true)
        // What was settled makes room for what is new.
        expectEqual(teller.isToLook(at: 1, own: 0), false)
        expectEqual(teller.isToLook(at: 2, own: 0), true)
    }

    @Test func `the next gateway tells at its start what was in flight, with its cause and what settles it`()
        async throws
    {
        let clock = ManualClock()
        let store = MemoryStore(clock: clock)
        let cause = ClaimCause(
            startedAt: 1_700_000_000_000, route: "charges", method: "POST", host: "api.example.com", path: "/charges",
            caller: "sub=ada", request: "0123456789abcdef", trace: "0af7651916cd43dd8448eb211c80319c")
        for number in 0..<25 as Range<UInt8> {
            let action = ClaimCommand.Action.claim(
                fingerprint: Fingerprint(bytes: [1]), lease: .seconds(60), retention: .seconds(6_000), owner: "gone:7",
                context: cause.encoded)
            _ = try await store.apply([ClaimCommand(id: RecordID(bytes: [number]), action: action)])
        }
        clock.advance(by: .seconds(61))
        let told = Told()
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, store: store, logger: Logger(label: "one") { _ in told }) { _ in }
        let lines = told.messages.list.withLock { $0 }
        let each = lines.filter { $0.contains("its request began, and its gateway ended") }
        #expect(each.count == UnknownTeller.linesBound)
        let line = try #require(each.first)
        for words in [
            "POST api.example.com/charges", "sub=ada", "gone:7", "2023-11-14T22:13:20", "0123456789abcdef",
            "0af7651916cd43dd8448eb211c80319c", "holdfast keys resolve ", "--fence 6 ",
        ] { #expect(line.contains(words), "\(words): \(line)") }
        #expect(lines.contains { $0.contains("and 5 more") })
    }
}
#endif
