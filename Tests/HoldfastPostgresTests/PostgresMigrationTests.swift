#if PostgreSQL
import HoldfastIdempotency
import HoldfastTesting
import TestSupport
import Testing

@testable import HoldfastPostgres

/// A schema of an earlier version, and the gateways that still run it while it is migrated and afterwards.
@Suite(.serialized) struct PostgresMigrationTests {
    private let key = OneKey()
    private func database() async throws -> String { try await PostgresServer.shared.value.database() }

    /// What the third version and those before it send: written out, because it must go on working as it was.
    private struct Former {
        let admin: PostgresConnection

        private func number(_ sql: String, _ parameters: [String?] = []) async throws -> Int64 {
            let rows = try await admin.send([PostgresStatement(sql, parameters)])[0]
            guard let text = rows.first?.first ?? nil, let number = Int64(text) else {
                throw UnexpectedOutcome("\(rows)")
            }
            return number
        }

        /// Claims a new key.
        func claim(_ id: RecordID) async throws -> Int64 {
            try await number(
                """
                INSERT INTO holdfast.record
                SELECT id, fingerprint, fence, 0, now + lease, now + lease + retention,
                    now || E'\\tclaimed\\t' || fence || E'\\t' || '' || E'\\t' || '' || E'\\n'
                FROM (
                    SELECT *, nextval('holdfast.fence') AS fence FROM
                        (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now) AS time,
                        unnest(ARRAY[$1::bytea], ARRAY[$2::bytea], ARRAY[60000::bigint], ARRAY[600000::bigint])
                            AS asked (id, fingerprint, lease, retention)
                ) AS new
                ON CONFLICT (id) DO NOTHING RETURNING fence
                """, ["\\x\(id)", "\\x" + String(repeating: "01", count: 32)])
        }

        /// Completes what is in flight.
        func complete(_ id: RecordID, _ fence: Int64) async throws {
            _ = try await number(
                """
                WITH completed AS (
                    UPDATE holdfast.record SET state = 1, expires = lease_ends + 600000
                    FROM unnest(ARRAY[$1::bytea], ARRAY[$2::bigint], ARRAY['\\x01'::bytea]) AS asked (id, fence, payload)
                    WHERE record.id = asked.id AND record.fence = asked.fence AND state = 0
                    RETURNING record.id, record.fence, payload
                ), kept AS (INSERT INTO holdfast.payload SELECT fence, payload FROM completed)
                SELECT count(*) FROM completed
                """, ["\\x\(id)", "\(fence)"])
        }

        /// What the machine decides: here, that a record stands so from now on, maybe under another fence.
        func put(_ id: RecordID, _ fence: Int64, state: Int) async throws {
            _ = try await admin.send([
                PostgresStatement(
                    """
                    INSERT INTO holdfast.record
                    SELECT * FROM unnest(
                        $1::bytea[], $2::bytea[], $3::bigint[], $4::smallint[], $5::bigint[], $6::bigint[], $7::text[])
                    ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, fence = excluded.fence,
                        state = excluded.state, lease_ends = excluded.lease_ends, expires = excluded.expires,
                        history = excluded.history
                    """,
                    [
                        array([bytea(id.bytes)]), array([bytea([UInt8](repeating: 1, count: 32))]),
                        array(["\(fence)"]), array(["\(state)"]), array(["0"]), array(["9000000000000"]),
                        array([quoted("1\tabandoned\t\(fence)\t\t\n")]),
                    ])
            ])
        }

        /// Brings a schema back to an earlier version.
        func age(to version: Int) async throws {
            var steps = ["ALTER TABLE holdfast.record DROP COLUMN context"]
            if version < 3 {
                steps += [
                    "DROP FUNCTION holdfast.count_records() CASCADE", "DROP FUNCTION holdfast.count_payloads() CASCADE",
                    "DROP TABLE holdfast.unsettled", "DROP TABLE holdfast.tally",
                ]
            } else {
                // Its triggers knew of no cause.
                steps.append(PostgresSchema.countRecords.replacing("greatest(octet_length(context) - 8, 0)", with: "0"))
            }
            if version < 2 {
                steps += [
                    "ALTER TABLE holdfast.record DROP COLUMN history, DROP COLUMN due, DROP COLUMN waited",
                    "CREATE INDEX record_expires ON holdfast.record (expires)",
                ]
            }
            steps.append("UPDATE holdfast.meta SET value = '\(version)' WHERE name = 'version'")
            _ = try await admin.send(steps.map { PostgresStatement($0) })
        }
    }

