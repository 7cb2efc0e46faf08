#if !Valkey
public import Holdfast
public import HoldfastIdempotency

// Without the trait `Valkey` there is nothing here but these names, so that the compiler says what is missing.

@available(
    *, unavailable,
    message:
        "HoldfastValkey is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"Valkey\"]) in your manifest"
)
public final class ValkeyStore: AbsentClaimStore {
    public init(url: String, clock: any TimeSource = MonotonicClock()) async throws {}
}

@available(
    *, unavailable,
    message:
        "HoldfastValkey is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"Valkey\"]) in your manifest"
)
public struct ValkeyAddress: Sendable {
    public init(url: String) throws(ConfigurationError) {}
}
#endif
