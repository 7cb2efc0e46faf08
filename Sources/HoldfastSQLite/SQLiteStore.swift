#if SQLite
import Foundation
import GRDB
import GRDBSQLite
public import Holdfast
public import HoldfastIdempotency
import Synchronization

/// Keeps records in one SQLite file, durable when a call returns: the store of a single gateway or service.
///
/// One connection writes, reads and checkpoints, and holds the file under an exclusive lock for as long as it is open.
/// A second process that opens the same file is refused. So whatever is found in flight when the file is opened
/// belongs to a process that is dead, and becomes unknown at once.
///
/// Every commit is synced before it is acknowledged (`synchronous=FULL`, read back when the store is opened).
///
/// What has expired is forgotten by `IdempotencyEngine.keepReaping`, which somebody has to run beside the service.
public final class SQLiteStore: ClaimStore {
    /// The file.
    public let path: String

    public var executor: (any TaskExecutor)? { thread }

    private let thread = SQLiteThread()
    private let queue: DatabaseQueue
    private let session: Session
    private let clock: SQLiteStoreClock
    private let hashingSecret: StoreSecret
    /// What was lost, and accepted, when it was opened.
    let losses: [String]
    private let state = Mutex(State())

    private struct State {
        /// Set when a write failed in a way after which nothing that the connection says can be relied on.
        var failure: ClaimStoreError?
        var isClosed = false
    }

    /// Opens the store, and creates it if the file does not exist.
    ///
    /// - Throws: `ClaimStoreError` with the code `unusable` when the file cannot be opened, is held by another
    ///   process, is read-only, is not a store of this version, is not synced as it must be, or is not all that was
    ///   acknowledged: see ``recover(path:)``.
    public convenience init(path: String, clock: any TimeSource = MonotonicClock()) throws(ClaimStoreError) {
        try self.init(path: path, clock: clock, acceptsLoss: false)
    }

    init(
        path: String, clock: any TimeSource = MonotonicClock(), acceptsLoss: Bool
    ) throws(ClaimStoreError) {
        self.path = path
        var opening = Opening(path: path, acceptsLoss: acceptsLoss)
        var held: DatabaseQueue?
        do {
            try opening.lookAtNames()
            try SQLiteSchema.createFile(at: path)
            var configuration = GRDB.Configuration()
            configuration.label = "holdfast.sqlite"
            // A predecessor that is being replaced may still be closing.
            configuration.busyMode = .timeout(2)
            // Before anything is read, so that there is no index of the log in a third file, and nobody else reads.
            configuration.prepareDatabase { try $0.execute(sql: "PRAGMA locking_mode = EXCLUSIVE") }
            queue = try DatabaseQueue(path: path, configuration: configuration)
            held = queue
            let (opened, session) = try queue.writeWithoutTransaction { database in
                try SQLiteSchema.secureDurability(of: database)
                return try Self.open(database, &opening)
            }
            self.session = session
            hashingSecret = try StoreSecret(bytes: Array(opened.secret))
            self.clock = SQLiteStoreClock(resumingAt: opened.tick, on: clock)
            losses = opening.losses
            opening.accepted()
        } catch {
            if opening.mustNotClose, let held { Self.leave(held) }
            throw Self.refusal(of: path, because: error)
        }
    }

    /// Looks at what there is, and takes it over.
    private static func open(
        _ database: Database, _ opening: inout Opening
    ) throws -> (SQLiteSchema.Opened, Session) {
        guard let name = sqlite3_db_filename(database.sqliteConnection, "main") else {
            throw ClaimStoreError(.unusable, "the store at \(opening.path) is no file")
        }
        let file = String(cString: name)
        let isLog = try opening.lookAtLog(file + "-wal")
        let alone = isLog ? try opening.lookAtFile { try SQLiteLog.epoch(ofFileAlone: file) } : nil
        var next = SQLiteEpoch.none
        let opened = try SQLiteSchema.open(database) { found in
            try opening.look(at: found, isLog: isLog, file: alone)
            next = SQLiteEpoch(current: .random(in: 1 ... .max), former: found.current)
            return next
        }
        let log = try SQLiteLog(of: database, epoch: next)
        try log.committed(next, in: database)
        try log.watch(path: opening.path, logPath: file + "-wal")
        let session = Session(try SQLiteRecords(database: database), fence: opened.fence, usage: opened.usage, log: log)
        // The file has what it needs. The log, from now on, is what a store cannot do without.
        try session.write(in: database, at: opened.tick) {}
        return (opened, session)
    }

