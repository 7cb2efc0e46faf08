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

    private let queue: DatabaseQueue
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
            let opened = try queue.writeWithoutTransaction { database in
                try SQLiteSchema.secureDurability(of: database)
                return try SQLiteSchema.open(database)
            }
            hashingSecret = try StoreSecret(bytes: Array(opened.secret))
            self.clock = SQLiteStoreClock(resumingAt: opened.tick, on: clock)
        } catch let error as ClaimStoreError {
            throw error
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
        try await write { [clock] database in
            let records = SQLiteRecords(database: database)
            let now = clock.now
            var fence = try records.fence()
            var hasWritten = false
            let replies = try batch.map { command in
                let record = try records.record(command.id, withPayload: command.readsPayload)
                let decision = ClaimMachine.apply(command.action, to: record, at: now, nextFence: fence + 1)
                if case .claimed(let granted) = decision.reply { fence = granted }
                if decision.write != .nothing { hasWritten = true }
                switch decision.write {
                case .nothing: break
                case .put(let next): try records.put(next, under: command.id, replacing: record?.fence)
                case .delete: try records.delete(command.id, fence: record?.fence)
                }
                return decision.reply
            }
            // A batch of repeats alone has nothing to sync.
            if hasWritten { try records.save(fence: fence, tick: now) }
            return replies
        }
    }

    public func reap(atMost count: Int) async throws -> Int {
        try await write { [clock] database in
            let now = clock.now
            let records = SQLiteRecords(database: database)
            let reaped = try records.reap(atMost: count, at: now)
            try records.save(fence: records.fence(), tick: now)
            return reaped
        }
    }

    public func summary(of id: RecordID) async throws -> ClaimSummary? {
        try await write { [clock] database in
            try SQLiteRecords(database: database).summary(of: id, at: clock.now)
        }
    }

    public func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
        let after = try cursor.map { try RecordID(cursor: $0) }
        return try await write { [clock] database in
            try SQLiteRecords(database: database).summaries(after: after, atMost: count, at: clock.now)
        }
    }

    /// Closes the file, so that another process can open it.
    public func close() throws {
        try queue.write { [clock] database in
            let records = SQLiteRecords(database: database)
            try records.save(fence: records.fence(), tick: clock.now)
        }
        try queue.close()
    }

    private func write<R: Sendable>(_ body: @escaping @Sendable (Database) throws -> R) async throws -> R {
        if let failure = failure.withLock({ $0 }) { throw failure }
        do {
            return try await queue.write(body)
        } catch let error as DatabaseError {
            let message = "the store at \(path) failed: \(error.reason)"
            guard error.leavesDoubt else { throw ClaimStoreError(.failed, message) }
            // A failed fsync must not be tried again: the pages that it lost may be marked clean by then.
            let final = ClaimStoreError(.unusable, "\(message); it stays closed until the process is restarted")
            failure.withLock { $0 = final }
            throw final
        }
    }
}

extension ClaimCommand {
    /// Only a repeat and a completion look at the payload; the narrow record serves all others.
    fileprivate var readsPayload: Bool {
        switch action {
        case .claim, .complete: true
        case .renew, .release, .abandon, .resolve, .purge: false
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
