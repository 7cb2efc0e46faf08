#if SQLite
import Foundation
import GRDB
import HoldfastIdempotency

/// The file's layout and version, and what is checked before it is used.
enum SQLiteSchema {
    /// "HOLD", so that a file of another program is recognised.
    static let applicationID: Int32 = 0x484F_4C44
    static let version: Int32 = 6

    /// Records lie in the order of their fences, which is that of their coming: so a completion finds its record among
    /// the last pages, however many there are, and only the index of identities is touched all over. A payload lies at
    /// the end of its row, and is not read where nobody asks for it; what is said of a cause lies behind it, where there is
    /// no payload yet.
    private static func records(prefix: String) -> String {
        """
        \(recordsOfThird(prefix: prefix));
        \(contexts(prefix: prefix));
        \(states(prefix: prefix));
        """
    }

    /// Records as the third version laid them out.
    private static func recordsOfThird(prefix: String) -> String {
        """
        CREATE TABLE \(prefix)record (
            fence INTEGER PRIMARY KEY NOT NULL,
            id BLOB UNIQUE NOT NULL,
            fingerprint BLOB NOT NULL,
            state INTEGER NOT NULL,
            lease_ends INTEGER NOT NULL,
            expires INTEGER NOT NULL,
            history TEXT NOT NULL,
            payload BLOB
        );
        CREATE INDEX \(prefix)record_expires ON \(prefix)record (expires)
        """
    }

    private static func contexts(prefix: String) -> String { "ALTER TABLE \(prefix)record ADD COLUMN context BLOB" }

    /// Nearly all records are completed, so the index is of the others: as small as what is in flight or unknown, and a
    /// completion takes its record out. Within a state it is in the order of fences.
    private static func states(prefix: String) -> String {
        "CREATE INDEX \(prefix)record_state ON \(prefix)record (state) WHERE state <> 1"
    }

    /// What makes tables of a version those of the next. A file is brought up to date when it is opened, in the
    /// transaction that opens it.
    private static func migration(from version: Int32, prefix: String) -> String {
        switch version {
        case 1: "ALTER TABLE \(prefix)record ADD COLUMN history TEXT NOT NULL DEFAULT ''"
        // Records lay in the order of their identities, and payloads apart.
        case 2:
            """
            ALTER TABLE \(prefix)record RENAME TO \(prefix)former;
            DROP INDEX \(prefix)record_expires;
            \(recordsOfThird(prefix: prefix));
            INSERT INTO \(prefix)record
                SELECT fence, id, fingerprint, state, lease_ends, expires, history, bytes
                FROM \(prefix)former LEFT JOIN \(prefix)payload USING (fence) ORDER BY fence;
            DROP TABLE \(prefix)former;
            DROP TABLE \(prefix)payload;
            """
        // A log could not be told from another file's.
        case 3: "INSERT OR IGNORE INTO \(prefix)meta VALUES ('epoch', 0), ('former', -1)"
        // Every record was looked at to find the few that are unknown.
        case 4: states(prefix: prefix)
        // A record did not say what it was made for.
        case 5: contexts(prefix: prefix)
        default: ""
        }
    }

    /// Brings tables of an older version up to date.
    static func migrate(_ database: Database, from found: Int32, prefix: String = "") throws {
        for step in found..<version { try database.execute(sql: migration(from: step, prefix: prefix)) }
    }

    /// Creates the file if there is none, readable for its owner alone: it holds responses.
    static func createFile(at path: String) throws(ClaimStoreError) {
        guard !FileManager.default.fileExists(atPath: path) else { return }
        guard
            FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        else {
            throw ClaimStoreError(.unusable, "cannot create the store at \(path)")
        }
    }

    /// Takes the exclusive lock, and has every commit synced. Reads back what it set: a store that is not durable is
    /// not used.
    static func secureDurability(of database: Database) throws {
        try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
        let mode = try String.fetchOne(database, sql: "PRAGMA journal_mode = WAL")
        guard mode == "wal" else {
            throw ClaimStoreError(.unusable, "the store's journal mode is \(mode ?? "unknown"), but must be wal")
        }
        try database.execute(sql: "PRAGMA synchronous = FULL")
        let synchronous = try Int.fetchOne(database, sql: "PRAGMA synchronous")
        guard synchronous == 2 else {
            throw ClaimStoreError(
                .unusable, "the store's synchronous mode is \(synchronous ?? -1), but must be 2 (FULL)")
        }
    }

    /// What a file says of itself when it is opened.
    struct Opened {
        let secret: Data
        /// The last that was granted.
        let fence: Int64
        /// Where the store's clock stood.
        let tick: StoreInstant
        let usage: ClaimUsage
    }

