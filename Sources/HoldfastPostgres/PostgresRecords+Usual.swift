#if PostgreSQL
import Holdfast
import HoldfastIdempotency

/// The usual batch: new keys are claimed, and those in flight are completed or released by their owners. The three
/// transitions are simple enough to be a condition, so the server carries them out for a whole batch in one round trip.
/// Whatever does not meet its condition is left as it is, and goes to the machine.
///
/// The locks are the machine's, so neither way overtakes the other.
extension PostgresRecords {
    /// Where in a batch the commands stand that are as usual: they ask for one of the three, and once for their key.
    func usual(in batch: [ClaimCommand]) -> [Int] {
        let askers = Dictionary(batch.map { ($0.id, 1) }, uniquingKeysWith: +)
        return batch.indices.filter { batch[$0].isUsual && askers[batch[$0].id] == 1 }
    }

    /// The statements for commands that are as usual.
    func statements(for batch: [ClaimCommand]) -> [PostgresStatement] {
        var claims: [[String]] = []
        var completions: [[String]] = []
        var releases: [[String]] = []
        for command in batch {
            let id = bytea(command.id.bytes)
            switch command.action {
            case .claim(let fingerprint, let lease, let retention, _, let owner, let nonce, let context):
                let by = ClaimHistory.word(owner, bound: ClaimHistory.nameBound)
                claims.append([
                    id, bytea(fingerprint.bytes), lease.inStoreMilliseconds, retention.inStoreMilliseconds,
                    quoted(by), quoted(ClaimHistory.word(nonce, bound: ClaimHistory.reasonBound)),
                    bytea(context),
                ])
            case .complete(let fence, let payload, let retention):
                completions.append([id, "\(fence)", payload.map(bytea) ?? "NULL", retention.inStoreMilliseconds])
            case .release(let fence):
                releases.append([id, "\(fence)"])
            case .look, .renew, .abandon, .resolve, .purge:
                // Not as usual: the machine's.
                break
            }
        }
        var statements = [locks(batch)]
        if !claims.isEmpty { statements.append(PostgresStatement(claim, columns(claims), isKept: true)) }
        if !completions.isEmpty { statements.append(PostgresStatement(complete, columns(completions), isKept: true)) }
        if !releases.isEmpty { statements.append(PostgresStatement(release, columns(releases), isKept: true)) }
        return statements
    }

    /// What was carried out; nil for each command that was not.
    func replies(to batch: [ClaimCommand], in answers: [PostgresRows]) -> [ClaimReply?] {
        let carriedOut = Dictionary(
            answers.dropFirst().joined().compactMap { row -> (String, String)? in
                guard row.count >= 2, let id = row[0], let fence = row[1] else { return nil }
                return (id, fence)
            }
        ) { $1 }
        return batch.map { command in
            guard let fence = carriedOut[command.id.description].flatMap({ Int64($0) }) else { return nil }
            if case .claim = command.action { return .claimed(fence: fence) }
            return .done
        }
    }

    private func columns(_ rows: [[String]]) -> [String?] {
        (rows.first ?? []).indices.map { column in array(rows.map { $0[column] }) }
    }

    private func line(_ event: ClaimHistory.Event, fence: String, by: String = "''", why: String = "''") -> String {
        "now || E'\\t\(event.rawValue)\\t' || \(fence) || E'\\t' || \(by) || E'\\t' || \(why) || E'\\n'"
    }

    private var claim: String {
        """
        INSERT INTO holdfast.record (id, fingerprint, fence, state, lease_ends, expires, history, context)
        SELECT id, fingerprint, fence, 0, now + lease, now + lease + retention,
            \(line(.claimed, fence: "fence", by: "owner", why: "nonce")),
            CASE WHEN context = '' THEN '' ELSE int8send(fence) || context END
        FROM (
            SELECT *, nextval('holdfast.fence') AS fence FROM
                (SELECT \(now) AS now) AS time,
                unnest($1::bytea[], $2::bytea[], $3::bigint[], $4::bigint[], $5::text[], $6::text[],
                    $7::bytea[]) AS asked (id, fingerprint, lease, retention, owner, nonce, context)
        ) AS new
        ON CONFLICT (id) DO NOTHING RETURNING encode(id, 'hex'), fence
        """
    }

    private var complete: String {
        """
        WITH time AS MATERIALIZED (SELECT \(now) AS now), completed AS (
            UPDATE holdfast.record SET
                state = CASE WHEN payload IS NULL THEN 2 ELSE 1 END, expires = now + retention,
                context = '',
                history = history || \(line(.completed, fence: "record.fence",
                    why: "CASE WHEN payload IS NULL THEN 'response not kept' ELSE '' END"))
            FROM time, unnest($1::bytea[], $2::bigint[], $3::bytea[], $4::bigint[])
                AS asked (id, fence, payload, retention)
            WHERE record.id = asked.id AND record.fence = asked.fence AND state = 0 AND expires > now
            RETURNING record.id, record.fence, payload, waited
        ), kept AS (
            INSERT INTO holdfast.payload SELECT fence, payload FROM completed WHERE payload IS NOT NULL
        )
        SELECT encode(id, 'hex'), fence, CASE WHEN waited THEN \(Self.tell("encode(id, 'hex')")) END FROM completed
        """
    }

    private var release: String {
        """
        WITH released AS (
            DELETE FROM holdfast.record USING unnest($1::bytea[], $2::bigint[]) AS asked (id, fence)
            WHERE record.id = asked.id AND record.fence = asked.fence AND state = 0
                AND position(E'\\n' IN history) = length(history) AND expires > \(now)
            RETURNING record.id, record.fence, waited
        )
        SELECT encode(id, 'hex'), fence, CASE WHEN waited THEN \(Self.tell("encode(id, 'hex')")) END FROM released
        """
    }
}

extension ClaimCommand {
    fileprivate var isUsual: Bool {
        switch action {
        case .claim, .complete, .release: true
        case .look, .renew, .abandon, .resolve, .purge: false
        }
    }
}

extension Duration {
    /// Whole milliseconds, rounded up as the machine does, and few enough that two of them are added to the time.
    fileprivate var inStoreMilliseconds: String {
        "\(min(StoreInstant(milliseconds: 0).advanced(by: self).milliseconds, .max / 4))"
    }
}
#endif
