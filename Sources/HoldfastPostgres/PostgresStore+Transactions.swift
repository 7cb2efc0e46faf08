#if PostgreSQL
public import Holdfast
public import HoldfastIdempotency

/// Keys in the same transaction as the work: the user's writes and the outcome of their key become durable together, or
/// not at all.
extension PostgresStore {
    /// Does the work once under its key, inside a transaction of the user's own, and answers every repeat with what it
    /// returned. For what the transaction writes, that is exactly one effect: there is no lease, and nothing is unknown.
    ///
    /// ```swift
    /// try await connection.withTransaction { transaction in
    ///     try await store.run(key, in: Scope(caller: tenant, operation: "charges"), saying: [body]) { sql, parameters in
    ///         try await transaction.rows(sql, parameters)
    ///     } _: {
    ///         try await transaction.insert(charge)
    ///         return Receipt(charge)
    ///     }
    /// }
    /// ```
    ///
    /// The key stays locked until the transaction ends, so a duplicate waits for it, and then gets the outcome, or does the
    /// work if the transaction was rolled back. Under `REPEATABLE READ` and above, such a duplicate fails with the code
    /// 40001 instead, and is to be tried again, as those levels ask. A pool of connections between is no harm as long as
    /// the whole transaction is on one of them.
    ///
    /// The records are the store's: a key that an `IdempotencyEngine` executes on the same store is in flight here, too.
    ///
    /// - Parameters:
    ///   - key: The caller's key.
    ///   - scope: What the key is unique within.
    ///   - parts: What the request says. The same key with other parts is refused.
    ///   - retention: How long the outcome is kept: 1 minute to 365 days. Default: 24 h.
    ///   - seal: What the outcome is encrypted with: as the engine is given, if it shares the store. Default: nothing.
    ///   - coding: How what the work returns is kept: at most 63 MiB.
    ///   - execute: Carries out one statement in the transaction, with its parameters as text, and returns its rows as
    ///     text.
    ///   - work: Writes by the same transaction. What it throws is thrown as it is; let it end the transaction, and nothing
    ///     has happened.
    /// - Throws: `IdempotencyError`: `mismatched`, `inFlight`, `unknown`, `notKept`, `unreadable`, or `failed`.
    ///   `ClaimStoreError` with the code `invalid` if there is no transaction, or if the outcome is too large: roll back.
    ///   `ConfigurationError` for a retention out of its range. What `execute` throws.
    nonisolated(nonsending) public func run<Value: Sendable>(
        _ key: IdempotencyKey, in scope: Scope, saying parts: [[UInt8]], retention: Duration = .seconds(86_400),
        sealing seal: PayloadSeal? = nil, coding: OutcomeCoding<Value>,
        within execute: nonisolated(nonsending) (_ sql: String, _ parameters: [String?]) async throws -> PostgresRows,
        _ work: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Executed<Value> {
        try require("retention", retention, in: IdempotencyEngine.retentions)
        let secret = try await secret()
        let id = secret.recordID(of: key, in: scope)
        // There is no lease to keep: nobody else sees the claim before the outcome is there.
        let claim = ClaimCommand(
            id: id,
            action: .claim(
                fingerprint: secret.fingerprint(of: parts), lease: IdempotencyEngine.leases.upperBound,
                retention: retention))
        let found = try await read(claim, within: execute)
        let (replies, writes) = try records.decide([claim], on: found)
        guard case .claimed(let fence) = replies[0] else {
            for statement in writes { _ = try await execute(statement.sql, statement.parameters) }
            return try Self.answer(replies[0], of: id, coding, seal)
        }
        let value = try await work()
        let payload = try Self.payload(of: value, id, coding, seal)
        let complete = ClaimCommand(
            id: id, action: .complete(fence: fence, payload: payload, retention: retention))
        let (ends, all) = try records.decide([claim, complete], on: found)
        guard ends.last == .done else {
            throw ClaimStoreError(.failed, "the claim was not completed: \(ends.last ?? .stale)")
        }
        for statement in all { _ = try await execute(statement.sql, statement.parameters) }
        return Executed(value: value, isReplay: false)
    }

    /// The same, for what is kept as JSON.
    nonisolated(nonsending) public func run<Value: Sendable & Codable>(
        _ key: IdempotencyKey, in scope: Scope, saying parts: [[UInt8]], retention: Duration = .seconds(86_400),
        sealing seal: PayloadSeal? = nil,
        within execute: nonisolated(nonsending) (_ sql: String, _ parameters: [String?]) async throws -> PostgresRows,
        _ work: nonisolated(nonsending) () async throws -> Value
    ) async throws -> Executed<Value> {
        try await run(
            key, in: scope, saying: parts, retention: retention, sealing: seal, coding: .json, within: execute, work)
    }

    /// Locks the key, and reads what there is.
    ///
    /// Outside a transaction every statement is one of its own: the lock would be gone before anything is read, and a claim
    /// durable before the work. So the transaction is asked for its number twice.
    nonisolated(nonsending) private func read(
        _ claim: ClaimCommand,
        within execute: nonisolated(nonsending) (_ sql: String, _ parameters: [String?]) async throws -> PostgresRows
    ) async throws -> PostgresRecords.Found {
        let number = "SELECT pg_current_xact_id()::text"
        let first = try await execute(number, [])
        var answers: [PostgresRows] = []
        for statement in records.reads(for: [claim]) {
            answers.append(try await execute(statement.sql, statement.parameters))
        }
        guard try await execute(number, []) == first else {
            throw ClaimStoreError(.invalid, "there is no transaction that the claim could be part of")
        }
        return try records.found(in: answers)
    }

    private static func answer<Value>(
        _ reply: ClaimReply, of id: RecordID, _ coding: OutcomeCoding<Value>, _ seal: PayloadSeal?
    ) throws -> Executed<Value> {
        switch reply {
        case .completed(let payload):
            guard var payload else { throw IdempotencyError.notKept }
            if let seal {
                do { payload = try seal.open(payload, of: id) } catch { throw IdempotencyError.unreadable("\(error)") }
            }
            return Executed(value: try RecordedValue.read(payload, coding), isReplay: true)
        case .mismatched: throw IdempotencyError.mismatched
        case .inFlight: throw IdempotencyError.inFlight
        case .unknown(let fence): throw IdempotencyError.unknown(id, fence: fence)
        case .claimed, .free, .done, .stale: throw ClaimStoreError(.failed, "the store answered a claim with \(reply)")
        }
    }

    /// - Throws: What the coding throws; `ClaimStoreError` if it cannot be kept. Then nothing has happened yet, and the
    ///   transaction is rolled back.
    private static func payload<Value>(
        of value: Value, _ id: RecordID, _ coding: OutcomeCoding<Value>, _ seal: PayloadSeal?
    ) throws -> [UInt8] {
        let encoded = RecordedValue.value(try coding.encode(value))
        guard encoded.count <= IdempotencyConfiguration.outcomeBytesBound else {
            throw ClaimStoreError(
                .invalid,
                "the outcome has \(encoded.count) bytes, and at most \(IdempotencyConfiguration.outcomeBytesBound) can be kept"
            )
        }
        guard let seal else { return encoded }
        guard let sealed = seal.seal(encoded, of: id) else {
            throw ClaimStoreError(.failed, "the outcome cannot be sealed")
        }
        return sealed
    }
}
#endif
