#if PostgreSQL
import Holdfast
public import HoldfastIdempotency
import Synchronization

/// A batch on its way: what is usual in one round trip, the rest by the machine in two, and what somebody else has locked
/// without waiting for it.
extension PostgresStore {
    public func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
        try await results(of: batch).map { result throws(ClaimStoreError) in try result.get() }
    }

    public func results(of batch: [ClaimCommand]) async -> [Result<ClaimReply, ClaimStoreError>] {
        guard !batch.isEmpty else { return [] }
        var replies: [ClaimReply?] = batch.map { _ in nil }
        var failure = ClaimStoreError(.failed, "another transaction has locked the key, and keeps it")
        do {
            try await pool.use { connection in
                try await carryOut(batch, into: &replies, on: connection)
            }
        } catch { failure = ClaimStoreError(error) }
        return replies.map { $0.map { .success($0) } ?? .failure(failure) }
    }

    /// Leaves those without a reply whose keys are locked by somebody else.
    private func carryOut(
        _ batch: [ClaimCommand], into replies: inout [ClaimReply?], on connection: PostgresConnection
    ) async throws {
        let kept = batch.indices.filter { isHeld(batch[$0]) }
        if !kept.isEmpty {
            try await step(kept, of: batch, into: &replies) { try await applyToFree($0, on: connection) }
        }
        let usual = records.usual(in: batch).filter { !isHeld(batch[$0]) }
        if !usual.isEmpty {
            try await step(usual, of: batch, into: &replies) { commands in
                try await orToFree(commands, on: connection) {
                    let answers = try await connection.transaction(of: records.statements(for: commands))
                    return records.replies(to: commands, in: answers)
                }
            }
        }
        let rest = batch.indices.filter { replies[$0] == nil && !isHeld(batch[$0]) }
        if !rest.isEmpty {
            try await step(rest, of: batch, into: &replies) { commands in
                try await orToFree(commands, on: connection) { try await decide(commands, on: connection) }
            }
        }
    }

    private func step(
        _ places: [Int], of batch: [ClaimCommand], into replies: inout [ClaimReply?],
        _ body: ([ClaimCommand]) async throws -> [ClaimReply?]
    ) async throws {
        for (place, reply) in zip(places, try await body(places.map { batch[$0] })) { replies[place] = reply }
    }

    /// Reads, lets the machine decide, and writes: two round trips, for whatever comes.
    private func decide(_ batch: [ClaimCommand], on connection: PostgresConnection) async throws -> [ClaimReply] {
        try await connection.transaction { execute in
            let found = try records.found(in: try await execute(records.reads(for: batch)))
            return try records.decide(batch, on: found)
        }
    }

    /// One lock that cannot be had in time fails the whole transaction. Then all but those that are locked are carried out.
    private func orToFree(
        _ batch: [ClaimCommand], on connection: PostgresConnection, _ body: () async throws -> [ClaimReply?]
    ) async throws -> [ClaimReply?] {
        do { return try await body() } catch let failure as PostgresConnection.Failure where failure.isAboutLocks {
            return try await applyToFree(batch, on: connection)
        }
    }

    /// Carries out what concerns keys that nobody else has locked. It waits for none.
    private func applyToFree(_ batch: [ClaimCommand], on connection: PostgresConnection) async throws -> [ClaimReply?] {
        let (replies, free) = try await connection.transaction { execute -> (([ClaimReply?], Set<Int64>), _) in
            let rows = try await execute([records.locksThatAreFree(for: batch)])[0]
            let free = Set(rows.compactMap { $0.first.flatMap { $0 }.flatMap(Int64.init) })
            let places = batch.indices.filter { free.contains(batch[$0].id.lockKey) }
            var replies: [ClaimReply?] = batch.map { _ in nil }
            guard !places.isEmpty else { return ((replies, free), []) }
            let part = places.map { batch[$0] }
            let (decided, writes) = try records.decide(
                part, on: try records.found(in: try await execute(records.reads(for: part))))
            for (place, reply) in zip(places, decided) { replies[place] = reply }
            return ((replies, free), writes)
        }
        let keys = Set(batch.map(\.id.lockKey))
        let now = clock.now
        held.withLock { $0.note(held: Array(keys.subtracting(free)), free: Array(keys.intersection(free)), at: now) }
        return replies
    }

    private func isHeld(_ command: ClaimCommand) -> Bool {
        let now = clock.now
        return held.withLock { $0.contains(command.id.lockKey, at: now) }
    }
}

extension PostgresConnection.Failure {
    /// `lock_not_available`.
    fileprivate var isAboutLocks: Bool { code == "55P03" }
}
#endif
