#if SQLite
import Foundation
import GRDB
import HoldfastIdempotency

/// Reads and writes records inside one transaction. Payloads lie apart, under the fence that wrote them, so that the
/// table which every claim searches stays narrow.
struct SQLiteRecords {
    let database: Database
    /// What the tables' names begin with: nothing in a file of our own.
    var prefix = ""

    func record(_ id: RecordID, withPayload: Bool) throws -> ClaimRecord? {
        let statement = try database.cachedStatement(
            sql: "SELECT fingerprint, fence, state, lease_ends, expires, history FROM \(prefix)record WHERE id = ?")
        guard let row = try Row.fetchOne(statement, arguments: [Data(id.bytes)]) else { return nil }
        let fence: Int64 = row[1]
        guard let state = StoredState(rawValue: row[2]) else {
            throw ClaimStoreError(.failed, "a record has the state \(row[2] as Int), which this version does not know")
        }
        let fingerprint: Data = row[0]
        return ClaimRecord(
            fingerprint: Fingerprint(bytes: Array(fingerprint)), fence: fence,
            state: try .init(state, leaseEnds: StoreInstant(milliseconds: row[3])) {
                withPayload ? try payload(fence: fence) : []
            },
            expires: StoreInstant(milliseconds: row[4]), history: ClaimHistory(text: row[5]))
    }

    func summary(of id: RecordID, at now: StoreInstant) throws -> ClaimSummary? {
        guard let record = try record(id, withPayload: false) else { return nil }
        let length = try Int.fetchOne(
            database.cachedStatement(sql: "SELECT length(bytes) FROM \(prefix)payload WHERE fence = ?"),
            arguments: [record.fence])
        return ClaimSummary(record, of: id, payloadBytes: length, at: now)
    }

    func summaries(after cursor: RecordID?, atMost count: Int, at now: StoreInstant) throws -> ClaimPage {
        let statement = try database.cachedStatement(
            sql: "SELECT id FROM \(prefix)record WHERE id > ? ORDER BY id LIMIT ?")
        let ids = try Data.fetchAll(statement, arguments: [Data(cursor?.bytes ?? []), count])
            .map { RecordID(bytes: Array($0)) }
        return ClaimPage(
            summaries: try ids.compactMap { try summary(of: $0, at: now) },
            next: ids.count < count ? nil : ids.last?.description, now: now)
    }

    private func payload(fence: Int64) throws -> [UInt8] {
        let statement = try database.cachedStatement(sql: "SELECT bytes FROM \(prefix)payload WHERE fence = ?")
        guard let bytes = try Data.fetchOne(statement, arguments: [fence]) else {
            throw ClaimStoreError(.failed, "a record has lost its payload")
        }
        return Array(bytes)
    }

    func put(_ record: ClaimRecord, under id: RecordID, replacing former: Int64?) throws {
        if let former, former != record.fence { try deletePayload(fence: former) }
        if case .completed(let payload?) = record.state {
            try execute("INSERT OR REPLACE INTO \(prefix)payload VALUES (?, ?)", [record.fence, Data(payload)])
        }
        let (state, leaseEnds) = record.state.stored
        try execute(
            """
            INSERT INTO \(prefix)record VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
                fingerprint = excluded.fingerprint, fence = excluded.fence, state = excluded.state,
                lease_ends = excluded.lease_ends, expires = excluded.expires, history = excluded.history
            """,
            [
                Data(id.bytes), Data(record.fingerprint.bytes), record.fence, state.rawValue, leaseEnds.milliseconds,
                record.expires.milliseconds, record.history.text,
            ])
    }

    func delete(_ id: RecordID, fence: Int64?) throws {
        try execute("DELETE FROM \(prefix)record WHERE id = ?", [Data(id.bytes)])
        if let fence { try deletePayload(fence: fence) }
    }

    /// What is in flight when the file is opened belongs to a process that is dead: it began, and nobody knows how it
    /// ended.
    func settleInFlight(at now: StoreInstant) throws {
        let line = "\(now.milliseconds)\t\(ClaimHistory.Event.abandoned.rawValue)\t"
        try execute(
            "UPDATE \(prefix)record SET state = ?, history = history || ? || fence || ? WHERE state = ?",
            [StoredState.unknown.rawValue, line, "\t\tits process ended\n", StoredState.inFlight.rawValue])
    }

    func reap(atMost count: Int, at now: StoreInstant) throws -> Int {
        let statement = try database.cachedStatement(
            sql:
                "DELETE FROM \(prefix)record WHERE id IN (SELECT id FROM \(prefix)record WHERE expires <= ? LIMIT ?) RETURNING fence"
        )
        let fences = try Int64.fetchAll(statement, arguments: [now.milliseconds, count])
        for fence in fences { try deletePayload(fence: fence) }
        return fences.count
    }

    func secret() throws -> Data? {
        try Data.fetchOne(database, sql: "SELECT value FROM \(prefix)meta WHERE name = 'secret'")
    }

    func fence() throws -> Int64 { try number("fence") }

    func tick() throws -> StoreInstant { StoreInstant(milliseconds: try number("tick")) }

    func save(fence: Int64, tick: StoreInstant) throws {
        try execute("UPDATE \(prefix)meta SET value = ? WHERE name = 'fence'", [fence])
        try execute("UPDATE \(prefix)meta SET value = ? WHERE name = 'tick'", [tick.milliseconds])
    }

    private func deletePayload(fence: Int64) throws {
        try execute("DELETE FROM \(prefix)payload WHERE fence = ?", [fence])
    }

    private func number(_ name: String) throws -> Int64 {
        let statement = try database.cachedStatement(sql: "SELECT value FROM \(prefix)meta WHERE name = ?")
        guard let number = try Int64.fetchOne(statement, arguments: [name]) else {
            throw ClaimStoreError(.unusable, "the store has lost its \(name)")
        }
        return number
    }

    private func execute(_ sql: String, _ arguments: StatementArguments) throws {
        try database.cachedStatement(sql: sql).execute(arguments: arguments)
    }
}
#endif
