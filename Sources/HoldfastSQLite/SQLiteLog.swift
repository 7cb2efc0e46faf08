#if SQLite
import Foundation
import GRDB
import GRDBSQLite
import HoldfastIdempotency

/// The log of an open store: when it is copied into the file, by whom it is known, and that a commit is in it before
/// anybody is told of it. For whoever has the connection.
final class SQLiteLog {
    /// So many frames are copied at once, as SQLite does it by itself: about 4 MiB.
    static let copyBound = 1_000
    /// What the log falls back to when it is begun anew after a large commit: what many small ones need, with the largest
    /// batch on top, so that in calm times it is written over and not cut and grown again, which costs a sync more.
    static let sizeBound = 16 << 20

    /// The one that the last commit has said.
    private(set) var epoch: SQLiteEpoch
    private var isCopied = false
    private let frames = Frames()
    private let pageSize: Int
    private var files: SQLiteFiles?

    /// How many frames the log has. SQLite tells it within each commit.
    private final class Frames {
        var count = 0
    }

    /// Takes over from SQLite when the log is copied.
    init(of database: Database, epoch: SQLiteEpoch) throws {
        self.epoch = epoch
        pageSize = try Int.fetchOne(database, sql: "PRAGMA page_size") ?? 4_096
        try database.execute(sql: "PRAGMA journal_size_limit = \(Self.sizeBound)")
        // The one who is called lives as long as this does, and nothing is committed later.
        sqlite3_wal_hook(
            database.sqliteConnection,
            { context, _, _, frames in
                context.map { Unmanaged<Frames>.fromOpaque($0).takeUnretainedValue().count = Int(frames) }
                return SQLITE_OK
            }, Unmanaged.passUnretained(frames).toOpaque())
    }

    /// Looks at the files from now on. The log has just been copied for the first time.
    func watch(path: String, logPath: String) throws { files = try SQLiteFiles(path: path, logPath: logPath) }

    /// The epoch that the next commit is to say: another than the last one's, if the log is to be copied after it, or if
    /// the copy is done.
    func nextEpoch() -> SQLiteEpoch {
        if epoch.former != nil { return isCopied ? SQLiteEpoch(current: epoch.current) : epoch }
        guard frames.count >= Self.copyBound else { return epoch }
        return SQLiteEpoch(current: .random(in: 1 ... .max), former: epoch.current)
    }

    /// A commit was made. Nobody must be told of it if this throws.
    ///
    /// - Throws: ``SQLiteFileMachine/Change``; what SQLite throws when the log cannot be copied.
    func committed(_ next: SQLiteEpoch, in database: Database) throws {
        if next.former != epoch.former { isCopied = false }
        epoch = next
        try files?.check(frames: frames.count, pageSize: pageSize)
        if epoch.former != nil, !isCopied { try copy(in: database) }
    }

    private func copy(in database: Database) throws {
        var (all, copied): (Int32, Int32) = (0, 0)
        let code = sqlite3_wal_checkpoint_v2(
            database.sqliteConnection, "main", SQLITE_CHECKPOINT_PASSIVE, &all, &copied)
        switch code & 0xFF {
        case SQLITE_OK: isCopied = all == copied
        // There is no room for it now. The log keeps what it has, and the next commit tries again.
        case SQLITE_FULL, SQLITE_BUSY: isCopied = false
        default: throw DatabaseError(resultCode: ResultCode(rawValue: code), message: database.lastErrorMessage)
        }
        try files?.copied(isWhole: isCopied)
    }

    /// What has happened to the files since the last commit; nil, if nothing has.
    func change() -> SQLiteFileMachine.Change? {
        do {
            try files?.check(frames: frames.count, pageSize: pageSize)
            return nil
        } catch { return error as? SQLiteFileMachine.Change }
    }

    // MARK: What the file says without its log

    /// Reads the epoch that the file alone says. Whoever copies into the file at this moment must be the caller.
    ///
    /// - Returns: nil, if it cannot be read so, as after a crash in the midst of a copy.
    /// - Throws: `SQLITE_NOTADB`, when the file is none of SQLite's. No crash leaves it so.
    static func epoch(ofFileAlone path: String) throws -> SQLiteEpoch? {
        let unreserved = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/".utf8)
        let location = path.utf8.map { byte in
            unreserved.contains(byte) ? String(Unicode.Scalar(byte)) : "%" + hex([byte])
        }.joined()
        var connection: OpaquePointer?
        defer { sqlite3_close(connection) }
        // Immutable: SQLite looks for no log, and takes no lock.
        let flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
        guard sqlite3_open_v2("file:\(location)?immutable=1", &connection, flags, nil) == SQLITE_OK else { return nil }
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        let sql = "SELECT name, value FROM meta WHERE name IN ('epoch', 'former')"
        switch sqlite3_prepare_v2(connection, sql, -1, &statement, nil) {
        case SQLITE_OK: break
        // There is no such table before the first copy.
        case SQLITE_ERROR: return SQLiteEpoch.none
        case SQLITE_NOTADB: throw DatabaseError(resultCode: .SQLITE_NOTADB, message: "the file is no database any more")
        default: return nil
        }
        var epoch = SQLiteEpoch.none
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW:
                let value = sqlite3_column_int64(statement, 1)
                if String(cString: sqlite3_column_text(statement, 0)) == "epoch" {
                    epoch.current = value
                } else {
                    epoch.former = value < 0 ? nil : value
                }
            case SQLITE_DONE: return epoch
            default: return nil
            }
        }
    }
}
#endif