    /// Checks whose file it is, lays it out if it is empty, and settles what a dead process left in flight.
    ///
    /// - Parameter nextEpoch: Takes the epoch that the file says together with its log, and returns the one that it is to
    ///   say from now on.
    static func open(_ database: Database, nextEpoch: (SQLiteEpoch) throws -> SQLiteEpoch) throws -> Opened {
        var opened: Opened?
        try database.inTransaction(.immediate) {
            let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") ?? 0
            let epoch = tables == 0 ? .none : try check(database)
            // Before anything is believed.
            let next = try nextEpoch(epoch)
            if tables == 0 {
                try create(in: database)
            } else {
                try migrate(database)
                try checkPages(of: database)
            }
            let records = try SQLiteRecords(database: database)
            guard let secret = try records.secret() else {
                throw ClaimStoreError(.unusable, "the store has lost its secret")
            }
            let tick = try records.tick()
            let fence = try records.fence()
            try records.settleInFlight(at: tick)
            // The pages that this reads have just been read; payloads are not.
            let usage = try records.usage()
            // Written back, so that a file that cannot be written is noticed now.
            try records.save(fence: fence, tick: tick, epoch: next)
            opened = Opened(secret: secret, fence: fence, tick: tick, usage: usage)
            return .commit
        }
        guard let opened else { throw ClaimStoreError(.unusable, "the store could not be read") }
        return opened
    }

    private static func create(in database: Database) throws {
        try lay(in: database)
        try database.execute(sql: "PRAGMA application_id = \(applicationID)")
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }

    /// Lays out the tables.
    static func lay(in database: Database, prefix: String = "") throws {
        try database.execute(
            sql: "CREATE TABLE \(prefix)meta (name TEXT PRIMARY KEY NOT NULL, value NOT NULL) WITHOUT ROWID")
        try database.execute(sql: records(prefix: prefix))
        try database.execute(
            sql:
                "INSERT INTO \(prefix)meta VALUES ('secret', ?), ('fence', 0), ('tick', 0), ('epoch', 0), ('former', -1)",
            arguments: [Data(StoreSecret.random().bytes)])
    }

    /// Reads every page that claims are decided by, and sees that the ways to the records lead to as many: under a
    /// damaged page, a key could seem never to have been used. The pages that hold nothing but payloads are not read;
    /// whoever reads a damaged one is told. A million keys take about 0.3 s.
    private static func checkPages(of database: Database) throws {
        let ways = [
            ["NOT INDEXED WHERE state >= 0", "WHERE id >= x''", "WHERE expires >= 0"],
            ["NOT INDEXED WHERE state <> 1", "INDEXED BY record_state WHERE state <> 1"],
        ]
        for ways in ways {
            let counts = try ways.map { way in
                try Int.fetchOne(database, sql: "SELECT count(*) FROM record \(way)") ?? 0
            }
            guard Set(counts).count == 1 else {
                throw ClaimStoreError(
                    .unusable, "the file is damaged: its indexes lead to other records than its table (\(counts))")
            }
        }
    }

    /// Lays out tables in a database of the user's own, whose `user_version` is the user's, or brings them up to date.
    static func openShared(in database: Database, prefix: String) throws {
        if try !database.tableExists("\(prefix)record") { try lay(in: database, prefix: prefix) }
        // The second version, the first that had this mode, did not say which it was; payloads lay apart in it.
        let unsaid = try database.tableExists("\(prefix)payload") ? 2 : version
        let found =
            try Int32.fetchOne(database, sql: "SELECT value FROM \(prefix)meta WHERE name = 'version'") ?? unsaid
        guard (2...version).contains(found) else {
            throw ClaimStoreError(
                .unusable,
                "the tables \(prefix)… have version \(found), but this program reads versions 2 to \(version)")
        }
        try migrate(database, from: found, prefix: prefix)
        try database.execute(
            sql: "INSERT OR REPLACE INTO \(prefix)meta VALUES ('version', ?)", arguments: [version])
    }

    /// - Returns: The epoch that it says.
    private static func check(_ database: Database) throws -> SQLiteEpoch {
        let application = try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0
        guard application == applicationID else {
            throw ClaimStoreError(.unusable, "the file is a database, but not a Holdfast store")
        }
        let found = try Int32.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard (1...version).contains(found) else {
            throw ClaimStoreError(
                .unusable, "the store has version \(found), but this program reads versions 1 to \(version)")
        }
        let epoch = try Int64.fetchOne(database, sql: "SELECT value FROM meta WHERE name = 'epoch'")
        let former = try Int64.fetchOne(database, sql: "SELECT value FROM meta WHERE name = 'former'")
        return SQLiteEpoch(current: epoch ?? 0, former: former.flatMap { $0 < 0 ? nil : $0 })
    }

    private static func migrate(_ database: Database) throws {
        let found = try Int32.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard found < version else { return }
        try migrate(database, from: found)
        try database.execute(sql: "PRAGMA user_version = \(version)")
    }
}
#endif
