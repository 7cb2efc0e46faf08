#if !Gateway
public import Holdfast
public import HoldfastIdempotency

// Without the trait `Gateway` there is nothing here but these names, so that the compiler says what is missing.

@available(
    *, unavailable,
    message:
        "HoldfastGateway is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"Gateway\"]) in your manifest"
)
public final class Gateway: Sendable {
    public static func start<Configuration, Logger>(
        _ configuration: Configuration, store: any ClaimStore, sealing seal: PayloadSeal? = nil,
        clock: any TimeSource = MonotonicClock(), logger: Logger
    ) async throws -> Gateway { Gateway() }
}

@available(
    *, unavailable,
    message:
        "HoldfastGateway is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"Gateway\"]) in your manifest"
)
public struct GatewayConfiguration: Sendable {
    public init<Listeners, Services, Routes>(listeners: Listeners, services: Services, routes: Routes, threads: Int) {}
    public init<Addresses>(upstreams: Addresses, threads: Int) {}
}

@available(
    *, unavailable,
    message:
        "HoldfastGateway is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"Gateway\"]) in your manifest"
)
public enum ConfigurationFile {}

@available(
    *, unavailable,
    message:
        "HoldfastGateway is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"Gateway\"]) in your manifest"
)
public enum ConfigurationReloader {}

@available(
    *, unavailable,
    message:
        "HoldfastGateway is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"Gateway\"]) in your manifest"
)
public enum ListenerConfiguration {}

@available(
    *, unavailable,
    message:
        "HoldfastGateway is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"Gateway\"]) in your manifest"
)
public enum RouteConfiguration {}

@available(
    *, unavailable,
    message:
        "HoldfastGateway is empty without its trait: write .package(url: …, branch: \"main\", traits: [\"Gateway\"]) in your manifest"
)
public enum ServiceConfiguration {}
#endif
