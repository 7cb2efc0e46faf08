#if PostgreSQL
import Foundation
public import Holdfast
public import HoldfastIdempotency
import Synchronization

/// Keeps records in PostgreSQL, 13 or later: for several processes that share their keys. What it acknowledges survives
/// the server's crash (`synchronous_commit`), and leases are measured on the server's clock alone.
///
/// A batch is one transaction of one round trip, whatever its size; what meets a record that is not as usual (a repeat, a
/// claim that was lost) takes two more. PgBouncer may stand between, in transaction mode.
///
/// What has expired is forgotten by `IdempotencyEngine.keepReaping`, which somebody has to run beside the service.
public final class PostgresStore: ClaimStore {
    /// One for each connection, but not more than processors: a batch that is split costs more than it wins.
    public let lanes: Int

    let records: PostgresRecords
    let pool: PostgresPool
    let held = Mutex(HeldKeys())
    let clock: any TimeSource
    private let hashingSecret: StoreSecret
    private let listener: PostgresListener

    /// Opens the store, and lays out its schema if the database has none.
    ///
    /// - Parameters:
    ///   - url: What libpq takes: `postgres://user@host/database?sslmode=verify-full`.
    ///   - connections: The most that are open at once: 1 to 64. Default: 4.
    ///   - clock: What waits between attempts to connect are measured on.
    /// - Throws: `ClaimStoreError` with the code `unusable` when the server cannot be reached, is not durable
    ///   (`fsync = off`), or holds a schema of another version; `ConfigurationError` for an option out of its range.
    public convenience init(
        url: String, connections: Int = 4, clock: any TimeSource = MonotonicClock()
    ) async throws {
        try await self.init(url: url, connections: connections, clock: clock, records: PostgresRecords())
    }

    /// A little more than the `statement_timeout` of ``PostgresConnection``'s transactions.
    static let patience = Duration.seconds(12)

    init(
        url: String, connections: Int = 4, clock: any TimeSource = MonotonicClock(), records: PostgresRecords,
        patience: Duration = patience
    ) async throws {
        try require("connections", connections, in: 1...64)
        (self.records, self.clock) = (records, clock)
        lanes = min(connections, ProcessInfo.processInfo.activeProcessorCount)
        listener = PostgresListener(url: url)
        pool = try PostgresPool(url: url, size: connections, patience: patience, clock: clock)
        do {
            let secret = try await pool.use { connection in try await PostgresSchema.open(on: connection) }
            hashingSecret = try StoreSecret(bytes: secret)
        } catch let error as ClaimStoreError where error.code != .unusable {
            throw ClaimStoreError(.unusable, "cannot open the store: \(error)")
        }
    }

    /// Brings an older schema up to date. Those who still run the older version go on until they are restarted.
    ///
    /// - Returns: The versions before and after.
    /// - Throws: `ClaimStoreError` when the server cannot be reached, or holds no schema of this version or before.
    public static func migrate(url: String) async throws -> (from: Int, to: Int) {
        let pool = try PostgresPool(url: url, size: 1, patience: nil, clock: MonotonicClock())
        return try await pool.use { try await PostgresSchema.migrate(on: $0) }
    }

    public func secret() async throws -> StoreSecret { hashingSecret }

    deinit { listener.close() }

    /// Hears of the end by `NOTIFY`.
    public func awaitEnd(of id: RecordID, within pause: Duration, on clock: any TimeSource) async throws {
        listener.listen()
        try await listener.board.wait(for: id, within: pause, on: clock)
    }

    public func summary(of id: RecordID) async throws -> ClaimSummary? {
        try await summaries(where: "id = $1::bytea", id.description, atMost: 1).first?.summary
    }

