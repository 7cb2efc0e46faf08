#if PostgreSQL
import HoldfastIdempotency

/// What a batch of commands asks of the database, as two groups of statements in one transaction: what to lock and read,
/// and, when the machine has decided, what to write.
///
/// A lock for each key, taken in one order, stands in for the rows that do not exist yet, so that two who claim a new key
/// meet. The popular single statement (`INSERT … ON CONFLICT DO NOTHING` with a `UNION` that reads the loser's row) can
/// return no row in a race.
struct PostgresRecords: Sendable {
    /// The store's time: the server's, read after the locks are held. `now()` would be the transaction's beginning.
    var clock = "clock_timestamp()"

    /// The same in milliseconds.
    var now: String { "(extract(epoch FROM \(clock)) * 1000)::bigint" }

    /// A record's columns, as ``record(of:)`` reads them.
    private static let columns = """
        encode(id, 'hex'), encode(fingerprint, 'hex'), fence, state, lease_ends, expires, history,
            encode(context, 'hex')
        """

    /// What was read.
    struct Found {
        var now: StoreInstant
        var fences: [Int64]
        var records: [RecordID: ClaimRecord]
        /// Those whose end somebody is to be told of.
        var waited: Set<RecordID> = []
    }

    func reads(for batch: [ClaimCommand]) -> [PostgresStatement] {
        let ids = Set(batch.map(\.id))
        let claims = batch.count { if case .claim = $0.action { true } else { false } }
        return [
            locks(batch),
            PostgresStatement("SELECT \(now)", isKept: true),
            PostgresStatement(
                "SELECT nextval('holdfast.fence') FROM generate_series(1, $1::int)", [String(claims)],
                isKept: true),
            PostgresStatement(
                """
                SELECT \(Self.columns), encode(bytes, 'hex'), waited FROM holdfast.record
                LEFT JOIN holdfast.payload USING (fence) WHERE id = ANY ($1::bytea[])
                """, [array(ids.map { bytea($0.bytes) })], isKept: true),
        ]
    }

    func locks(_ batch: [ClaimCommand]) -> PostgresStatement {
        PostgresStatement(
            "SELECT count(pg_advisory_xact_lock(key)) FROM (SELECT key FROM unnest($1::bigint[]) key ORDER BY key) keys",
            [array(Set(batch.map(\.id.lockKey)).sorted().map(String.init))], isKept: true)
    }

    /// Locks those keys that nobody has locked, without waiting, and says which.
    func locksThatAreFree(for batch: [ClaimCommand]) -> PostgresStatement {
        PostgresStatement(
            "SELECT key FROM (SELECT key FROM unnest($1::bigint[]) key ORDER BY key) keys WHERE pg_try_advisory_xact_lock(key)",
            [array(Set(batch.map(\.id.lockKey)).sorted().map(String.init))])
    }

    func found(in answers: [PostgresRows]) throws(ClaimStoreError) -> Found {
        guard answers.count == 4, let text = answers[1].first?.first ?? nil, let now = Int64(text) else {
            throw ClaimStoreError(.failed, "the server's answer is not what was asked for")
        }
        var found = Found(
            now: StoreInstant(milliseconds: now),
            fences: answers[2].compactMap { $0.first.flatMap { $0 }.flatMap(Int64.init) },
            records: [:])
        for row in answers[3] {
            guard row.count == 10 else { throw ClaimStoreError(.failed, "a record is not what this version writes") }
            let (id, record) = try record(of: Array(row.prefix(9)))
            found.records[id] = record
            if row[9] == "t" { found.waited.insert(id) }
        }
        return found
    }

    private func record(of row: [String?]) throws(ClaimStoreError) -> (RecordID, ClaimRecord) {
        guard row.count == 9, let id = row[0].flatMap(bytes(hex:)), let fingerprint = row[1].flatMap(bytes(hex:)),
            let fence = row[2].flatMap(Int64.init), let code = row[3].flatMap(Int.init),
            let leaseEnds = row[4].flatMap(Int64.init), let expires = row[5].flatMap(Int64.init),
            let history = row[6], let context = row[7].flatMap(bytes(hex:)), let stored = StoredState(rawValue: code)
        else { throw ClaimStoreError(.failed, "a record is not what this version writes") }
        let state = try ClaimRecord.State(stored, leaseEnds: StoreInstant(milliseconds: leaseEnds)) {
            () throws(ClaimStoreError) in
            guard let payload = row[8].flatMap(bytes(hex:)) else {
                throw ClaimStoreError(.failed, "a record has lost its payload")
            }
            return payload
        }
        let record = ClaimRecord(
            fingerprint: Fingerprint(bytes: fingerprint), fence: fence, state: state,
            expires: StoreInstant(milliseconds: expires), history: ClaimHistory(text: history),
            context: Self.context(in: context, of: fence))
        return (RecordID(bytes: id), record)
    }

