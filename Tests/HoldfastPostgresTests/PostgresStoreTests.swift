#if PostgreSQL
import HoldfastIdempotency
import HoldfastIdempotencyTesting
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import HoldfastPostgres

@Suite(.serialized) struct PostgresStoreTests {
    private let key = OneKey()
    private var claim: ClaimCommand { key.claim }
    private func complete(_ fence: Int64, _ payload: [UInt8]?) -> ClaimCommand { key.complete(fence, payload) }
    private func claimed(_ store: PostgresStore) async throws -> Int64 { try await key.claimed(store) }

    private func database() async throws -> String { try await PostgresServer.shared.value.database() }

    @Test(arguments: ClaimStoreConformance.checks)
    func `it is a store as all are`(check: ClaimStoreConformance.Check) async throws {
        let url = try await database()
        let admin = try await PostgresConnection.connect(to: url)
        _ = try await admin.send([
            PostgresStatement("CREATE TABLE skew (by interval)"), PostgresStatement("INSERT INTO skew VALUES ('0')"),
        ])
        // The server's own clock, and what the test has let pass.
        let records = PostgresRecords(clock: "clock_timestamp() + (SELECT by FROM skew)")
        let store = try await PostgresStore(url: url, records: records)
        try await check.run(on: store, lease: .seconds(30)) { duration in
            let milliseconds = duration / .milliseconds(1)
            _ = try await admin.send([
                PostgresStatement("UPDATE skew SET by = by + $1::interval", ["\(milliseconds) milliseconds"])
            ])
        }
    }

    @Test func `what several hold on one database is counted for all of them, whoever writes it`() async throws {
        let url = try await database()
        let (here, there) = (try await PostgresStore(url: url), try await PostgresStore(url: url))
        try await expectEqual(here.usage(), ClaimUsage())
        for number: UInt8 in 0..<50 {
            let id = RecordID(bytes: [number])
            let store = number.isMultiple(of: 3) ? here : there
            guard case .claimed(let fence)? = try await store.apply([ClaimCommand(id: id, action: claim.action)]).first
            else { throw UnexpectedOutcome("no claim") }
            // Large ones lie apart from their rows.
            let payload = (0..<(number.isMultiple(of: 2) ? 200 : 9_800)).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            _ = try await store.apply([ClaimCommand(id: id, action: complete(fence, payload).action)])
        }
        for store in [here, there, here] {
            try await expectEqual(store.usage(), ClaimUsage(keys: 50, bytes: 250_000))
        }
        // An operator at the database.
        let admin = try await PostgresConnection.connect(to: url)
        _ = try await admin.send([
            PostgresStatement("DELETE FROM holdfast.payload WHERE fence <= 10"),
            PostgresStatement("DELETE FROM holdfast.record WHERE fence <= 10"),
        ])
        try await expectEqual(there.usage(), ClaimUsage(keys: 40, bytes: 200_000))
        let rows = try await admin.send([PostgresStatement("SELECT count(*) FROM holdfast.tally")])[0]
        #expect(rows == [["1"]])
    }

    @Test func `operators' questions read no table whole`() async throws {
        let url = try await database()
        let store = try await PostgresStore(url: url)
        _ = try await claimed(store)
        let admin = try await PostgresConnection.connect(to: url)
        let records = PostgresRecords()
        let statements =
            [ClaimSummary.State.unknown, .inFlight, .notKept, .released].flatMap {
                records.summaries(standing: $0, after: 0, atMost: 10)
            } + [PostgresUsage.lapsed(by: records.now)]
        for statement in statements {
            let plan = try await admin.transaction(of: [
                PostgresStatement("EXPLAIN \(statement.sql)", statement.parameters)
            ])[0]
            let text = plan.compactMap { $0.first.flatMap { $0 } }.joined(separator: "\n")
            #expect(!text.contains("Seq Scan"), "\(text)")
        }
    }

