#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import Synchronization

extension GatewayState {
    /// The most services, and the most routes, that have a row: the first. All are in the metrics.
    static let rowBound = 100
    /// The most endpoints that have a row, of all services together: first those that are not well.
    static let endpointBound = 200

    init(
        _ shared: DataPlaneContext, _ plan: Plan, _ overrides: Overrides, demo controls: DemoControls?, uptime: Duration
    ) {
        let going = shared.engine.snapshot()
        let services = plan.services.prefix(Self.rowBound)
        let share = Self.endpointBound / max(1, services.count)
        let budgets = plan.budgets
        self.init(
            version: GatewayVersion.current,
            // Whole seconds, so that a gateway at rest has nothing new to say.
            uptimeSeconds: uptime.inSeconds.rounded(.down),
            services: services.map { Service($0, rows: share) },
            routes: plan.routes.prefix(Self.rowBound).map { Route($0.metrics) },
            budget: Budget(
                balance: budgets.reduce(0) { $0 + $1.balance }, refused: budgets.reduce(0) { $0 + $1.refused }),
            claims: Claims(inFlight: going.inFlight, waiting: going.waiting),
            requests: Requests(
                plan.routes.map(\.metrics) + [shared.counters.unrouted],
                inFlight: shared.counters.inFlight.load(ordering: .relaxed)),
            store: shared.engine.usage().map { Store(keys: $0.keys, bytes: $0.bytes, unknownKeys: $0.unknown) },
            overrides: overrides.overrides.prefix(Self.endpointBound).map { OverrideList.Override($0) },
            demo: controls.map { Demo(mode: $0.mode().rawValue, charges: $0.charges()) })
    }
}

extension GatewayState.Service {
    init(_ service: UpstreamService, rows: Int) {
        let all = service.endpoints
        var shown = Array(all.indices)
        if all.count > rows {
            let isWell = all.map { $0.isWell && !$0.isHeldOut }
            shown = Array((shown.filter { !isWell[$0] } + shown.filter { isWell[$0] }).prefix(rows)).sorted()
        }
        let budget = service.budget.snapshot()
        self.init(
            name: service.name, breaker: service.breaker.map { GatewayState.Breaker($0) },
            budget: .init(balance: budget.balance, refused: budget.refused),
            inFlight: all.reduce(0) { $0 + $1.inFlight.load(ordering: .relaxed) }, endpointCount: all.count,
            ejected: all.reduce(0) { $0 + ($1.isEjected ? 1 : 0) },
            endpoints: shown.map {
                GatewayState.Endpoint(all[$0], isChecked: service.configuration.healthCheck != nil)
            })
    }
}

extension GatewayState.Endpoint {
    init(_ endpoint: Endpoint, isChecked: Bool) {
        let attempts = MetricsSnapshot.EndpointFigures(endpoint).attempts
        self.init(
            name: endpoint.name, breaker: GatewayState.Breaker(endpoint.breaker),
            healthy: isChecked ? endpoint.isHealthy.load(ordering: .relaxed) : nil, ejected: endpoint.isEjected,
            waived: endpoint.isWaived.load(ordering: .relaxed), heldOut: endpoint.service.word, weight: endpoint.weight,
            inFlight: endpoint.inFlight.load(ordering: .relaxed),
            connections: endpoint.connections.load(ordering: .relaxed),
            succeeded: attempts[.succeeded] ?? 0, failed: attempts[.failed] ?? 0,
            rejected: attempts[.rejected] ?? 0, abandoned: attempts[.abandoned] ?? 0)
    }
}

extension Endpoint.Service {
    fileprivate var word: String? {
        switch self {
        case .inService: nil
        case .drained: "drained"
        case .disabled: "disabled"
        }
    }
}

extension GatewayState.Breaker {
    init(_ breaker: CircuitBreaker) {
        let snapshot = breaker.snapshot()
        var streak: (failures: Int, threshold: Int)?
        if case .consecutiveFailures(let failures, let threshold) = snapshot.evidence {
            streak = (failures, threshold)
        }
        self.init(
            state: snapshot.state.rawValue, generation: snapshot.generation, evidence: "\(snapshot.evidence)",
            failures: streak?.failures, threshold: streak?.threshold,
            cooldownSeconds: breaker.configuration.cooldown.base.inSeconds,
            retryAfterSeconds: snapshot.retryAfter.inSeconds, probesInFlight: snapshot.probesInFlight)
    }
}

extension GatewayState.Route {
    init(_ metrics: RouteMetrics) {
        self.init(
            name: metrics.route, requests: Self.counts(metrics.requests.map { ($0.status, $0.count) }),
            retries: metrics.retries, hedges: metrics.hedges, claims: metrics.claims, replays: metrics.replays,
            unknownOutcomes: metrics.unknownOutcomes,
            rejections: Self.counts(metrics.rejectionCounts.map { ($0.reason.rawValue, $0.count) }),
            wouldHave: Self.counts(metrics.shadowCounts.map { ($0.decision.rawValue, $0.count) }))
    }

    /// What there was, and no zeros.
    fileprivate static func counts(_ pairs: [(String, Int)]) -> [String: Int] {
        Dictionary(pairs.filter { $0.1 != 0 }, uniquingKeysWith: +)
    }
}

extension GatewayState.Requests {
    init(_ routes: [RouteMetrics], inFlight: Int) {
        self.init(
            total: routes.reduce(0) { $1.requests.reduce($0) { $0 + $1.count } }, inFlight: inFlight,
            retries: routes.reduce(0) { $0 + $1.retries }, claims: routes.reduce(0) { $0 + $1.claims },
            replays: routes.reduce(0) { $0 + $1.replays },
            rejections: GatewayState.Route.counts(
                routes.flatMap { $0.rejectionCounts.map { ($0.reason.rawValue, $0.count) } }))
    }
}
#endif
