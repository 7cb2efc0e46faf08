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

        init(_ records: SQLiteRecords, fence: Int64) {
            self.records = records
            self.fence = fence
        }

        func open() throws(ClaimStoreError) -> SQLiteRecords {
            guard let records else { throw ClaimStoreError(.unusable, "the store is closed") }
            return records
        }

        /// Lets go of the statements, which would keep the connection open.
        func end() { records = nil }

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
            case .put(let next): try records.put(next, under: command.id, replacing: record?.fence)
            case .delete: if let record { try records.delete(record.fence) }
            }
            return decision.reply
        }

        /// Writes in one transaction, and says with it what was granted and what time it is.
        func write<R>(in database: Database, at now: StoreInstant, _ body: () throws -> R) throws -> R {
            let records = try open()
            let former = fence
            do {
                try database.cachedStatement(sql: "BEGIN IMMEDIATE").execute()
                let result = try body()
                try records.save(fence: fence, tick: now)
                try database.cachedStatement(sql: "COMMIT").execute()
                return result
            } catch {
                fence = former
                if database.isInsideTransaction { try? database.rollback() }
                throw error
            }
        }
    }
}
#endif