    @Test func `two stores on one database share their keys and their secret`() async throws {
        let url = try await database()
        let (here, there) = (try await PostgresStore(url: url), try await PostgresStore(url: url))
        try await expectEqual(here.secret().bytes, there.secret().bytes)
        let fence = try await claimed(here)
        try await expectEqual(there.apply([claim]), [.inFlight])
        try await expectEqual(here.apply([complete(fence, [1, 0, 255])]), [.done])
        try await expectEqual(there.apply([claim]), [.completed(payload: [1, 0, 255])])
    }

    @Test func `of many processes that claim one key at the same moment one wins`() async throws {
        let url = try await database()
        var stores: [PostgresStore] = []
        for _ in 0..<6 { stores.append(try await PostgresStore(url: url, connections: 4)) }
        for round in 0..<20 {
            let id = RecordID(bytes: [UInt8](repeating: UInt8(round), count: 32))
            let command = ClaimCommand(id: id, action: claim.action)
            let wins = try await withThrowingTaskGroup(of: Int.self) { group in
                for store in stores {
                    for _ in 0..<4 {
                        group.addTask {
                            if case .claimed = try await store.apply([command]).first { 1 } else { 0 }
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(wins == 1)
        }
    }

    @Test func `what was acknowledged survives the server's crash and the store connects again`() async throws {
        let server = try await PostgresServer.start()
        let store = try await PostgresStore(url: server.database())
        let fence = try await claimed(store)
        try await expectEqual(store.apply([complete(fence, [42])]), [.done])
        try await server.crash()
        // The connections that were open are dead: each is found out once, and replaced.
        var replies: [ClaimReply]?
        for _ in 0..<8 where replies == nil { replies = try? await store.apply([claim]) }
        #expect(replies == [.completed(payload: [42])])
    }

    @Test(.timeLimit(.minutes(1)))
    func `a server that does not answer at all is given up, and is connected to again when it does`() async throws {
        let server = try await PostgresServer.start()
        let url = try await server.database()
        let fence = try await claimed(PostgresStore(url: url))
        let store = try await PostgresStore(
            url: url, connections: 1, records: PostgresRecords(), patience: .milliseconds(1_500))
        try await expectEqual(store.apply([claim]), [.inFlight])
        try await server.hold(true)
        let error = await #expect(throws: ClaimStoreError.self) { try await store.apply([complete(fence, [42])]) }
        #expect(error?.code == .failed && error?.isAnswerLost == true)
        #expect(error?.description.contains("did not answer within 1.5 seconds") == true)
        try await server.hold(false)
        try await expectEqual(store.apply([complete(fence, [42]), claim]).last, .completed(payload: [42]))
    }

    @Test func `a claim and the user's writes are one transaction`() async throws {
        let url = try await database()
        let (store, user) = (try await PostgresStore(url: url), try await PostgresConnection.connect(to: url))
        _ = try await user.send([PostgresStatement("CREATE TABLE charge (amount int)")])
        func execute(_ sql: String, _ parameters: [String?] = []) async throws -> PostgresRows {
            try await user.send([PostgresStatement(sql, parameters)])[0]
        }
        func charge() async throws -> ClaimReply {
            let reply = try await store.apply([claim], within: { try await execute($0, $1) })[0]
            guard case .claimed(let fence) = reply else { return reply }
            _ = try await execute("INSERT INTO charge VALUES (1000)")
            return try await store.apply([complete(fence, [1])], within: { try await execute($0, $1) })[0]
        }
        _ = try await execute("BEGIN")
        try await expectEqual(charge(), .done)
        _ = try await execute("ROLLBACK")
        try await expectEqual(execute("SELECT count(*) FROM charge")[0], ["0"])
        for expected in [ClaimReply.done, .completed(payload: [1])] {
            _ = try await execute("BEGIN")
            try await expectEqual(charge(), expected)
            _ = try await execute("COMMIT")
        }
        try await expectEqual(execute("SELECT count(*) FROM charge")[0], ["1"])
    }

    @Test func `a schema of another version is refused and so is a server that is not there`() async throws {
        let url = try await database()
        _ = try await PostgresStore(url: url)
        let admin = try await PostgresConnection.connect(to: url)
        _ = try await admin.send([PostgresStatement("UPDATE holdfast.meta SET value = '9' WHERE name = 'version'")])
        let other = await #expect(throws: ClaimStoreError.self) { _ = try await PostgresStore(url: url) }
        #expect(other?.description.contains("version 9") == true)
        let nowhere = await #expect(throws: ClaimStoreError.self) {
            _ = try await PostgresStore(url: "postgres://postgres@/x?host=/nowhere")
        }
        #expect(nowhere?.code == .unusable)
        let nonsense = await #expect(throws: ClaimStoreError.self) { _ = try await PostgresStore(url: "postgres://[") }
        #expect(nonsense?.code == .unusable)
    }

    @Test func `a batch of new keys and completions is one round trip and a repeat among them is answered`()
        async throws
    {
        let store = try await PostgresStore(url: database(), connections: 1)
        let ids = (0..<4).map { RecordID(bytes: [9, UInt8($0)]) }
        let claims = ids.map { ClaimCommand(id: $0, action: claim.action) }
        let fences = try await store.apply(claims).map { reply -> Int64 in
            guard case .claimed(let fence) = reply else { throw UnexpectedOutcome("\(reply)") }
            return fence
        }
        #expect(Set(fences).count == 4)
        let retention = Duration.seconds(100)
        let batch = [
            ClaimCommand(id: ids[0], action: .complete(fence: fences[0], payload: [1], retention: retention)),
            ClaimCommand(id: ids[1], action: .complete(fence: fences[1] + 100, payload: [1], retention: retention)),
            ClaimCommand(id: ids[2], action: .release(fence: fences[2])),
            ClaimCommand(id: ids[3], action: claim.action),
        ]
        let records = PostgresRecords()
        #expect(records.usual(in: batch) == [0, 1, 2, 3])
        #expect(records.statements(for: batch).count == 4)
        // A key that is named twice, and what is not one of the three, are the machine's; the others stay as usual.
        #expect(records.usual(in: batch + [batch[0]]) == [1, 2, 3])
        let renewal = ClaimCommand(id: RecordID(bytes: [8]), action: .renew(fence: 1, lease: .seconds(1)))
        #expect(records.usual(in: [renewal] + batch) == [1, 2, 3, 4])
        try await expectEqual(store.apply(batch), [.done, .stale, .done, .inFlight])
    }

    @Test(arguments: ClaimStoreConformance.checks.filter { !$0.description.contains("lease that") })
    func `behind PgBouncer in transaction mode it is a store as all are`(check: ClaimStoreConformance.Check)
        async throws
    {
        // Its server runs on the real clock: what needs time to pass is checked without PgBouncer.
        let store = try await PostgresStore(url: Self.bouncer.value)
        struct NeedsTime: Error {}
        do { try await check.run(on: store, lease: .seconds(30)) { _ in throw NeedsTime() } } catch is NeedsTime {}
    }

    private static let bouncer = Task { try await PostgresServer.shared.value.bouncer() }

    @Test func `TLS is spoken and the server's certificate is checked`() async throws {
        let server = try await PostgresServer.start()
        let (port, certificate) = try await server.speakTLS()
        let url = "postgres://postgres@localhost:\(port)/postgres"
        let store = try await PostgresStore(url: "\(url)?sslmode=verify-full&sslrootcert=\(certificate)")
        _ = try await claimed(store)
        let byAddress = await #expect(throws: ClaimStoreError.self) {
            _ = try await PostgresStore(
                url: "postgres://postgres@127.0.0.1:\(port)/postgres?sslmode=verify-full&sslrootcert=\(certificate)")
        }
        #expect(byAddress?.code == .unusable)
        let distrusted = await #expect(throws: ClaimStoreError.self) {
            _ = try await PostgresStore(
                url: "\(url)?sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt")
        }
        #expect(distrusted?.description.contains("certificate") == true)
    }

    @Test(.timeLimit(.minutes(1)))
    func `who waits in another process is told of the end`() async throws {
        let url = try await database()
        let admin = try await PostgresConnection.connect(to: url)
        try await AcrossProcesses.check(here: PostgresStore(url: url), there: PostgresStore(url: url)) {
            let rows = try await admin.send([
                PostgresStatement(
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%' "
                        // As the pool's connections are, it is made with bounds on silence.
                        + "AND application_name = 'holdfast'")
            ])
            return !rows[0].isEmpty
        }
    }

    @Test func `a transaction that fails leaves the connection usable`() async throws {
        let url = try await database()
        let store = try await PostgresStore(url: url, connections: 1)
        let admin = try await PostgresConnection.connect(to: url)
        _ = try await admin.send([PostgresStatement("ALTER TABLE holdfast.record RENAME TO away")])
        await #expect(throws: ClaimStoreError.self) { try await store.apply([claim]) }
        _ = try await admin.send([PostgresStatement("ALTER TABLE holdfast.away RENAME TO record")])
        _ = try await claimed(store)
    }

    @Test(arguments: [
        // The next transaction is on a connection that has never heard of the statement, or on one that knows it already.
        "DEALLOCATE ALL", "PREPARE %@ AS SELECT 2",
    ])
    func `a server that does not keep statements as they were carries them out all the same`(
        meanwhile: String
    ) async throws {
        let connection = try await PostgresConnection.connect(to: try await database())
        let kept = PostgresStatement("SELECT $1::int + 1", ["41"], isKept: true)
        if meanwhile.hasPrefix("DEALLOCATE") {
            try await expectEqual(connection.transaction(of: [kept]), [[["42"]]])
        }
        _ = try await connection.send([PostgresStatement(meanwhile.replacing("%@", with: kept.name))])
        for _ in 0..<2 { try await expectEqual(connection.transaction(of: [kept]), [[["42"]]]) }
    }

    @Test func `a key that somebody keeps locked fails alone and is waited for once`() async throws {
        let url = try await database()
        let store = try await PostgresStore(url: url, connections: 1, clock: ManualClock())
        let user = try await PostgresConnection.connect(to: url)
        _ = try await user.send([PostgresStatement("BEGIN")])
        let reply = try await store.apply([claim]) { sql, parameters in
            try await user.send([PostgresStatement(sql, parameters)])[0]
        }[0]
        guard case .claimed = reply else { throw UnexpectedOutcome("\(reply)") }
        let ids = (0..<4).map { RecordID(bytes: [9, UInt8($0)]) }
        func ask(_ more: [RecordID]) async -> [Result<ClaimReply, ClaimStoreError>] {
            await store.results(of: [claim] + more.map { ClaimCommand(id: $0, action: claim.action) })
        }
        let first = await ask(Array(ids[..<2]))
        #expect(throws: ClaimStoreError.self) { try first[0].get() }
        for result in first[1...] {
            guard case .success(.claimed) = result else { throw UnexpectedOutcome("\(result)") }
        }
        // From now on nobody waits: whoever is held up by the lock would be seen to wait for it.
        #expect(store.held.withLock { $0.contains(key.id.lockKey, at: store.clock.now) })
        for result in await ask(Array(ids[2...]))[1...] {
            guard case .success(.claimed) = result else { throw UnexpectedOutcome("\(result)") }
        }
        _ = try await user.send([PostgresStatement("COMMIT")])
        try await expectEqual(store.apply([claim]), [.inFlight])
        #expect(store.held.withLock { !$0.contains(key.id.lockKey, at: store.clock.now) })
    }

    @Test func `a lock that is held is not waited for again until ten seconds are over`() {
        let clock = ManualClock()
        var held = HeldKeys()
        held.note(held: [1, 2], free: [], at: clock.now)
        held.note(held: [], free: [2], at: clock.now)
        #expect(held.contains(1, at: clock.now) && !held.contains(2, at: clock.now))
        clock.advance(by: HeldKeys.memory)
        #expect(!held.contains(1, at: clock.now))
        for key in 0..<Int64(3 * HeldKeys.bound) { held.note(held: [key], free: [], at: clock.now) }
        let count = (0..<Int64(3 * HeldKeys.bound)).count { held.contains($0, at: clock.now) }
        #expect(count > 0 && count <= HeldKeys.bound)
    }

    @Test func `each transaction has its bounds and commits durably whatever the database's defaults`() async throws {
        let url = try await database()
        let admin = try await PostgresConnection.connect(to: url)
        let name = try await admin.send([PostgresStatement("SELECT current_database()")])[0][0][0] ?? ""
        for setting in [
            "synchronous_commit = off", "lock_timeout = 0", "statement_timeout = 0",
            "idle_in_transaction_session_timeout = 0",
        ] { _ = try await admin.send([PostgresStatement("ALTER DATABASE \(name) SET \(setting)")]) }
        let connection = try await PostgresConnection.connect(to: url)
        let ask = PostgresStatement(
            """
            SELECT current_setting('synchronous_commit'), current_setting('lock_timeout'),
                current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout')
            """)
        let bounds: [String?] = ["on", "2s", "10s", "5s"]
        try await expectEqual(connection.send([ask])[0], [["off", "0", "0", "0"]])
        try await expectEqual(connection.transaction(of: [ask])[0], [bounds])
        try await expectEqual(connection.transaction { (try await $0([ask])[0], []) }, [bounds])
    }

    @Test func `a server that does not sync is refused`() async throws {
        let server = try await PostgresServer.start("-c fsync=off")
        let error = await #expect(throws: ClaimStoreError.self) { _ = try await PostgresStore(url: server.database()) }
        #expect(error?.code == .unusable && error?.description.contains("fsync = off") == true)
    }

    @Test func `without libpq the error says what to install`() {
        let error = #expect(throws: LibPQ.Missing.self) { _ = try LibPQ(names: ["libpq.so.nowhere"]) }
        #expect(error?.description.contains("libpq.so.nowhere") == true)
        #expect(error?.description.contains("apt install libpq5") == true)
    }

    @Test func `a library without libpq's functions is refused by the name of the first`() {
        #if canImport(Darwin)
        let other = "libSystem.B.dylib"
        #else
        let other = "libc.so.6"
        #endif
        let error = #expect(throws: LibPQ.Missing.self) { _ = try LibPQ(names: ["libpq.so.nowhere", other]) }
        #expect(error?.description.contains("PQconnectdbParams") == true)
    }

    @Test func `while the server cannot be reached a breaker answers`() async throws {
        let clock = ManualClock()
        let pool = try PostgresPool(url: "postgres://postgres@/x?host=/nowhere", size: 1, patience: nil, clock: clock)
        func ask() async throws -> String {
            let error = await #expect(throws: ClaimStoreError.self) { try await pool.use { _ in } }
            return error?.description ?? ""
        }
        for _ in 0..<3 { #expect(try await ask().contains("/nowhere")) }
        #expect(try await !ask().contains("/nowhere"))
        clock.advance(by: .seconds(1))
        #expect(try await ask().contains("/nowhere"))
    }

    @Test(arguments: [
        "postgres://ada:s3cret%zz@127.0.0.1:1/x", "postgres://ada:%s3cret@127.0.0.1:1/x",
        "postgres://ada:9/s3cret@127.0.0.1:1/x", "postgres://ada:9?s3cret@127.0.0.1:1/x", "postgres://ada:s3cret/x",
        "postgres://ada:p@s3cret@127.0.0.1:1/x",
        "postgres://[s3cret", "postgres://ada:a[s3cret@127.0.0.1:1/x", "postgres://ada@127.0.0.1:1/x?s3cret=1",
        "postgres://ada:1#s3cret@127.0.0.1:1/x", "postgres://ada:s3cret@[::1/x",
    ])
    func `a password is never quoted however it is spelled`(url: String) async throws {
        let error = await #expect(throws: ClaimStoreError.self) { _ = try await PostgresStore(url: url) }
        #expect(error?.code == .unusable)
        #expect(error?.description.contains("s3cret") == false, "\(String(describing: error))")
    }
}
#endif
