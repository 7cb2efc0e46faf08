#if SQLite
import GRDB
import HoldfastIdempotency

extension SQLiteStore {
    /// What is known of an open file. The exclusive lock keeps others from changing it, so it is not read again.
    ///
    /// Unchecked, because whoever uses it has the connection, which one has at a time.
    final class Session: @unchecked Sendable {
        private var records: SQLiteRecords?
        /// The last that was granted.
        private var fence: Int64
        /// What the file holds, but for what is unknown because its lease is over.
        private var usage: ClaimUsage
        private let log: SQLiteLog

        init(_ records: SQLiteRecords, fence: Int64, usage: ClaimUsage, log: SQLiteLog) {
            self.records = records
            (self.fence, self.usage) = (fence, usage)
            self.log = log
        }

        /// What has happened to the files; nil, if nothing has.
        func change() -> SQLiteFileMachine.Change? { log.change() }

        func open() throws(ClaimStoreError) -> SQLiteRecords {
            guard let records else { throw ClaimStoreError(.unusable, "the store is closed") }
            return records
        }

        /// Says what time it is, and leaves a file that needs no log. Lets go of the statements, which would keep the
        /// connection open.
        func end(in database: Database, at now: StoreInstant) throws {
            try write(in: database, at: now) {}
            // That commit may have had the log copied, which the next is to say.
            if log.epoch.former != nil { try write(in: database, at: now) {} }
            records = nil
        }

        /// Carries out a batch. One that has only repeats in it writes nothing, and so needs no transaction.
        func apply(_ batch: [ClaimCommand], at now: StoreInstant, in database: Database) throws -> [ClaimReply] {
            let records = try open()
            var replies: [ClaimReply] = []
            replies.reserveCapacity(batch.count)
            for (place, command) in batch.enumerated() {
                let record = try records.record(command.id)
                let decision = ClaimMachine.apply(command.action, to: record, at: now, nextFence: fence + 1)
                guard decision.write == .nothing else {
                    return try replies
                        + write(in: database, at: now) {
                            try batch[place...].map { try carryOut($0, on: records, at: now) }
                        }
                }
                replies.append(decision.reply)
            }
            return replies
        }

        private func carryOut(
            _ command: ClaimCommand, on records: SQLiteRecords, at now: StoreInstant
        ) throws -> ClaimReply {
            let record = try records.record(command.id)
            let decision = ClaimMachine.apply(command.action, to: record, at: now, nextFence: fence + 1)
            if case .claimed(let granted) = decision.reply { fence = max(fence, granted) }
            switch decision.write {
            case .nothing: break
            case .put(let next):
                try records.put(next, under: command.id, replacing: record?.fence)
                usage += next.usage
                usage -= record.usage
            case .delete:
                if let record { try records.delete(record.fence) }
                usage -= record.usage
            }
            return decision.reply
        }

        func usage(at now: StoreInstant) throws -> ClaimUsage {
            var held = usage
            held.unknown += try open().lapsedCount(at: now)
            return held
        }

        func reap(atMost count: Int, at now: StoreInstant, in database: Database) throws -> Int {
            try write(in: database, at: now) {
                let forgotten = try open().reap(atMost: count, at: now)
                usage -= forgotten
                return forgotten.keys
            }
        }

        /// Writes in one transaction, and says with it what was granted and what time it is. When it returns, the commit
        /// is synced, and is where whoever opens the store next will look for it.
        func write<R>(in database: Database, at now: StoreInstant, _ body: () throws -> R) throws -> R {
            let records = try open()
            let (former, held) = (fence, usage)
            let epoch = log.nextEpoch()
            let result: R
            do {
                try database.cachedStatement(sql: "BEGIN IMMEDIATE").execute()
                result = try body()
                if epoch == log.epoch {
                    try records.save(fence: fence, tick: now)
                } else {
                    try records.save(fence: fence, tick: now, epoch: epoch)
                }
                try database.cachedStatement(sql: "COMMIT").execute()
            } catch {
                (fence, usage) = (former, held)
                if database.isInsideTransaction { try? database.rollback() }
                throw error
            }
            try log.committed(epoch, in: database)
            return result
        }
    }
}
#endif
