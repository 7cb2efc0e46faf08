#if !SQLite
public import Holdfast
public import HoldfastIdempotency

// Without the trait `SQLite` there is nothing here but these names, so that the compiler says what is missing.

@available(
    *, unavailable,
    message:
        "HoldfastSQLite is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"SQLite\"]) in your manifest"
)
public final class SQLiteStore: AbsentClaimStore {
    public init(path: String, clock: any TimeSource = MonotonicClock()) throws(ClaimStoreError) {}
}

@available(
    *, unavailable,
    message:
        "HoldfastSQLite is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"SQLite\"]) in your manifest"
)
public struct SQLiteTransactionClaims: Sendable {
    public init<Database>(
        in database: Database, sealing seal: PayloadSeal? = nil, clock: any TimeSource = MonotonicClock()
    ) throws {}
}
#endif
