#if PostgreSQL
public import HoldfastIdempotency

/// What the store holds: the sum of what each statement has added to the counts, so it is right at any moment and for all
/// who share the database. Whoever asks adds up what has gathered since.
extension PostgresStore {
    public func usage() async throws -> ClaimUsage? {
        try await pool.use { [records] connection in
            let answers = try await connection.transaction(of: [
                PostgresUsage.sums, PostgresUsage.lapsed(by: records.now), PostgresUsage.fold,
            ])
            guard let sums = answers[0].first, sums.count == 3, let lapsed = answers[1].first?.first else {
                throw ClaimStoreError(.failed, "the server's answer is not what was asked for")
            }
            func number(_ text: String?) -> Int { text.flatMap { Int($0) } ?? 0 }
            return ClaimUsage(
                keys: number(sums[0]), bytes: number(sums[1]), unknown: number(sums[2]) + number(lapsed))
        }
    }
}

enum PostgresUsage {
    static let sums = PostgresStatement(
        """
        SELECT coalesce(sum(keys), 0)::bigint, coalesce(sum(bytes), 0)::bigint, coalesce(sum(unknown), 0)::bigint
        FROM holdfast.tally
        """)

    /// Those whose lease is over, among what is in flight.
    static func lapsed(by now: String) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT count(*) FROM holdfast.unsettled JOIN holdfast.record USING (id)
            WHERE unsettled.state = 0 AND record.state = 0 AND lease_ends <= \(now)
            """)
    }

    /// What another adds up at the same moment is left to it.
    static let fold = PostgresStatement(
        """
        WITH taken AS (
            DELETE FROM holdfast.tally
            WHERE ctid = ANY (ARRAY(SELECT ctid FROM holdfast.tally LIMIT 100000 FOR UPDATE SKIP LOCKED))
            RETURNING keys, bytes, unknown
        )
        INSERT INTO holdfast.tally SELECT sum(keys), sum(bytes), sum(unknown) FROM taken HAVING count(*) > 0
        """)
}
#endif
