#if SQLite
import Foundation
public import GRDB
public import Holdfast
public import HoldfastIdempotency

/// Keys in the same transaction as the work: the user's writes and the outcome of their key become durable together, or
/// not at all. For what the transaction writes, that is exactly one effect: there is no lease, and nothing is unknown.
///
/// ```swift
/// let claims = try await database.write { try SQLiteTransactionClaims(in: $0) }
/// let receipt = try await database.write { database in
///     try claims.run(key, in: Scope(caller: tenant, operation: "charges"), saying: [body], on: database) {
///         try Charge(order).insert(database)
///         return Receipt(order)
///     }
/// }
/// ```
///
/// Its tables lie in the user's own database, and their names begin with `holdfast_`. Whether a commit is synced is
/// the user's to say: GRDB's `DatabasePool` sets `synchronous = NORMAL`, which a power cut may cost the last commits,
/// but their keys with them.
public struct SQLiteTransactionClaims: Sendable {
    static let prefix = "holdfast_"

    private let secret: StoreSecret
    private let clock: SharedSQLiteClock
    private let seal: PayloadSeal?

    /// Lays out the tables, if the database has none.
    ///
    /// - Parameters:
    ///   - database: Inside a write transaction.
    ///   - seal: What values are encrypted with. Default: nothing.
    ///   - clock: What retention is measured on, while the process runs.
    /// - Throws: What the database throws; `ClaimStoreError` with the code `unusable` for tables of another version.
    public init(
        in database: Database, sealing seal: PayloadSeal? = nil, clock: any TimeSource = MonotonicClock()
    ) throws {
        try SQLiteSchema.openShared(in: database, prefix: Self.prefix)
        let records = try SQLiteRecords(database: database, prefix: Self.prefix)
        guard let bytes = try records.secret() else {
            throw ClaimStoreError(.unusable, "the database has lost its secret")
        }
        secret = try StoreSecret(bytes: Array(bytes))
        self.clock = SharedSQLiteClock(resumingAt: try records.tick(), mark: try records.mark(), on: clock)
        self.seal = seal
    }

    /// Does the work once under its key, and answers every repeat with what it returned.
    ///
    /// - Parameters:
    ///   - key: The caller's name for this one effect.
    ///   - scope: What the key is unique within.
    ///   - parts: What the request says. The same key with other parts is refused.
    ///   - retention: How long the outcome is kept: 1 minute to 365 days. Default: 24 h.
    ///   - coding: How what the work returns is kept.
    ///   - database: Inside a write transaction, which the work's own writes belong to.
    ///   - work: What it throws is thrown as it is; let it end the transaction, and nothing has happened.
    /// - Throws: `IdempotencyError.mismatched`, `IdempotencyError.unreadable(_:)`; `ConfigurationError` for a
    ///   retention out of its range.
    public func run<Value: Sendable>(
        _ key: IdempotencyKey, in scope: Scope, saying parts: [[UInt8]], retention: Duration = .seconds(86_400),
        coding: OutcomeCoding<Value>, on database: Database, _ work: () throws -> Value
    ) throws -> Executed<Value> {
        try require("retention", retention, in: .seconds(60) ... .seconds(365 * 86_400))
        guard database.isInsideTransaction else {
            throw ClaimStoreError(.invalid, "there is no transaction that the claim could be part of")
        }
        let records = try SQLiteRecords(database: database, prefix: Self.prefix)
        let (id, fingerprint) = (secret.recordID(of: key, in: scope), secret.fingerprint(of: parts))
        let (now, mark) = try now(records)
        let known = try records.record(id)
        let fence = try records.fence() + 1
        let kept = retention + SharedSQLiteClock.allowance
        // There is no lease to keep: nobody else sees the claim before the outcome is there.
        let claim = ClaimMachine.apply(
            .claim(fingerprint: fingerprint, lease: retention, retention: kept), to: known, at: now,
            nextFence: fence)
        switch (claim.reply, claim.write) {
        case (.mismatched, _): throw IdempotencyError.mismatched
        case (.completed(let payload?), _):
            let opened = try seal?.open(payload, of: id) ?? payload
            do { return Executed(value: try coding.decode(opened), isReplay: true) } catch {
                throw IdempotencyError.unreadable("\(error)")
            }
        case (.claimed, .put(let claimed)):
            let value = try work()
            let encoded = try coding.encode(value)
            guard let payload = seal.map({ $0.seal(encoded, of: id) }) ?? encoded else {
                throw ClaimStoreError(.failed, "the value cannot be sealed")
            }
            let complete = ClaimMachine.apply(
                .complete(fence: fence, payload: payload, retention: kept), to: claimed, at: now, nextFence: 0)
            guard case .put(let completed) = complete.write else {
                throw ClaimStoreError(.failed, "the claim was not completed: \(complete.reply)")
            }
            try records.put(completed, under: id, replacing: known?.fence)
            try records.save(fence: fence, tick: now)
            try records.save(mark: clock.mark(after: mark))
            return Executed(value: value, isReplay: false)
        default: throw ClaimStoreError(.failed, "the record is \(claim.reply), which this mode never writes")
        }
    }

    /// The same, for what is kept as JSON.
    public func run<Value: Sendable & Codable>(
        _ key: IdempotencyKey, in scope: Scope, saying parts: [[UInt8]], retention: Duration = .seconds(86_400),
        on database: Database, _ work: () throws -> Value
    ) throws -> Executed<Value> {
        try run(key, in: scope, saying: parts, retention: retention, coding: .json, on: database, work)
    }

    /// Forgets at most this many keys whose retention is over. Call it now and then.
    ///
    /// - Returns: How many were forgotten.
    public func reap(atMost count: Int, on database: Database) throws -> Int {
        let records = try SQLiteRecords(database: database, prefix: Self.prefix)
        let (now, mark) = try now(records)
        let reaped = try records.reap(atMost: count, at: now).keys
        try records.save(fence: records.fence(), tick: now)
        try records.save(mark: clock.mark(after: mark))
        return reaped
    }

    /// The time, and who wrote last.
    private func now(_ records: SQLiteRecords) throws -> (now: StoreInstant, mark: Int64) {
        let mark = try records.mark()
        return (clock.now(after: try records.tick(), mark: mark), mark)
    }
}
#endif
