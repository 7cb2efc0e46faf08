#if Gateway
import Holdfast
import HoldfastIdempotency

/// A route as one plan has it, with what its policies know. What did not change is taken over from the plan before.
final class Route: Sendable {
    let configuration: RouteConfiguration
    let service: UpstreamService
    let rateLimits: RateLimits?
    let bulkhead: Bulkhead?
    let adaptiveLimit: AdaptiveLimit?
    let budget: RetryBudget
    let hedge: Hedge?
    /// The keys that a shadowed route has seen.
    let shadowedKeys: SeenKeys?
    let metrics: RouteMetrics

    var name: String { configuration.name }

    init(
        _ configuration: RouteConfiguration, service: UpstreamService, former: Route?, clock: any TimeSource
    ) throws(ConfigurationError) {
        self.configuration = configuration
        self.service = service
        let before = former?.configuration
        let name = configuration.name
        if configuration.rateLimit == before?.rateLimit, let kept = former?.rateLimits {
            rateLimits = kept
        } else if let limit = configuration.rateLimit {
            rateLimits = try RateLimits(name, limit, clock: clock)
        } else {
            rateLimits = nil
        }
        if configuration.concurrency == before?.concurrency, let kept = former?.bulkhead {
            bulkhead = kept
        } else if let limit = configuration.concurrency {
            bulkhead = try Bulkhead(name, limit: limit, clock: clock)
        } else {
            bulkhead = nil
        }
        if configuration.adaptiveLimit == before?.adaptiveLimit, let kept = former?.adaptiveLimit {
            adaptiveLimit = kept
        } else if let limit = configuration.adaptiveLimit {
            adaptiveLimit = try AdaptiveLimit(name, configuration: limit, clock: clock)
        } else {
            adaptiveLimit = nil
        }
        if let own = configuration.budget {
            let kept = own == before?.budget ? former?.budget : nil
            budget = if let kept { kept } else { try RetryBudget(configuration: own, clock: clock) }
        } else {
            budget = service.budget
        }
        if configuration.hedge == before?.hedge, let kept = former?.hedge, former?.budget === budget {
            hedge = kept
        } else if let hedging = configuration.hedge {
            hedge = try Hedge(configuration: hedging, budget: budget, clock: clock)
        } else {
            hedge = nil
        }
        shadowedKeys = configuration.isShadow ? former?.shadowedKeys ?? SeenKeys() : nil
        metrics = former?.metrics ?? RouteMetrics(route: name)
    }
}
#endif
