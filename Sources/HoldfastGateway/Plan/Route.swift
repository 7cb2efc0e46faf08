#if Gateway
import Holdfast
import HoldfastIdempotency
import NIOCore

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
    /// Finds out who calls by tokens, where the route says so.
    let tokens: TokenVerifier?
    let callers: CallerWatch
    private let uploadPlaces: CallerShares
    /// What passes to the adaptive limit.
    let limitEvidence: CallerEvidence
    /// Each request needs them several times: as its event loop counts.
    let deadline: TimeAmount
    let attemptTimeout: TimeAmount
    let streamTimeout: TimeAmount
    /// In an order that does not depend on how the configuration lists them, since what is hashed depends on it.
    let fingerprintFields: [String]
    let scopeFields: [String]
    let callerName: [String]

    var name: String { configuration.name }

    init(
        _ configuration: RouteConfiguration, service: UpstreamService, tokens: TokenVerifier?, former: Route?,
        clock: any TimeSource
    ) throws(ConfigurationError) {
        self.configuration = configuration
        self.service = service
        let before = former?.configuration
        let name = configuration.name
        rateLimits = try Self.kept(former?.rateLimits, configuration.rateLimit, before?.rateLimit) {
            limit throws(ConfigurationError) in try RateLimits(name, limit, clock: clock)
        }
        bulkhead = try Self.kept(former?.bulkhead, configuration.concurrency, before?.concurrency) {
            limit throws(ConfigurationError) in try Bulkhead(name, limit: limit, clock: clock)
        }
        adaptiveLimit = try Self.kept(former?.adaptiveLimit, configuration.adaptiveLimit, before?.adaptiveLimit) {
            limit throws(ConfigurationError) in try AdaptiveLimit(name, configuration: limit, clock: clock)
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
        limitEvidence = former?.limitEvidence ?? CallerEvidence(for: .failureRate(1, ofLast: 1))
        uploadPlaces = former?.uploadPlaces ?? CallerShares()
        metrics = former?.metrics ?? RouteMetrics(route: name)
        self.tokens = tokens
        callers = former?.callers ?? CallerWatch()
        deadline = TimeAmount(configuration.deadline)
        attemptTimeout = TimeAmount(configuration.attemptTimeout)
        streamTimeout = TimeAmount(configuration.streamTimeout)
        fingerprintFields = configuration.idempotency.fingerprintFields.sorted()
        scopeFields = configuration.idempotency.scopeFields.sorted()
        callerName = configuration.callerName.sorted()
    }

    /// Whose bodies are still to come, and how many may be: half of the requests that may be in flight. Nil where any may.
    var uploads: (places: CallerShares, bound: Int)? {
        let limits = [configuration.concurrency, adaptiveLimit?.snapshot().limit].compactMap(\.self)
        return limits.min().map { (uploadPlaces, max(1, $0 / 2)) }
    }

    /// What a policy knows goes over while it is configured as it was.
    private static func kept<Policy, Options: Equatable>(
        _ former: Policy?, _ options: Options?, _ before: Options?,
        make: (Options) throws(ConfigurationError) -> Policy
    ) throws(ConfigurationError) -> Policy? {
        guard let options else { return nil }
        if options == before, let former { return former }
        return try make(options)
    }
}
#endif
