#if PostgreSQL
public import HoldfastIdempotency

/// What the store holds, as the server keeps count of it anyway. Counting rows takes a second for ten million keys, and a
/// counter of our own would be a row that every batch writes.
///
/// - Keys: the rows that the server's statistics tell, or, after a crash has lost those, the planner's estimate. The latter
///   is as old as the last (auto)vacuum, so it may be a fifth too high after many have expired.
/// - Bytes: as many outcomes as there are, at the mean length of those on about a hundred pages, which are drawn each time.
extension PostgresStore {
    public func usage() async throws -> ClaimUsage? {
        try await pool.use { connection in
            let rows = try await connection.send([PostgresUsage.rows])[0]
            guard rows.count == 2, rows.allSatisfy({ $0.count == 3 }) else {
                throw ClaimStoreError(.failed, "the server's answer is not what was asked for")
            }
            func number(_ row: Int, _ column: Int) -> Int { rows[row][column].flatMap { Int($0) } ?? 0 }
            let (keys, outcomes, pages) = (number(0, 1), number(1, 1), number(1, 2))
            guard outcomes > 0, pages > 0 else { return ClaimUsage(keys: keys) }
            let mean = try await connection.send([PostgresUsage.mean(ofPages: pages)])[0].first?.first
            let bytes = mean.flatMap { $0 }.flatMap { Double($0) } ?? 0
            return ClaimUsage(keys: keys, bytes: Int(bytes * Double(outcomes)))
        }
    }
}

enum PostgresUsage {
    /// Records and payloads: rows, and pages.
    static let rows = PostgresStatement(
        """
        SELECT name, greatest(pg_stat_get_live_tuples(oid), reltuples::bigint, 0), pg_relation_size(oid) / 8192
        FROM unnest(ARRAY['holdfast.record', 'holdfast.payload']) WITH ORDINALITY AS wanted (name, place)
        JOIN pg_class ON oid = name::regclass ORDER BY place
        """)

    /// Lengths stand in the rows, also where the bytes lie elsewhere, so none of those are read.
    static func mean(ofPages pages: Int) -> PostgresStatement {
        let share = min(100, 10_000 / Double(pages))
        return PostgresStatement(
            "SELECT avg(octet_length(bytes))::float8 FROM holdfast.payload TABLESAMPLE SYSTEM (\(share))")
    }
}
#endif
