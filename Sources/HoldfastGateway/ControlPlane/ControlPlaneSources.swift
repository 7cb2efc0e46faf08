#if Gateway
import Holdfast
import HoldfastIdempotency
import Logging
import Synchronization

/// Where the control plane has from what it shows. It asks only when somebody looks.
struct ControlPlaneSources: Sendable {
    let admin: AdminConfiguration
    let logger: Logger
    let clock: any TimeSource
    let engine: IdempotencyEngine
    let secret: StoreSecret
    let transitions: TransitionLog
    let observer: Observer
    var demo: DemoControls?
    var counters = GatewayCounters()
    /// What `GET /api/state` answers, given how long the gateway has run.
    let state: @Sendable (Duration) -> GatewayState
    /// What the plan means, in words.
    let words: @Sendable () -> PlanWords
    /// What `GET /metrics` is written from. What the control plane knows itself is filled in by it.
    let metrics: @Sendable () -> MetricsSnapshot
    /// What the trends are sampled from.
    var trends: @Sendable () -> [Trends.Reading] = { [] }
}

extension ControlPlaneSources {
    init(_ shared: DataPlaneContext, plans: PlanKeeper, transitions: TransitionLog, demo: DemoControls?) {
        self.init(
            admin: plans.current.configuration.admin, logger: shared.logger, clock: shared.clock,
            engine: shared.engine, secret: shared.secret, transitions: transitions, observer: shared.observer,
            demo: demo, counters: shared.counters,
            state: { GatewayState(shared, plans.current, demo: demo, uptime: $0) },
            words: { plans.current.words },
            metrics: { MetricsSnapshot(shared, plans.current) },
            trends: { [Trends.Reading](plans.current, unrouted: shared.counters.unrouted) })
    }
}

extension MetricsSnapshot {
    init(_ shared: DataPlaneContext, _ plan: Plan) {
        self.init()
        store = shared.storeMetrics
        connections = shared.counters.connections.load(ordering: .relaxed)
        refusedByConnections = shared.counters.refusedByConnections.load(ordering: .relaxed)
        refusedByClient = shared.counters.refusedByClient.load(ordering: .relaxed)
        refusedByProxyProtocol = shared.counters.refusedByProxyProtocol.load(ordering: .relaxed)
        acceptPauses = shared.counters.acceptPauses.load(ordering: .relaxed)
        handshakeFailures = shared.counters.handshakeFailures.load(ordering: .relaxed)
        keptBytes = shared.kept.bytes
        streams = shared.counters.streams.load(ordering: .relaxed)
        requestsInFlight = shared.counters.inFlight.load(ordering: .relaxed)
        let claims = shared.engine.snapshot()
        claimsInFlight = claims.inFlight
        storeUsage = shared.engine.usage()
        storeBound = plan.configuration.store.bound
        claimsWaiting = claims.waiting
        routes = plan.routes.map(\.metrics) + [shared.counters.unrouted]
        routeBudgets = plan.routes.filter { $0.configuration.budget != nil }.map { ($0.name, $0.budget.snapshot()) }
        services = plan.services.map { service in
            ServiceFigures(
                name: service.name, breaker: service.breaker?.snapshot(),
                endpoints: service.endpoints.map(EndpointFigures.init), budget: service.budget.snapshot())
        }
    }
}

extension MetricsSnapshot.EndpointFigures {
    init(_ endpoint: Endpoint) {
        self.init(name: endpoint.name, breaker: endpoint.breaker.snapshot())
        let ended = [
            AttemptResult.succeeded: endpoint.succeeded.load(ordering: .relaxed),
            .failed: endpoint.failed.load(ordering: .relaxed),
        ]
        let made = endpoint.attempts.load(ordering: .relaxed) - endpoint.inFlight.load(ordering: .relaxed)
        attempts = ended
        attempts[.abandoned] = max(0, made - ended.values.reduce(0, +))
        attempts[.rejected] = endpoint.rejected.load(ordering: .relaxed)
        isHealthy = endpoint.isHealthy.load(ordering: .relaxed)
        isEjected = endpoint.isEjected
        connections = endpoint.connections.load(ordering: .relaxed)
    }

    private typealias AttemptResult = MetricsSnapshot.AttemptResult
}
#endif