    /// What stands in the column: the fence of the claim that it belongs to, and then what that says of its cause.
    private static func column(_ record: ClaimRecord) -> [UInt8] {
        guard !record.context.isEmpty else { return [] }
        return withUnsafeBytes(of: record.fence.bigEndian) { Array($0) } + record.context
    }

    private static func context(in column: [UInt8], of fence: Int64) -> [UInt8] {
        guard column.count > 8, column.prefix(8).reduce(0, { $0 << 8 | Int64($1) }) == fence else { return [] }
        return Array(column.dropFirst(8))
    }

    /// Lets the machine decide each command in order, on what was read.
    func decide(_ batch: [ClaimCommand], on found: Found) throws(ClaimStoreError) -> ([ClaimReply], [PostgresStatement])
    {
        var records = found.records
        var fences = found.fences[...]
        var touched: Set<RecordID> = []
        var replies: [ClaimReply] = []
        for command in batch {
            let decision = ClaimMachine.apply(
                command.action, to: records[command.id], at: found.now, nextFence: fences.first ?? .min)
            if case .claimed(let fence) = decision.reply {
                guard fence > 0 else { throw ClaimStoreError(.failed, "the server gave too few fences") }
                // A claim that is asked for again has its fence already.
                if fence == fences.first { fences.removeFirst() }
            }
            switch decision.write {
            case .nothing: break
            case .put(let record):
                records[command.id] = record
                touched.insert(command.id)
            case .delete:
                records[command.id] = nil
                touched.insert(command.id)
            }
            replies.append(decision.reply)
        }
        let refused = zip(batch, replies).compactMap { $1 == .inFlight ? $0.id : nil }
        return (
            replies,
            writes(touched, before: found.records, after: records)
                + words(about: touched.intersection(found.waited), wantedOf: Set(refused).subtracting(found.waited))
        )
    }

    /// What those who wait are told, and that somebody waits.
    private func words(about touched: Set<RecordID>, wantedOf refused: Set<RecordID>) -> [PostgresStatement] {
        var statements: [PostgresStatement] = []
        if !touched.isEmpty {
            statements.append(
                PostgresStatement(
                    "SELECT \(Self.tell("id")) FROM unnest($1::text[]) AS touched (id)",
                    [array(touched.map(\.description))]))
        }
        if !refused.isEmpty {
            statements.append(
                PostgresStatement(
                    "UPDATE holdfast.record SET waited = true WHERE id = ANY ($1::bytea[])",
                    [array(refused.map { bytea($0.bytes) })]))
        }
        return statements
    }

    static let channel = "holdfast"

    /// Tells who listens; `id` is an expression for its digits.
    static func tell(_ id: String) -> String { "pg_notify('\(channel)', \(id))" }

    private func writes(
        _ touched: Set<RecordID>, before: [RecordID: ClaimRecord], after: [RecordID: ClaimRecord]
    ) -> [PostgresStatement] {
        var statements: [PostgresStatement] = []
        // A payload goes with the claim that wrote it.
        let superseded = touched.compactMap { id in before[id].flatMap { $0.fence == after[id]?.fence ? nil : $0.fence }
        }
        if !superseded.isEmpty {
            statements.append(
                PostgresStatement(
                    "DELETE FROM holdfast.payload WHERE fence = ANY ($1::bigint[])",
                    [array(superseded.map(String.init))]))
        }
        let deleted = touched.filter { after[$0] == nil }
        if !deleted.isEmpty {
            statements.append(
                PostgresStatement(
                    "DELETE FROM holdfast.record WHERE id = ANY ($1::bytea[])", [array(deleted.map { bytea($0.bytes) })]
                ))
        }
        let put = touched.compactMap { id in after[id].map { (id, $0) } }
        if !put.isEmpty { statements.append(upsert(put)) }
        let payloads = put.compactMap { _, record -> (Int64, [UInt8])? in
            if case .completed(let payload?) = record.state { (record.fence, payload) } else { nil }
        }
        if !payloads.isEmpty {
            statements.append(
                PostgresStatement(
                    """
                    INSERT INTO holdfast.payload SELECT * FROM unnest($1::bigint[], $2::bytea[])
                    ON CONFLICT (fence) DO NOTHING
                    """, [array(payloads.map { String($0.0) }), array(payloads.map { bytea($0.1) })]))
        }
        return statements
    }

