#if PostgreSQL
/// What the server keeps besides the records, so that operators' questions cost little however many keys there are: a list of
/// those that are not completed, and what has been added to the counts.
///
/// Triggers keep both, so whoever writes records keeps them right: an older Holdfast that still runs, or a person. They run
/// once for a statement, not for a row. An index of states would stand in the way of a completion, which changes no index
/// and so leaves its row where it is; and one row with the counts would be what all batches wait for.
extension PostgresSchema {
    /// Tables whose rows come and go must be cleaned by their number, not by a share of their size.
    private static let cleaned = "WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)"

    /// The first eight bytes of what is said of a cause are its claim's fence.
    private static let contextBytes = "greatest(octet_length(context) - 8, 0)"

    /// Also in the place of what an older version laid out.
    static let countRecords = """
        CREATE OR REPLACE FUNCTION holdfast.count_records() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF TG_OP <> 'INSERT' THEN
                DELETE FROM holdfast.unsettled USING gone
                WHERE gone.state <> 1 AND unsettled.state = gone.state AND unsettled.fence = gone.fence;
            END IF;
            IF TG_OP <> 'DELETE' THEN
                INSERT INTO holdfast.unsettled SELECT state, fence, id FROM come WHERE state <> 1;
            END IF;
            IF TG_OP = 'INSERT' THEN
                INSERT INTO holdfast.tally
                SELECT count(*), sum(\(contextBytes)), count(*) FILTER (WHERE state = 3) FROM come
                HAVING count(*) > 0;
            ELSIF TG_OP = 'DELETE' THEN
                INSERT INTO holdfast.tally
                SELECT -count(*), -sum(\(contextBytes)), -count(*) FILTER (WHERE state = 3) FROM gone
                HAVING count(*) > 0;
            ELSE
                INSERT INTO holdfast.tally
                SELECT 0, sum(bytes), sum(change) FROM (
                    SELECT \(contextBytes) AS bytes, (state = 3)::int AS change FROM come
                    UNION ALL SELECT -\(contextBytes), -(state = 3)::int FROM gone
                ) AS changes HAVING sum(bytes) <> 0 OR sum(change) <> 0;
            END IF;
            RETURN NULL;
        END $$
        """

    static let counts =
        [
            // State 1, completed with a payload, is what nearly all records come to.
            """
            CREATE TABLE holdfast.unsettled (
                state smallint NOT NULL, fence bigint NOT NULL, id bytea NOT NULL, PRIMARY KEY (state, fence)
            ) \(cleaned)
            """,
            "CREATE TABLE holdfast.tally (keys bigint NOT NULL, bytes bigint NOT NULL, unknown bigint NOT NULL) \(cleaned)",
            countRecords,
            """
            CREATE FUNCTION holdfast.count_payloads() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF TG_OP = 'INSERT' THEN
                    INSERT INTO holdfast.tally SELECT 0, sum(octet_length(bytes)), 0 FROM come HAVING count(*) > 0;
                ELSE
                    INSERT INTO holdfast.tally SELECT 0, -sum(octet_length(bytes)), 0 FROM gone HAVING count(*) > 0;
                END IF;
                RETURN NULL;
            END $$
            """,
        ]
        + [
            ("record", "records", "INSERT", "NEW TABLE AS come"), ("record", "records", "DELETE", "OLD TABLE AS gone"),
            ("record", "records", "UPDATE", "OLD TABLE AS gone NEW TABLE AS come"),
            ("payload", "payloads", "INSERT", "NEW TABLE AS come"),
            ("payload", "payloads", "DELETE", "OLD TABLE AS gone"),
        ].map { table, function, event, tables in
            """
            CREATE TRIGGER count_\(event.lowercased()) AFTER \(event) ON holdfast.\(table) REFERENCING \(tables)
            FOR EACH STATEMENT EXECUTE FUNCTION holdfast.count_\(function)()
            """
        }

    /// The same for what is there already. Nobody may write meanwhile: those who run the older version wait.
    static let firstCounts =
        ["LOCK TABLE holdfast.record, holdfast.payload IN SHARE ROW EXCLUSIVE MODE"] + counts + [
            "INSERT INTO holdfast.unsettled SELECT state, fence, id FROM holdfast.record WHERE state <> 1",
            """
            INSERT INTO holdfast.tally
            SELECT (SELECT count(*) FROM holdfast.record),
                (SELECT coalesce(sum(octet_length(bytes)), 0) FROM holdfast.payload),
                (SELECT count(*) FROM holdfast.record WHERE state = 3)
            """,
        ]
}
#endif
