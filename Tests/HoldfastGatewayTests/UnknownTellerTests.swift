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

/// A store that cannot tell what it holds.
private struct Uncounted: ClaimStore {
    let base: MemoryStore

    func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] { try await base.apply(batch) }
    func secret() async throws -> StoreSecret { try await base.secret() }
    func reap(atMost count: Int) async throws -> Int { try await base.reap(atMost: count) }
    func summary(of id: RecordID) async throws -> ClaimSummary? { try await base.summary(of: id) }

    func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
        try await base.summaries(after: cursor, atMost: count)
    }

    func summaries(
        standing state: ClaimSummary.State, after cursor: String?, atMost count: Int
    ) async throws -> ClaimPage { try await base.summaries(standing: state, after: cursor, atMost: count) }
}

/// A process that ended in the middle of a request under a key has somebody told of it, once, with the request.
@Suite struct UnknownTellerTests {
    private func summary(_ number: Int, _ last: String, _ state: ClaimRecord.State = .unknown) throws -> ClaimSummary {
        let record = ClaimRecord(
            fingerprint: Fingerprint(bytes: []), fence: Int64(number), state: state,
            expires: StoreInstant(milliseconds: 9_000), history: ClaimHistory(text: "0\tclaimed\t1\tg:1\tn\n\(last)"))
        let id = RecordID(bytes: [UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8)])
        return try #require(ClaimSummary(record, of: id, at: StoreInstant(milliseconds: 100)))
    }

    private func page(_ summaries: [ClaimSummary], next: String? = nil) -> ClaimPage {
        ClaimPage(summaries: summaries, next: next, now: StoreInstant(milliseconds: 100))
    }

    private func lost(_ numbers: some Sequence<Int>) throws -> [ClaimSummary] {
        try numbers.map { try summary($0, "9\tlease-ended\t1\t\t\n") }
    }

    @Test func `those are told that nobody has reported, and nothing that its process has told of itself`() throws {
        var teller = UnknownTeller()
        let new = teller.take(
            page([
                try summary(1, "9\tabandoned\t1\t\tits process ended\n"), try summary(2, "9\tlease-ended\t1\t\t\n"),
                try summary(3, "", .inFlight(leaseEnds: StoreInstant(milliseconds: 50))),
                try summary(4, "9\tabandoned\t1\t\t\n"),
                try summary(5, "", .inFlight(leaseEnds: StoreInstant(milliseconds: 500))),
                try summary(6, "9\tcompleted\t1\t\t\n", .completed(payload: [])),
            ]))
        #expect(new.map(\.fence) == [1, 2, 3])
    }

    @Test func `each is told once, and again when it is claimed again and lost again`() throws {
        var teller = UnknownTeller()
        let first = try lost([1])
        #expect(teller.take(page(first)).count == 1)
        #expect(teller.take(page(first)).isEmpty)
        try expectEqual(teller.take(page(first + lost([2]))).map(\.fence), [2])
    }

    @Test func `of many the newest have a line, and the others are counted`() throws {
        let (lines, more) = UnknownTeller.lines(of: try lost(0..<50))
        #expect(lines.map(\.fence) == Array(30..<50) && more == 30)
    }

    @Test func `what is remembered is bounded, and nothing is told twice for it`() throws {
        var teller = UnknownTeller()
        let all = UnknownTeller.toldBound * 2
        for round in 0..<3 {
            var told = 0
            for start in stride(from: 1, to: all, by: 1_000) {
                let next = start + 1_000 > all ? nil : "\(start)"
                told += try teller.take(page(lost(start..<start + 1_000), next: next)).count
            }
            #expect(told == (round == 0 ? all : 0), "\(round)")
        }
        // One that is newer than all is told all the same, and those that were settled make room.
        try expectEqual(teller.take(page(lost([all + 1]))).count, 1)
        try expectEqual(teller.take(page(lost([5, all + 2]))).count, 2)
    }

    @Test(arguments: [
        // How many there were, how many there are, how many of them this process has told itself: the pages.
        (0, 0, 0, 0), (0, 1, 0, 10), (2, 2, 0, 1), (2, 1, 0, 1), (2, 5, 3, 1), (2, 5, 2, 10), (9, 0, 0, 0),
    ])
    func `a page is looked at while there is any, and all when there are more`(
        before: Int, now: Int, own: Int, pages: Int
    ) throws {
        var teller = UnknownTeller()
        _ = teller.pagesToLookAt(at: before, own: 0)
        _ = teller.take(page([]))
        #expect(teller.pagesToLookAt(at: now, own: own) == pages)
    }

    @Test func `a round that began goes to its end, and begins again if there were more meanwhile`() throws {
        var teller = UnknownTeller()
        #expect(teller.pagesToLookAt(at: 5_000, own: 0) == 10)
        _ = teller.take(page([], next: "7"))
        #expect(teller.cursor == "7" && !teller.isThrough)
        #expect(teller.pagesToLookAt(at: 5_000, own: 0) == 10)
        #expect(teller.pagesToLookAt(at: 5_001, own: 0) == 10)
        #expect(teller.cursor == "7")
        _ = teller.take(page([]))
        #expect(teller.cursor == nil && !teller.isThrough)
        #expect(teller.pagesToLookAt(at: 5_001, own: 0) == 10)
        _ = teller.take(page([]))
        #expect(teller.isThrough && teller.pagesToLookAt(at: 5_001, own: 0) == 1)
    }

    /// Leaves keys in flight whose leases end after a minute.
    private func leave(_ numbers: Range<Int>, in store: MemoryStore) async throws {
        for number in numbers {
            let action = ClaimCommand.Action.claim(
                fingerprint: Fingerprint(bytes: [1]), lease: .seconds(60), retention: .seconds(6_000), owner: "gone:7")
            let id = RecordID(bytes: [UInt8(truncatingIfNeeded: number), UInt8(number >> 8)])
            _ = try await store.apply([ClaimCommand(id: id, action: action)])
        }
    }

    private func keys(_ store: any ClaimStore, _ told: Told) throws -> UnknownKeys {
        UnknownKeys(
            try IdempotencyEngine(store: store), metrics: StoreMetrics(), logger: Logger(label: "t") { _ in told })
    }

    private static let line = "its request began, and its gateway ended"

    @Test func `two that were settled and two that came are no standstill`() async throws {
        let (clock, told) = (ManualClock(), Told())
        let store = MemoryStore(clock: clock)
        let keys = try keys(store, told)
        try await leave(0..<2, in: store)
        clock.advance(by: .seconds(61))
        await keys.start()
        #expect(told.messages.list.withLock { $0.count { $0.contains(Self.line) } } == 2)
        try await leave(2..<4, in: store)
        clock.advance(by: .seconds(61))
        for summary in try await store.summaries(standing: .unknown, after: nil, atMost: 2).summaries {
            let action = ClaimCommand.Action.purge(fence: summary.fence)
            _ = try await store.apply([ClaimCommand(id: summary.id, action: action)])
        }
        for _ in 0..<3 { await keys.counted(try #require(store.usageNow)) }
        #expect(store.usageNow?.unknown == 2)
        #expect(told.messages.list.withLock { $0.count { $0.contains(Self.line) } } == 4)
    }

    @Test func `however many are unknown, the start says how many, and a later one is found behind them all`()
        async throws
    {
        let (clock, told) = (ManualClock(), Told())
        let store = MemoryStore(clock: clock)
        let keys = try keys(store, told)
        try await leave(0..<2_500, in: store)
        clock.advance(by: .seconds(61))
        await keys.start()
        let start = told.messages.list.withLock { $0 }
        #expect(start.first?.contains(#""unknown": 2500"#) == true, "\(start.first ?? "")")
        #expect(start.last?.contains("and at least 1980 more") == true, "\(start.last ?? "")")
        await keys.counted(try #require(store.usageNow))
        #expect(told.messages.list.withLock { $0.last?.contains("and 480 more") } == true)
        try await leave(2_500..<2_501, in: store)
        clock.advance(by: .seconds(61))
        told.messages.list.withLock { $0 = [] }
        for _ in 0..<2 { await keys.counted(try #require(store.usageNow)) }
        let later = told.messages.list.withLock { $0 }
        #expect(later.count == 1 && later[0].contains(Self.line), "\(later)")
    }

    @Test(arguments: [
        (1, #"a key in the store is unknown"#, #""unknown": 1]"#),
        (7, "keys in the store are unknown", #""unknown": 7]"#),
        (2_500, "keys in the store are unknown", #""unknownAtLeast": 2000]"#),
    ])
    func `of a store that cannot count they are counted, up to a bound that is said`(
        count: Int, words: String, figure: String
    ) async throws {
        let (clock, told) = (ManualClock(), Told())
        let store = MemoryStore(clock: clock)
        try await leave(0..<count, in: store)
        clock.advance(by: .seconds(61))
        try await keys(Uncounted(base: store), told).start()
        let first = told.messages.list.withLock { $0.first ?? "" }
        #expect(first.contains(words) && first.contains(figure), "\(first)")
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
        #expect(each.count == UnknownTeller.linesBound, "\(lines)")
        let line = try #require(each.first)
        for words in [
            "POST api.example.com/charges", "sub=ada", "gone:7", "2023-11-14T22:13:20", "0123456789abcdef",
            "0af7651916cd43dd8448eb211c80319c", "holdfast keys resolve ", "--fence 6 ",
        ] { #expect(line.contains(words), "\(words): \(line)") }
        #expect(lines.contains { $0.contains("and 5 more") })
    }
}
#endif
