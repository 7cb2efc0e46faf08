#if SQLite
import Foundation
import GRDB
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
public final class SQLiteStore: ClaimStore {
    /// The file.
    public let path: String

    public var executor: (any TaskExecutor)? { thread }

    private let thread = SQLiteThread()
    private let queue: DatabaseQueue
    private let session: Session
    private let clock: SQLiteStoreClock
    private let hashingSecret: StoreSecret
    /// Set when a write failed in a way after which nothing that the connection says can be relied on.
    private let failure = Mutex<ClaimStoreError?>(nil)

    /// Opens the store, and creates it if the file does not exist.
    ///
    /// - Throws: ``ClaimStoreError`` with the code `unusable` when the file cannot be opened, is held by another
    ///   process, is read-only, is not a store of this version, or is not synced as it must be.
    public init(path: String, clock: any TimeSource = MonotonicClock()) throws(ClaimStoreError) {
        self.path = path
        do {
            try SQLiteSchema.createFile(at: path)
            var configuration = GRDB.Configuration()
            configuration.label = "holdfast.sqlite"
            // A predecessor that is being replaced may still be closing.
            configuration.busyMode = .timeout(2)
            queue = try DatabaseQueue(path: path, configuration: configuration)
            let (opened, session) = try queue.writeWithoutTransaction { database in
                try SQLiteSchema.secureDurability(of: database)
                let opened = try SQLiteSchema.open(database)
                return (opened, Session(try SQLiteRecords(database: database), fence: opened.fence))
            }
            self.session = session
            hashingSecret = try StoreSecret(bytes: Array(opened.secret))
            self.clock = SQLiteStoreClock(resumingAt: opened.tick, on: clock)
        } catch let error as ClaimStoreError {
            throw error
        } catch let error as DatabaseError where error.resultCode == .SQLITE_CORRUPT {
            throw ClaimStoreError(
                .unusable,
                "the store at \(path) is damaged: restore it from a copy, or begin a new one (\(error.reason))")
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            throw ClaimStoreError(.unusable, "another process holds the store at \(path)")
        } catch let error as DatabaseError {
            throw ClaimStoreError(.unusable, "cannot open the store at \(path): \(error.reason)")
        } catch {
            throw ClaimStoreError(.unusable, "cannot open the store at \(path): \(error)")
        }
    }

    public func secret() async throws -> StoreSecret { hashingSecret }

    public func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
        try await use { [clock] session, database in try session.apply(batch, at: clock.now, in: database) }
    }

    public func reap(atMost count: Int) async throws -> Int {
        try await use { [clock] session, database in
            try session.write(in: database, at: clock.now) { try session.open().reap(atMost: count, at: clock.now) }
        }
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

    /// Closes the file, so that another process can open it.
    public func close() throws {
        try queue.writeWithoutTransaction { [clock, session] database in
            try session.write(in: database, at: clock.now) {}
            session.end()
        }
        try queue.close()
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
            if let failure = failure.withLock({ $0 }) { throw failure }
            do { return try body(database) } catch let error as DatabaseError {
                let message = "the store at \(path) failed: \(error.reason)"
                guard error.leavesDoubt else { throw ClaimStoreError(.failed, message) }
                // A failed fsync must not be tried again: the pages that it lost may be marked clean by then.
                let final = ClaimStoreError(.unusable, "\(message); it stays closed until the process is restarted")
                failure.withLock { $0 = final }
                throw final
            }
        }
    }
}

extension DatabaseError {
    fileprivate var reason: String { message ?? resultCode.description }

    fileprivate var leavesDoubt: Bool {
        [.SQLITE_IOERR, .SQLITE_CORRUPT, .SQLITE_NOTADB].contains(resultCode)
    }
}
#endif
