#if PostgreSQL
import HoldfastIdempotency

/// The tables, and what is checked before they are used.
enum PostgresSchema {
    static let version = 4

    /// Any number will do, as long as every Holdfast takes the same.
    private static let lock = PostgresStatement("SELECT pg_advisory_xact_lock(7254912002)")

    /// The hour in which a record expires. A completion seldom changes it, so it changes no index, and the row stays where
    /// it is.
    private static let due = "due bigint GENERATED ALWAYS AS (expires / 3600000) STORED"
    /// Whether somebody waits for the end of it, and is to be told.
    private static let waited = "waited boolean NOT NULL DEFAULT false"
    /// What is said of a claim's cause, behind the claim's fence: an older Holdfast that still runs, and takes over, leaves
    /// there what belongs to the claim before. It is small and goes soon, so it lies in the row.
    private static let context = "context bytea NOT NULL DEFAULT ''"
    private static let index = "CREATE INDEX record_due ON holdfast.record (due)"

    private static let layout =
        [
            "CREATE SCHEMA IF NOT EXISTS holdfast",
            "CREATE TABLE holdfast.meta (name text PRIMARY KEY, value bytea NOT NULL)",
            // Without a cache, so that fences rise in the order in which keys are locked.
            "CREATE SEQUENCE holdfast.fence CACHE 1",
            """
            CREATE TABLE holdfast.record (
                id bytea PRIMARY KEY, fingerprint bytea NOT NULL, fence bigint NOT NULL, state smallint NOT NULL,
                lease_ends bigint NOT NULL, expires bigint NOT NULL, history text NOT NULL DEFAULT '', \(due), \(waited),
                \(context)
            ) WITH (fillfactor = 70)
            """,
            index,
            // Bodies lie apart, so that the table that every claim searches stays narrow.
            "CREATE TABLE holdfast.payload (fence bigint PRIMARY KEY, bytes bytea NOT NULL)",
        ] + counts

    /// What makes a schema of a version one of the next.
    private static let migrations = [
        1: [
            """
            ALTER TABLE holdfast.record ADD COLUMN history text NOT NULL DEFAULT '', ADD COLUMN \(due),
                ADD COLUMN \(waited)
            """,
            "DROP INDEX holdfast.record_expires", index,
        ],
        2: firstCounts,
        // Older versions name the columns before it by their places, so it is the last.
        3: ["ALTER TABLE holdfast.record ADD COLUMN \(context)", countRecords],
    ]

    /// Brings an older schema up to date, in one transaction.
    ///
    /// - Returns: The versions before and after.
    static func migrate(on connection: PostgresConnection) async throws -> (from: Int, to: Int) {
        try await connection.transaction { execute in
            _ = try await execute([lock])
            let meta = try await meta(execute)
            guard let found = meta["version"].flatMap({ Int(String(decoding: $0, as: UTF8.self)) }),
                (1...version).contains(found)
            else { throw wrongVersion(meta) }
            // However many keys there are: what a batch is held to is nothing for this.
            let settings = ["SET LOCAL statement_timeout = 0", "SET LOCAL enable_seqscan = on"]
            let steps = (settings + (found..<version).flatMap { migrations[$0] ?? [] }).map { PostgresStatement($0) }
            let write = PostgresStatement(
                "UPDATE holdfast.meta SET value = $1::bytea WHERE name = 'version'",
                ["\\x" + hex(Array("\(version)".utf8))])
            return ((found, version), steps + [write])
        }
    }

    /// Checks the server and the schema, which is laid out if there is none.
    ///
    /// - Returns: The store's secret.
    static func open(on connection: PostgresConnection) async throws -> [UInt8] {
        let settings = try await connection.send([
            PostgresStatement("SELECT current_setting('server_version_num')::int / 10000, current_setting('fsync')")
        ])
        guard let row = settings.first?.first, let major = row[0].flatMap(Int.init), let fsync = row[1] else {
            throw ClaimStoreError(.unusable, "the server does not say what it is")
        }
        guard major >= 13 else { throw ClaimStoreError(.unusable, "PostgreSQL \(major) is older than 13") }
        guard fsync == "on" else {
            throw ClaimStoreError(
                .unusable, "the server runs with fsync = \(fsync), and would forget claims in a crash")
        }
        return try await connection.transaction { execute in
            let exists = try await execute([lock, PostgresStatement("SELECT to_regclass('holdfast.meta') IS NOT NULL")])
            if exists[1].first?.first == "t" { return (try await check(execute), []) }
            let secret = StoreSecret.random().bytes
            let meta = PostgresStatement(
                "INSERT INTO holdfast.meta VALUES ('version', $1::bytea), ('secret', $2::bytea)",
                ["\\x" + hex(Array("\(version)".utf8)), "\\x" + hex(secret)])
            return (secret, layout.map { PostgresStatement($0) } + [meta])
        }
    }

    private static func check(_ execute: PostgresConnection.Execute) async throws -> [UInt8] {
        let meta = try await meta(execute)
        guard meta["version"] == Array("\(version)".utf8) else { throw wrongVersion(meta) }
        guard let secret = meta["secret"] else { throw ClaimStoreError(.unusable, "the store has lost its secret") }
        return secret
    }

    private static func meta(_ execute: PostgresConnection.Execute) async throws -> [String: [UInt8]] {
        let rows = try await execute([PostgresStatement("SELECT name, encode(value, 'hex') FROM holdfast.meta")])[0]
        return Dictionary(
            rows.compactMap { row in row[0].flatMap { name in row[1].flatMap(bytes(hex:)).map { (name, $0) } } }
        ) { $1 }
    }

    private static func wrongVersion(_ meta: [String: [UInt8]]) -> ClaimStoreError {
        let found = meta["version"].map { String(decoding: $0, as: UTF8.self) } ?? "none"
        let advice = Int(found).map { $0 < version } == true ? ": bring it up to date with 'holdfast migrate'" : ""
        return ClaimStoreError(
            .unusable, "the schema has version \(found), and this Holdfast needs \(version)\(advice)")
    }
}
#endif
