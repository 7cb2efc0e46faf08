#if Gateway
import Holdfast
import HoldfastIdempotency
import Logging
import NIOHTTP1
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
    var readiness = Readiness(.serving)
    var overrides = Overrides()
    /// What `GET /api/state` answers, given how long the gateway has run.
    let state: @Sendable (Duration) -> GatewayState
    /// What the plan means, in words.
    let words: @Sendable () -> PlanWords
    /// What `GET /metrics` is written from. What the control plane knows itself is filled in by it.
    let metrics: @Sendable () -> MetricsSnapshot
    /// The route of a request without fields, if there is one.
    var route: @Sendable (RequestTarget) -> RouteConfiguration? = { _ in nil }
    /// What the trends are sampled from.
    var trends: @Sendable () -> [Trends.Reading] = { [] }
}

extension ControlPlaneSources {
    init(_ shared: DataPlaneContext, plans: PlanKeeper, transitions: TransitionLog, demo: DemoControls?) {
        self.init(
            admin: plans.current.configuration.admin, logger: shared.logger, clock: shared.clock,
            engine: shared.engine, secret: shared.secret, transitions: transitions, observer: shared.observer,
            demo: demo, counters: shared.counters, readiness: shared.readiness, overrides: plans.overrides,
            state: { GatewayState(shared, plans.current, plans.overrides, demo: demo, uptime: $0) },
            words: { plans.current.words },
            metrics: { MetricsSnapshot(shared, plans.current) },
            route: { try? plans.current.table.route(for: $0, [:]).configuration },
            trends: { [Trends.Reading](plans.current, unrouted: shared.counters.unrouted) })
    }
}

extension MetricsSnapshot {
    init(_ shared: DataPlaneContext, _ plan: Plan) {
        self.init()
        isReady = shared.readiness.isReady
        reloads = shared.reloads.figures
        certificates =
            shared.certificates.times.map { CertificateFigures(owner: "listener", name: $0.name, times: $0.times) }
            + plan.services.flatMap { service in
                (service.credentials?.times ?? []).map {
                    CertificateFigures(owner: "service", name: service.name, times: $0)
                }
            }
        store = shared.storeMetrics
        connectionsBound = shared.descriptors.clients(plan.configuration.connections)
        keptBytesBound = plan.configuration.keptBytes
        connections = shared.counters.connections.load(ordering: .relaxed)
        refusedByConnections = shared.counters.refusedByConnections.load(ordering: .relaxed)
        refusedByClient = shared.counters.refusedByClient.load(ordering: .relaxed)
        refusedByProxyProtocol = shared.counters.refusedByProxyProtocol.load(ordering: .relaxed)
        acceptPauses = shared.counters.acceptPauses.load(ordering: .relaxed)
        impossibleEvents = shared.counters.impossibleEvents.load(ordering: .relaxed)
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
        routeBudgets = plan.ownBudgets.map { ($0.route, $0.budget.snapshot()) }
        services = plan.services.map { service in
            ServiceFigures(
                name: service.name, breaker: service.breaker?.snapshot(),
                endpoints: service.endpoints.map(EndpointFigures.init), budget: service.budget.snapshot())
        }
    }
}

extension Plan {
    /// The budgets of routes that have their own.
    fileprivate var ownBudgets: [(route: String, budget: RetryBudget)] {
        routes.filter { $0.configuration.budget != nil }.map { ($0.name, $0.budget) }
    }

    /// All that there are, each once: those of services, and those of routes that have their own.
    var budgets: [RetryBudget.Snapshot] {
        services.map { $0.budget.snapshot() } + ownBudgets.map { $0.budget.snapshot() }
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
        isDrained = endpoint.service == .drained
        isDisabled = endpoint.service == .disabled
        weight = endpoint.weight
        connections = endpoint.connections.load(ordering: .relaxed)
    }

    private typealias AttemptResult = MetricsSnapshot.AttemptResult
}
#endif
