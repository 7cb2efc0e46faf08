#if PostgreSQL
import HoldfastIdempotency
import HoldfastTesting
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

    @Test func `a schema of the first version is refused until it is migrated and keeps what it holds`() async throws {
        let url = try await database()
        let store = try await PostgresStore(url: url)
        let fence = try await claimed(store)
        try await expectEqual(store.apply([complete(fence, [4, 2])]), [.done])
        let admin = try await PostgresConnection.connect(to: url)
        _ = try await admin.send([
            PostgresStatement("ALTER TABLE holdfast.record DROP COLUMN history, DROP COLUMN due, DROP COLUMN waited"),
            PostgresStatement("CREATE INDEX record_expires ON holdfast.record (expires)"),
            PostgresStatement("UPDATE holdfast.meta SET value = '1' WHERE name = 'version'"),
        ])
        let refused = await #expect(throws: ClaimStoreError.self) { _ = try await PostgresStore(url: url) }
        #expect(refused?.description.contains("holdfast migrate") == true)
        try await expectEqual(PostgresStore.migrate(url: url).from, 1)
        try await expectEqual(PostgresStore.migrate(url: url).from, 2)
        try await expectEqual(PostgresStore(url: url).apply([claim]), [.completed(payload: [4, 2])])
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
        try #expect(#require(records.usual(batch)).count == 4)
        #expect(records.usual(batch + [batch[0]]) == nil)
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
                    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
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
}
#endif