    private static func refusal(of path: String, because error: any Error) -> ClaimStoreError {
        switch error {
        case let error as ClaimStoreError: error
        case let error as DatabaseError where [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode):
            ClaimStoreError(
                .unusable,
                "the store at \(path) is damaged: restore it from a copy, or begin a new one (\(error.reason))")
        case let error as DatabaseError where error.resultCode == .SQLITE_BUSY:
            ClaimStoreError(.unusable, "another process holds the store at \(path)")
        case let error as DatabaseError:
            ClaimStoreError(.unusable, "cannot open the store at \(path): \(error.reason)")
        case let change as SQLiteFileMachine.Change:
            ClaimStoreError(.unusable, "cannot open the store at \(path): \(change.rawValue)")
        default: ClaimStoreError(.unusable, "cannot open the store at \(path): \(error)")
        }
    }

    /// Never closes a connection: closing copies its log into what is at the path now, and deletes what is called the log.
    /// When the process ends, the system lets go of it.
    private static func leave(_ queue: DatabaseQueue) { _ = Unmanaged.passRetained(queue) }

    deinit { try? close() }

    public func secret() async throws -> StoreSecret { hashingSecret }

    public func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
        try await use { [clock] session, database in try session.apply(batch, at: clock.now, in: database) }
    }

    public func reap(atMost count: Int) async throws -> Int {
        try await use { [clock] session, database in
            try session.reap(atMost: count, at: clock.now, in: database)
        }
    }

    /// Counted when the file is opened, and with each commit since: it is always right.
    public func usage() async throws -> ClaimUsage? {
        try await use { [clock] session, _ in try session.usage(at: clock.now) }
    }

    public func summary(of id: RecordID) async throws -> ClaimSummary? {
        try await use { [clock] session, _ in try session.open().summary(of: id, at: clock.now) }
    }

    public func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
        let after = try cursor.map { try RecordID(cursor: $0) }
        return try await use { [clock] session, _ in
            try session.open().summaries(after: after, atMost: count, at: clock.now)
        }
    }

    public func summaries(
        standing state: ClaimSummary.State, after cursor: String?, atMost count: Int
    ) async throws -> ClaimPage {
        let after = try fence(atCursor: cursor)
        return try await use { [clock] session, _ in
            try session.open().summaries(standing: state, after: after, atMost: max(1, count), at: clock.now)
        }
    }

    /// Closes the file, so that another process can open it.
    ///
    /// - Throws: `ClaimStoreError` when the store cannot be relied on any more. Then it is left as it is.
    public func close() throws {
        let wasClosed = state.withLock { state in
            defer { state.isClosed = true }
            return state.isClosed
        }
        if wasClosed { return }
        do {
            try exclusively { [clock, session] in try session.end(in: $0, at: clock.now) }
            try queue.close()
        } catch {
            _ = Unmanaged.passRetained(session)
            Self.leave(queue)
            throw error
        }
    }

    private func use<R: Sendable>(_ body: @Sendable (Session, Database) throws -> R) async throws -> R {
        try await withTaskExecutorPreference(thread) { try await onThread(body) }
    }

    /// Where the task's executor says, which is the store's own thread: there the connection waits for nobody.
    @concurrent private func onThread<R: Sendable>(
        _ body: @Sendable (Session, Database) throws -> R
    ) async throws -> R {
        try exclusively { try body(session, $0) }
    }

    private func exclusively<R>(_ body: (Database) throws -> R) throws -> R {
        try queue.writeWithoutTransaction { database in
            if let failure = state.withLock({ $0.failure }) { throw failure }
            do { return try body(database) } catch let change as SQLiteFileMachine.Change {
                throw fail(change)
            } catch let error as DatabaseError {
                if error.leavesDoubt, let change = session.change() { throw fail(change) }
                let message = "the store at \(path) failed: \(error.reason)"
                guard error.leavesDoubt else { throw ClaimStoreError(.failed, message) }
                // A failed fsync must not be tried again: the pages that it lost may be marked clean by then.
                throw fail("\(message); it stays closed until the process is restarted")
            }
        }
    }

    private func fail(_ change: SQLiteFileMachine.Change) -> ClaimStoreError {
        Self.note(change, at: path)
        return fail(
            "the store at \(path) has failed: \(change.rawValue). From now on nothing is acknowledged. What was acknowledged before may be lost when this process ends: save its files first, as the guide for operators says"
        )
    }

    private func fail(_ message: String) -> ClaimStoreError {
        let failure = ClaimStoreError(.unusable, message)
        state.withLock { $0.failure = failure }
        return failure
    }
}

extension DatabaseError {
    fileprivate var reason: String { message ?? resultCode.description }

    fileprivate var leavesDoubt: Bool {
        [.SQLITE_IOERR, .SQLITE_CORRUPT, .SQLITE_NOTADB].contains(resultCode)
    }
}
#endif