    private func upsert(_ put: [(RecordID, ClaimRecord)]) -> PostgresStatement {
        let states = put.map { $0.1.state.stored }
        return PostgresStatement(
            """
            INSERT INTO holdfast.record (id, fingerprint, fence, state, lease_ends, expires, history, context)
            SELECT * FROM unnest(
                $1::bytea[], $2::bytea[], $3::bigint[], $4::smallint[], $5::bigint[], $6::bigint[], $7::text[],
                $8::bytea[])
            ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, fence = excluded.fence,
                state = excluded.state, lease_ends = excluded.lease_ends, expires = excluded.expires,
                history = excluded.history, context = excluded.context
            """,
            [
                array(put.map { bytea($0.0.bytes) }), array(put.map { bytea($0.1.fingerprint.bytes) }),
                array(put.map { String($0.1.fence) }), array(states.map { String($0.state.rawValue) }),
                array(states.map { String($0.leaseEnds.milliseconds) }),
                array(put.map { String($0.1.expires.milliseconds) }),
                array(put.map { quoted($0.1.history.text) }), array(put.map { bytea(Self.column($0.1)) }),
            ])
    }

    func reap(atMost count: Int) -> PostgresStatement {
        // What another reaper, or a claim, holds is left for the next time.
        PostgresStatement(
            """
            WITH expired AS (
                SELECT id, fence FROM holdfast.record
                WHERE due <= \(now) / 3600000 AND expires <= \(now)
                LIMIT $1::int FOR UPDATE SKIP LOCKED
            ), payloads AS (DELETE FROM holdfast.payload WHERE fence IN (SELECT fence FROM expired))
            DELETE FROM holdfast.record WHERE id IN (SELECT id FROM expired) RETURNING 1
            """, [String(count)])
    }

    /// Some records, without their payloads: those of these identities, or a page in the order of their identities.
    func summaries(where condition: String, _ parameter: String, atMost count: Int) -> PostgresStatement {
        // A condition is one of this file's callers' own, never a user's.
        PostgresStatement(
            """
            SELECT \(Self.columns), CASE WHEN bytes IS NOT NULL THEN '' END, coalesce(length(bytes), 0), \(now)
            FROM holdfast.record LEFT JOIN holdfast.payload USING (fence)
            WHERE \(condition) ORDER BY id LIMIT $2::int
            """, [parameter, String(count)])
    }

    /// Those that stand in one way, in the order of their fences: by the list of what is not completed, and, of what is, by
    /// looking at so many records. Two states are two lists, one after the other.
    func summaries(standing state: ClaimSummary.State, after fence: Int64, atMost count: Int) -> [PostgresStatement] {
        state.stored.map { stored in
            let lease = stored == .inFlight ? "AND lease_ends \(state == .unknown ? "<=" : ">") \(now)" : ""
            return PostgresStatement(
                """
                SELECT encode(record.id, 'hex'), encode(fingerprint, 'hex'), record.fence, record.state, lease_ends,
                    expires, history, encode(context, 'hex'), NULL, 0, \(now)
                FROM holdfast.unsettled JOIN holdfast.record ON record.id = unsettled.id
                WHERE unsettled.state = \(stored.rawValue) AND unsettled.fence > $1::bigint
                    AND record.fence = unsettled.fence AND record.state = unsettled.state \(lease)
                ORDER BY unsettled.fence LIMIT $2::int
                """, ["\(fence)", "\(count)"])
        }
    }

    func summary(of row: [String?]) throws(ClaimStoreError) -> (id: RecordID, summary: ClaimSummary?) {
        guard row.count == 11, let length = row[9].flatMap(Int.init), let now = row[10].flatMap(Int64.init) else {
            throw ClaimStoreError(.failed, "the server's answer is not what was asked for")
        }
        let (id, record) = try record(of: Array(row.prefix(9)))
        return (id, ClaimSummary(record, of: id, payloadBytes: length, at: StoreInstant(milliseconds: now)))
    }
}

extension RecordID {
    /// What the key is locked by. Two keys that share one wait for each other, and nothing else.
    var lockKey: Int64 { bytes.prefix(8).reduce(0) { $0 << 8 | Int64($1) } }
}

func array(_ elements: [String]) -> String { "{" + elements.joined(separator: ",") + "}" }

/// Text as an element of an array.
func quoted(_ text: String) -> String {
    "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
}

/// Bytes as an element of an array: the backslash is the array's to escape.
func bytea(_ bytes: [UInt8]) -> String { #""\\x"# + hex(bytes) + "\"" }
#endif
