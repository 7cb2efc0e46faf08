#if !PostgreSQL
public import Holdfast
public import HoldfastIdempotency

// Without the trait `PostgreSQL` there is nothing here but these names, so that the compiler says what is missing.

@available(
    *, unavailable,
    message:
        "HoldfastPostgres is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"PostgreSQL\"]) in your manifest"
)
public final class PostgresStore: AbsentClaimStore {
    public init(url: String, connections: Int = 4, clock: any TimeSource = MonotonicClock()) async throws {}

    public static func migrate(url: String) async throws -> (from: Int, to: Int) { (0, 0) }
}

@available(
    *, unavailable,
    message:
        "HoldfastPostgres is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"PostgreSQL\"]) in your manifest"
)
public enum PostgresRows {}
#endif
