#if SQLite
import Foundation
import GRDB
import HoldfastIdempotency

/// Reads and writes records, by statements that are prepared once. For the thread that uses the database.
final class SQLiteRecords {
    private let database: Database
    /// What the tables' names begin with: nothing in a file of our own.
    private let prefix: String
    private let read: Statement
    private let insert: Statement
    private let update: Statement
    private let delete: Statement
    private let saveMeta: Statement

    private static let columns = "fence, fingerprint, state, lease_ends, expires, history, context"
    /// What a record keeps. The lengths stand in the row, so that nothing is read for its length.
    private static let keptBytes = "coalesce(length(payload), 0) + coalesce(length(context), 0)"

    init(database: Database, prefix: String = "") throws {
        self.database = database
        self.prefix = prefix
        read = try database.cachedStatement(sql: "SELECT \(Self.columns), payload FROM \(prefix)record WHERE id = ?")
        insert = try database.cachedStatement(sql: "INSERT INTO \(prefix)record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        update = try database.cachedStatement(
            sql: """
                UPDATE \(prefix)record SET state = ?, lease_ends = ?, expires = ?, history = ?, payload = ?, context = ?
                WHERE fence = ?
                """)
        delete = try database.cachedStatement(sql: "DELETE FROM \(prefix)record WHERE fence = ?")
        saveMeta = try database.cachedStatement(
            sql: """
                UPDATE \(prefix)meta SET value = CASE name WHEN 'fence' THEN ? ELSE ? END
                WHERE name IN ('fence', 'tick')
                """)
    }

    func record(_ id: RecordID) throws -> ClaimRecord? {
        guard let row = try Row.fetchOne(read, arguments: [Data(id.bytes)]) else { return nil }
        return try record(in: row) {
            guard let payload: Data = row[7] else { throw ClaimStoreError(.failed, "a record has lost its payload") }
            return Array(payload)
        }
    }

    private func record(in row: Row, payload: () throws -> [UInt8]) throws -> ClaimRecord {
        guard let state = StoredState(rawValue: row[2]) else {
            throw ClaimStoreError(.failed, "a record has the state \(row[2] as Int), which this version does not know")
        }
        let fingerprint: Data = row[1]
        let context: Data? = row[6]
        return ClaimRecord(
            fingerprint: Fingerprint(bytes: Array(fingerprint)), fence: row[0],
            state: try .init(state, leaseEnds: StoreInstant(milliseconds: row[3]), payload: payload),
            expires: StoreInstant(milliseconds: row[4]), history: ClaimHistory(text: row[5]),
            context: context.map { Array($0) } ?? [])
    }

    /// - Parameter former: The fence of the record that it takes the place of.
    func put(_ record: ClaimRecord, under id: RecordID, replacing former: Int64?) throws {
        let (state, leaseEnds) = record.state.stored
        let payload: Data? = if case .completed(let payload?) = record.state { Data(payload) } else { nil }
        let context = record.context.isEmpty ? nil : Data(record.context)
        if record.fence == former {
            return try update.execute(arguments: [
                state.rawValue, leaseEnds.milliseconds, record.expires.milliseconds, record.history.text, payload,
                context, record.fence,
            ])
        }
        if let former { try delete(former) }
        try insert.execute(arguments: [
            record.fence, Data(id.bytes), Data(record.fingerprint.bytes), state.rawValue, leaseEnds.milliseconds,
            record.expires.milliseconds, record.history.text, payload, context,
        ])
    }

    func delete(_ fence: Int64) throws { try delete.execute(arguments: [fence]) }

    /// What is in flight when the file is opened belongs to a process that is dead: it began, and nobody knows how it
    /// ended.
    func settleInFlight(at now: StoreInstant) throws {
        let line = "\(now.milliseconds)\t\(ClaimHistory.Event.abandoned.rawValue)\t"
        try database.execute(
            sql: """
                UPDATE \(prefix)record SET state = ?, history = history || ? || fence || ?
                WHERE state = ? AND state <> 1
                """,
            arguments: [
                StoredState.unknown.rawValue, line, "\t\tits process ended\n", StoredState.inFlight.rawValue,
            ])
    }

    /// Counts what there is. Those are left out that are unknown because their lease is over.
    func usage() throws -> ClaimUsage {
        let held = try Row.fetchOne(
            database,
            sql: """
                SELECT count(*), coalesce(sum(\(Self.keptBytes)), 0) FROM \(prefix)record NOT INDEXED
                """)
        return ClaimUsage(
            keys: held?[0] ?? 0, bytes: held?[1] ?? 0,
            unknown: try count(.unknown, leaseEndsBy: StoreInstant(milliseconds: .max)))
    }

    /// How many are unknown because their lease is over.
    func lapsedCount(at now: StoreInstant) throws -> Int { try count(.inFlight, leaseEndsBy: now) }

    private func count(_ state: StoredState, leaseEndsBy now: StoreInstant) throws -> Int {
        let statement = try database.cachedStatement(
            sql: """
                SELECT count(*) FROM \(prefix)record INDEXED BY \(prefix)record_state
                WHERE state = ? AND state <> 1 AND lease_ends <= ?
                """)
        return try Int.fetchOne(statement, arguments: [state.rawValue, now.milliseconds]) ?? 0
    }

