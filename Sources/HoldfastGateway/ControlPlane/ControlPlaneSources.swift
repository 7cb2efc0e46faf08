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
    /// What `GET /api/state` answers, given how long the gateway has run.
    let state: @Sendable (Duration) -> GatewayState
    /// What `GET /metrics` is written from. What the control plane knows itself is filled in by it.
    let metrics: @Sendable () -> MetricsSnapshot
}

extension ControlPlaneSources {
    init(
        _ shared: DataPlaneContext, transitions: TransitionLog, observer: Observer, store: StoreMetrics,
        demo: DemoControls?
    ) {
        self.init(
            admin: shared.configuration.admin, logger: shared.logger, clock: shared.clock, engine: shared.engine,
            secret: shared.secret, transitions: transitions, observer: observer, demo: demo,
            state: { GatewayState(shared, demo: demo, uptime: $0) },
            metrics: { MetricsSnapshot(shared, store: store) })
    }
}

extension MetricsSnapshot {
    init(_ shared: DataPlaneContext, store: StoreMetrics) {
        self.init()
        self.store = store
        connections = shared.counters.connections.load(ordering: .relaxed)
        requestsInFlight = shared.counters.inFlight.load(ordering: .relaxed)
        let claims = shared.engine.snapshot()
        claimsInFlight = claims.inFlight
        claimsWaiting = claims.waiting
        let endpoints = shared.endpoints.map { endpoint in
            var figures = EndpointFigures(name: endpoint.breaker.name, breaker: endpoint.breaker.snapshot())
            figures.attempts = [
                .succeeded: endpoint.succeeded.load(ordering: .relaxed),
                .failed: endpoint.failed.load(ordering: .relaxed),
                .rejected: endpoint.rejected.load(ordering: .relaxed),
            ]
            return figures
        }
        services = [
            ServiceFigures(
                name: shared.configuration.service.name, endpoints: endpoints, budget: shared.budget.snapshot())
        ]
    }
}
#endif