    @Test(arguments: [2, 3])
    func `a schema is migrated while its gateways go on, and is counted from then on`(version: Int) async throws {
        let url = try await database()
        let ids = (0..<4).map { RecordID(bytes: [UInt8($0)]) }
        _ = try await PostgresStore(url: url)
        let former = Former(admin: try await PostgresConnection.connect(to: url))
        try await former.age(to: version)
        var fences: [Int64] = []
        for id in ids { fences.append(try await former.claim(id)) }
        try await former.complete(ids[0], fences[0])
        try await former.put(ids[1], fences[1], state: 3)
        let refused = await #expect(throws: ClaimStoreError.self) { _ = try await PostgresStore(url: url) }
        #expect(refused?.description.contains("holdfast migrate") == true)
        let migrated = try await PostgresStore.migrate(url: url)
        #expect(migrated == (version, 4))
        let store = try await PostgresStore(url: url)
        try await expectEqual(store.usage(), ClaimUsage(keys: 4, bytes: 1, unknown: 1))
        // The old ones do not know of it, and are counted all the same.
        try await former.put(ids[2], fences[2], state: 3)
        try await former.complete(ids[3], fences[3])
        fences.append(try await former.claim(RecordID(bytes: [9])))
        try await expectEqual(store.usage(), ClaimUsage(keys: 5, bytes: 2, unknown: 2))
        let unknown = try await store.summaries(standing: .unknown, after: nil, atMost: 10).summaries
        #expect(unknown.map(\.fence) == Array(fences[1...2]))
        #expect(unknown.allSatisfy { $0.context.isEmpty })
    }

    @Test func `what an older gateway takes over is not told with the cause of the claim before`() async throws {
        let url = try await database()
        let store = try await PostgresStore(url: url)
        let former = Former(admin: try await PostgresConnection.connect(to: url))
        let claim = ClaimCommand.Action.claim(
            fingerprint: Fingerprint(bytes: [UInt8](repeating: 1, count: 32)), lease: .seconds(60),
            retention: .seconds(600), context: [1, 2, 3])
        guard case .claimed(let fence)? = try await store.apply([ClaimCommand(id: key.id, action: claim)]).first else {
            throw UnexpectedOutcome("no claim")
        }
        // Abandoned by an older one, it is still what this claim was made for.
        try await former.put(key.id, fence, state: 3)
        try await expectEqual(store.summary(of: key.id)?.context, [1, 2, 3])
        try await former.put(key.id, fence + 1, state: 3)
        try await expectEqual(store.summary(of: key.id)?.context, [])
        guard
            case .claimed(let again)? = try await store.apply([
                ClaimCommand(id: RecordID(bytes: [5]), action: claim)
            ]).first
        else { throw UnexpectedOutcome("no claim") }
        try await former.complete(RecordID(bytes: [5]), again)
        let completed = try #require(try await store.summary(of: RecordID(bytes: [5])))
        #expect(completed.state == .completed && completed.context.isEmpty)
    }

    @Test func `a schema of the first version is refused until it is migrated and keeps what it holds`() async throws {
        let url = try await database()
        let store = try await PostgresStore(url: url)
        let fence = try await key.claimed(store)
        try await expectEqual(store.apply([key.complete(fence, [4, 2])]), [.done])
        try await Former(admin: try await PostgresConnection.connect(to: url)).age(to: 1)
        let refused = await #expect(throws: ClaimStoreError.self) { _ = try await PostgresStore(url: url) }
        #expect(refused?.description.contains("holdfast migrate") == true)
        for from in [1, 4] { try await expectEqual(PostgresStore.migrate(url: url).from, from) }
        try await expectEqual(PostgresStore(url: url).apply([key.claim]), [.completed(payload: [4, 2])])
    }
}
#endif