    /// - Returns: What was forgotten.
    func reap(atMost count: Int, at now: StoreInstant) throws -> ClaimUsage {
        let expired = "FROM \(prefix)record WHERE expires <= ? ORDER BY expires, fence LIMIT ?"
        let measure = try database.cachedStatement(
            sql: """
                SELECT coalesce(sum(bytes), 0), coalesce(sum(state = \(StoredState.unknown.rawValue)), 0)
                FROM (SELECT \(Self.keptBytes) AS bytes, state \(expired))
                """)
        let gone = try Row.fetchOne(measure, arguments: [now.milliseconds, count])
        let reap = try database.cachedStatement(
            sql: "DELETE FROM \(prefix)record WHERE fence IN (SELECT fence \(expired))")
        try reap.execute(arguments: [now.milliseconds, count])
        return ClaimUsage(keys: database.changesCount, bytes: gone?[0] ?? 0, unknown: gone?[1] ?? 0)
    }

    // MARK: For operators

    func summary(of id: RecordID, at now: StoreInstant) throws -> ClaimSummary? {
        try summaries("WHERE id = ?", [Data(id.bytes)], at: now).first?.summary
    }

    func summaries(after cursor: RecordID?, atMost count: Int, at now: StoreInstant) throws -> ClaimPage {
        let found = try summaries(
            "WHERE id > ? ORDER BY id LIMIT ?", [Data(cursor?.bytes ?? []), count], at: now)
        return ClaimPage(
            summaries: found.compactMap(\.summary), next: found.count < count ? nil : found.last?.id.description,
            now: now)
    }

    /// Those that stand in one way, by the index where it has them. Of the completed, which are nearly all, so many
    /// records are looked at.
    func summaries(
        standing state: ClaimSummary.State, after fence: Int64, atMost count: Int, at now: StoreInstant
    ) throws -> ClaimPage {
        guard state != .completed else {
            let looked = try summaries("WHERE fence > ? ORDER BY fence LIMIT ?", [fence, count], at: now)
            return ClaimPage(of: looked.map { ($0.fence, $0.summary) }, standing: state, atMost: count, now: now)
        }
        // One after the other: of two states at once, the index is not in the order of fences.
        let looked = try state.stored.flatMap { stored in
            let isLapsed = state == .unknown ? "<=" : ">"
            let lease = stored == .inFlight ? "AND lease_ends \(isLapsed) \(now.milliseconds)" : ""
            return try summaries(
                """
                INDEXED BY \(prefix)record_state
                WHERE state = ? AND state <> 1 AND fence > ? \(lease) ORDER BY fence LIMIT ?
                """, [stored.rawValue, fence, count], at: now)
        }
        return ClaimPage(of: looked.map { ($0.fence, $0.summary) }, standing: state, atMost: count, now: now)
    }

    /// Without the payloads, which may be large.
    private func summaries(
        _ condition: String, _ arguments: StatementArguments, at now: StoreInstant
    ) throws -> [(id: RecordID, fence: Int64, summary: ClaimSummary?)] {
        let statement = try database.cachedStatement(
            sql: """
                SELECT \(Self.columns), id, length(payload) FROM \(prefix)record \(condition)
                """)
        return try Row.fetchAll(statement, arguments: arguments).map { row in
            let bytes: Data = row[7]
            let id = RecordID(bytes: Array(bytes))
            return (id, row[0], ClaimSummary(try record(in: row) { [] }, of: id, payloadBytes: row[8], at: now))
        }
    }

    // MARK: What the whole store keeps

    func secret() throws -> Data? {
        try Data.fetchOne(database, sql: "SELECT value FROM \(prefix)meta WHERE name = 'secret'")
    }

    func fence() throws -> Int64 { try number("fence") }

    func tick() throws -> StoreInstant { StoreInstant(milliseconds: try number("tick")) }

    func save(fence: Int64, tick: StoreInstant) throws {
        try saveMeta.execute(arguments: [fence, tick.milliseconds])
    }

    /// The same, with the epoch of the log that it stands in.
    func save(fence: Int64, tick: StoreInstant, epoch: SQLiteEpoch) throws {
        try save(fence: fence, tick: tick)
        try database.cachedStatement(
            sql: """
                UPDATE \(prefix)meta SET value = CASE name WHEN 'epoch' THEN ? ELSE ? END
                WHERE name IN ('epoch', 'former')
                """
        ).execute(arguments: [epoch.current, epoch.former ?? -1])
    }

    /// Who wrote last, where several do: see ``SharedSQLiteClock``. Zero before the first.
    func mark() throws -> Int64 {
        try Int64.fetchOne(
            database.cachedStatement(sql: "SELECT value FROM \(prefix)meta WHERE name = 'mark'")) ?? 0
    }

    func save(mark: Int64) throws {
        try database.cachedStatement(sql: "INSERT OR REPLACE INTO \(prefix)meta VALUES ('mark', ?)")
            .execute(arguments: [mark])
    }

    private func number(_ name: String) throws -> Int64 {
        let statement = try database.cachedStatement(sql: "SELECT value FROM \(prefix)meta WHERE name = ?")
        guard let number = try Int64.fetchOne(statement, arguments: [name]) else {
            throw ClaimStoreError(.unusable, "the store has lost its \(name)")
        }
        return number
    }
}
#endif