    public func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
        let after = try cursor.map { try RecordID(cursor: $0).description } ?? ""
        let found = try await summaries(where: "id > $1::bytea", after, atMost: count)
        let summaries = found.compactMap(\.summary)
        return ClaimPage(
            summaries: summaries, next: found.count < count ? nil : found.last?.id.description,
            now: summaries.last?.now ?? StoreInstant(milliseconds: 0))
    }

    public func summaries(
        standing state: ClaimSummary.State, after cursor: String?, atMost count: Int
    ) async throws -> ClaimPage {
        guard state != .completed else {
            let page = try await summaries(after: cursor, atMost: count)
            return ClaimPage(summaries: page.summaries.filter { $0.state == state }, next: page.next, now: page.now)
        }
        let after = try fence(atCursor: cursor)
        let looked = try await pool.use { [records] connection in
            // As a batch's: without counts of the tables' sizes, another plan might read them whole.
            let statements = records.summaries(standing: state, after: after, atMost: max(1, count))
            return try await connection.transaction(of: statements).joined().map { row in
                try (fence: row[2].flatMap { Int64($0) } ?? 0, summary: records.summary(of: row).summary)
            }
        }
        let now = looked.compactMap(\.summary).last?.now ?? StoreInstant(milliseconds: 0)
        return ClaimPage(of: looked, standing: state, atMost: max(1, count), now: now)
    }

    private func summaries(
        where condition: String, _ id: String, atMost count: Int
    ) async throws -> [(id: RecordID, summary: ClaimSummary?)] {
        try await pool.use { [records] connection in
            let statement = records.summaries(where: condition, "\\x" + id, atMost: count)
            return try await connection.send([statement])[0].map { try records.summary(of: $0) }
        }
    }

    public func reap(atMost count: Int) async throws -> Int {
        try await pool.use { [records] connection in
            try await connection.transaction { execute in
                (try await execute([records.reap(atMost: count)])[0].count, [])
            }
        }
    }

    /// Claims, and later completes, inside a transaction of the user's own, by whatever driver: the claim, the user's
    /// writes and the outcome become durable together, or not at all. That is exactly one effect for what the
    /// transaction writes.
    ///
    /// The key stays locked until the transaction ends, so a duplicate waits for it.
    ///
    /// - Parameters:
    ///   - batch: The commands, in order.
    ///   - execute: Carries out one statement in the transaction, with its parameters as text, and returns its rows as
    ///     text.
    public func apply(
        _ batch: [ClaimCommand],
        within execute: (_ sql: String, _ parameters: [String?]) async throws -> PostgresRows
    ) async throws -> [ClaimReply] {
        var answers: [PostgresRows] = []
        for statement in records.reads(for: batch) {
            answers.append(try await execute(statement.sql, statement.parameters))
        }
        let (replies, writes) = try records.decide(batch, on: try records.found(in: answers))
        for statement in writes { _ = try await execute(statement.sql, statement.parameters) }
        return replies
    }
}

extension PostgresConnection {
    typealias Execute = ([PostgresStatement]) async throws -> [PostgresRows]

    /// `lock_timeout`: a user's transaction may hold a key for as long as it likes. `statement_timeout`: a server that is
    /// stuck must not hold a batch. `idle_in_transaction_session_timeout`: who is stopped between reading and writing
    /// must not hold up to 256 keys until it goes on. `synchronous_commit`: a claim is durable before the work begins,
    /// whatever the database's default.
    ///
    /// A plan is made once, maybe while the tables are empty: so it is told to look up each key in the index, which is right
    /// for however many there are.
    private static let begin = [
        PostgresStatement("BEGIN"),
        PostgresStatement(
            """
            SELECT set_config('lock_timeout', '2s', true), set_config('statement_timeout', '10s', true),
                set_config('synchronous_commit', 'on', true),
                set_config('idle_in_transaction_session_timeout', '5s', true), set_config('plan_cache_mode', 'force_generic_plan', true),
                set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
                set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)
            """, isKept: true),
    ]

    /// Carries out a transaction, and once more if the server was found not to keep statements: then nothing of it was
    /// carried out.
    private func again<R>(_ transaction: () async throws -> R) async throws -> R {
        do { return try await transaction() } catch let failure as Failure where failure.isAboutKeeping {
            keepNothing()
            return try await transaction()
        }
    }

    /// Carries out statements that do not depend on one another's answers, in one round trip.
    func transaction(of statements: [PostgresStatement]) async throws -> [PostgresRows] {
        try await again { try await once(statements) }
    }

    private func once(_ statements: [PostgresStatement]) async throws -> [PostgresRows] {
        do {
            let answers = try await send(Self.begin + statements + [PostgresStatement("COMMIT")])
            return Array(answers.dropFirst(Self.begin.count).dropLast())
        } catch {
            _ = try? await send([PostgresStatement("ROLLBACK")])
            throw error
        }
    }

    /// Begins with the first statements, and commits with the last ones: no round trip of their own for either.
    ///
    /// - Parameter body: Reads, by what it is given, and returns what is to be written before the commit.
    func transaction<R: Sendable>(
        _ body: (Execute) async throws -> (R, writes: [PostgresStatement])
    ) async throws -> R {
        try await again { try await once(body) }
    }

    private func once<R: Sendable>(
        _ body: (Execute) async throws -> (R, writes: [PostgresStatement])
    ) async throws -> R {
        let begin = PostgresConnection.begin
        var hasBegun = false
        do {
            let (result, writes) = try await body { statements in
                defer { hasBegun = true }
                let answers = try await self.send((hasBegun ? [] : begin) + statements)
                return hasBegun ? answers : Array(answers.dropFirst(begin.count))
            }
            _ = try await send(writes + [PostgresStatement("COMMIT")])
            return result
        } catch {
            // Without it, the connection would be left inside a transaction that has failed.
            _ = try? await send([PostgresStatement("ROLLBACK")])
            throw error
        }
    }
}
#endif
