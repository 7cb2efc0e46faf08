#if Gateway
import HTTPTypes
public import Holdfast
public import HoldfastIdempotency
public import Logging
import NIOCore
public import ServiceLifecycle

/// The gateway: circuit breakers, retries and idempotency keys in front of any HTTP service, with no change to it.
///
/// The data plane carries requests; the control plane shows what it does, on another port.
public final class Gateway: Service {
    private let dataPlane: DataPlane
    private let controlPlane: ControlPlane
    private let engine: IdempotencyEngine
    private let observer: Observer
    private let logger: Logger

    /// Where requests are taken.
    public let address: GatewayConfiguration.Address
    /// Where the control plane listens.
    public let adminAddress: GatewayConfiguration.Address

    private init(
        dataPlane: DataPlane, controlPlane: ControlPlane, engine: IdempotencyEngine, observer: Observer, logger: Logger
    ) {
        self.dataPlane = dataPlane
        self.controlPlane = controlPlane
        self.engine = engine
        self.observer = observer
        self.logger = logger
        let bound = dataPlane.address
        address = .init(host: bound.ipAddress ?? "\(bound)", port: bound.port ?? 0)
        adminAddress = controlPlane.address
    }

    /// Checks the configuration and starts both planes. Requests are served when it returns, and until ``run()`` ends.
    ///
    /// - Parameters:
    ///   - store: Where claims and outcomes are kept.
    ///   - demo: What the page can do to a demonstration service, if there is one.
    ///   - clock: The machines' clock.
    /// - Throws: ``Holdfast/ConfigurationError``, ``GatewayError``, or what the store throws.
    public static func start(
        _ configuration: GatewayConfiguration, store: any ClaimStore, demo: DemoControls? = nil,
        clock: any TimeSource = MonotonicClock(), logger: Logger
    ) async throws -> Gateway {
        try configuration.validate()
        let transitions = TransitionLog()
        let endpoints = try configuration.service.endpoints.map { endpoint in
            let address = endpoint.address
            let name = "\(address)"
            let breaker = try CircuitBreaker(name, configuration: configuration.service.breaker, clock: clock) {
                change in
                logger.notice(
                    "\(change.from.rawValue) → \(change.to.rawValue)",
                    metadata: [
                        "breaker": "\(name)", "reason": "\(change.reason)", "generation": "\(change.generation)",
                    ])
                transitions.add(change, of: name)
            }
            return Endpoint(address, breaker: breaker)
        }
        var idempotency = IdempotencyConfiguration()
        // A keyed request ends within the timeout, so its lease never has to be renewed.
        idempotency.lease = min(.seconds(3_600), configuration.route.deadline * 2 + .seconds(30))
        idempotency.retention = configuration.route.idempotency.retention
        idempotency.keysPerCaller = configuration.keysPerCaller
        idempotency.bytesPerCaller = configuration.bytesPerCaller
        let observer = try Observer(configuration.accessLog, logger: logger)
        let storeMetrics = StoreMetrics()
        let shared = DataPlaneContext(
            configuration: configuration, endpoints: endpoints,
            budget: try RetryBudget(configuration: configuration.service.budget, clock: clock),
            engine: try IdempotencyEngine(
                store: store, configuration: idempotency,
                onEvent: { event in
                    storeMetrics.heard(event)
                    switch event {
                    case .outcomeLost: logger.error("\(event)")
                    case .recordingFailed, .renewalFailed: logger.warning("\(event)")
                    case .becameUnknown, .resolved, .purged: logger.notice("\(event)")
                    }
                },
                onCommit: { storeMetrics.committed($0) }),
            secret: try await store.secret(), counters: GatewayCounters(), clock: clock, logger: logger)
        let controlPlane = try await ControlPlane.start(
            ControlPlaneSources(shared, transitions: transitions, observer: observer, store: storeMetrics, demo: demo))
        do {
            let dataPlane = try await DataPlane.start(shared)
            return Gateway(
                dataPlane: dataPlane, controlPlane: controlPlane, engine: shared.engine, observer: observer,
                logger: logger)
        } catch {
            await controlPlane.stop()
            throw error
        }
    }

    /// Serves until a graceful shutdown begins; then takes no new connection, lets requests end, records claims.
    public func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [engine, logger] in
                await engine.keepReaping { error in
                    logger.warning("expired records could not be reaped", metadata: ["error": "\(error)"])
                }
            }
            try? await gracefulShutdown()
            group.cancelAll()
        }
        await stop()
    }

    /// Drains and stops both planes.
    public func stop() async {
        logger.info("draining")
        await dataPlane.drain()
        await controlPlane.stop()
        await observer.close()
    }
}
#endif
