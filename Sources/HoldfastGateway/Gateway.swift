#if Gateway
import HTTPTypes
public import Holdfast
public import HoldfastIdempotency
public import Logging
import NIOCore
import NIOPosix
public import ServiceLifecycle
import Synchronization

/// The gateway: circuit breakers, retries and idempotency keys in front of any HTTP service, with no change to it.
///
/// The data plane carries requests; the control plane shows what it does, on another port.
public final class Gateway: Service {
    private let dataPlane: DataPlane
    private let controlPlane: ControlPlane
    private let plans: PlanKeeper
    private let shared: DataPlaneContext
    private let unknownKeys: UnknownKeys
    private let isStopping = Atomic<Bool>(false)
    /// What the clock is told of the delay before draining.
    package static let drainDelay = SleepPurpose("drain delay")

    /// Where requests are taken, in the listeners' order.
    public let addresses: [GatewayConfiguration.Address]
    /// Where requests are taken by the first listener.
    public var address: GatewayConfiguration.Address { addresses[0] }
    /// Where the control plane listens.
    public let adminAddress: GatewayConfiguration.Address

    private init(
        dataPlane: DataPlane, controlPlane: ControlPlane, plans: PlanKeeper, shared: DataPlaneContext,
        unknownKeys: UnknownKeys
    ) {
        self.dataPlane = dataPlane
        self.controlPlane = controlPlane
        self.plans = plans
        self.shared = shared
        self.unknownKeys = unknownKeys
        addresses = dataPlane.addresses.map { .init(host: $0.ipAddress ?? "\($0)", port: $0.port ?? 0) }
        adminAddress = controlPlane.address
    }

    /// Checks the configuration and starts both planes. Requests are served when it returns, and until ``run()`` ends. The
    /// control plane listens first, and says at `/ready` what is waited for.
    ///
    /// - Parameters:
    ///   - configuration: What the gateway does. It is checked first.
    ///   - store: Where claims and outcomes are kept.
    ///   - seal: What outcomes are encrypted under.
    ///   - demo: What the page can do to a demonstration service, if there is one.
    ///   - clock: The machines' clock.
    ///   - logger: Where both planes log.
    ///   - ready: Called when all is ready and before anybody can connect: the moment at which a process traps the
    ///     signals that are to end it gracefully. Earlier, they would not end one that waits for its store; later, one
    ///     could end a request with it.
    /// - Throws: `ConfigurationError`, ``GatewayError``, or what the store throws.
    public static func start(
        _ configuration: GatewayConfiguration, store: any ClaimStore, sealing seal: PayloadSeal? = nil,
        demo: DemoControls? = nil, clock: any TimeSource = MonotonicClock(), logger: Logger,
        ready: @Sendable () async -> Void = {}
    ) async throws -> Gateway {
        try await start(
            configuration, store: store, sealing: seal, demo: demo, clock: clock, logger: logger,
            idempotency: IdempotencyConfiguration(), ready: ready)
    }

    package static func start(
        _ configuration: GatewayConfiguration, store: any ClaimStore, sealing seal: PayloadSeal? = nil,
        demo: DemoControls? = nil, clock: any TimeSource = MonotonicClock(), logger: Logger,
        idempotency: IdempotencyConfiguration, ready: @Sendable () async -> Void = {}
    ) async throws -> Gateway {
        try await start(
            configuration, openingStore: { store }, sealing: seal, demo: demo, clock: clock, logger: logger,
            idempotency: idempotency, ready: ready)
    }

    /// The same with a store that is opened when somebody can already ask whether it has answered.
    package static func start(
        _ configuration: GatewayConfiguration, openingStore: () async throws -> any ClaimStore,
        sealing seal: PayloadSeal? = nil, demo: DemoControls? = nil, clock: any TimeSource = MonotonicClock(),
        logger: Logger, idempotency: IdempotencyConfiguration = IdempotencyConfiguration(),
        ready: @Sendable () async -> Void = {}
    ) async throws -> Gateway {
        try configuration.validate()
        let level = LogLevelSwitch(logger.logLevel)
        let logger = level.follow(logger)
        let (readiness, counters) = (Readiness(), GatewayCounters())
        let controlPlane = try await ControlPlane.bind(
            configuration.admin, readiness: readiness, counters: counters, logger: logger)
        do {
            let store = try await openingStore()
            return try await start(
                configuration, store: store, sealing: seal, demo: demo, clock: clock, logger: logger,
                idempotency: idempotency, ready: ready, readiness, counters, level, showing: controlPlane)
        } catch {
            await controlPlane.stop()
            throw error
        }
    }

    private static func start(
        _ configuration: GatewayConfiguration, store: any ClaimStore, sealing seal: PayloadSeal?, demo: DemoControls?,
        clock: any TimeSource, logger: Logger, idempotency: IdempotencyConfiguration, ready: @Sendable () async -> Void,
        _ readiness: Readiness, _ counters: GatewayCounters, _ level: LogLevelSwitch, showing controlPlane: ControlPlane
    ) async throws -> Gateway {
        let transitions = TransitionLog()
        let secret = try await store.secret()
        readiness.advance(to: .binding)
        let plans = try await PlanKeeper(
            configuration,
            maker: Plan.Maker(clock: clock, logger: logger, transitions: transitions, secret: secret),
            overrides: Overrides(level: level, clock: clock, logger: logger))
        let storeMetrics = StoreMetrics()
        let shared = DataPlaneContext(
            engine: try engine(
                configuration, idempotency, store: store, sealing: seal, metrics: storeMetrics, logger: logger),
            secret: secret, counters: counters,
            observer: try Observer(configuration.accessLog, logger: logger), storeMetrics: storeMetrics, clock: clock,
            logger: logger, descriptors: DescriptorRoom(for: configuration), readiness: readiness)
        await ready()
        controlPlane.show(ControlPlaneSources(shared, plans: plans, transitions: transitions, demo: demo))
        let dataPlane = try await DataPlane.start(shared, plan: plans.current)
        plans.overrides.whenDrained { [weak dataPlane] in dataPlane?.closeIdle() }
        for warning in configuration.callerWarnings { logger.warning("\(warning)") }
        // A file is refused for these, and warns of the others itself.
        for fault in configuration.callerFaults where fault.isOfAll { logger.warning("\(fault.words)") }
        shared.tellOfDescriptors(configuration)
        let unknownKeys = UnknownKeys(shared.engine, metrics: storeMetrics, logger: logger)
        await unknownKeys.start()
        readiness.advance(to: .serving)
        return Gateway(
            dataPlane: dataPlane, controlPlane: controlPlane, plans: plans, shared: shared, unknownKeys: unknownKeys)
    }

    private static func engine(
        _ configuration: GatewayConfiguration, _ idempotency: IdempotencyConfiguration, store: any ClaimStore,
        sealing seal: PayloadSeal?, metrics: StoreMetrics, logger: Logger
    ) throws -> IdempotencyEngine {
        var idempotency = idempotency
        // Routes have bounds of their own.
        idempotency.outcomeBytes = 63 << 20
        idempotency.keysPerCaller = configuration.keysPerCaller
        idempotency.bytesPerCaller = configuration.bytesPerCaller
        let bound = configuration.store.bound
        (idempotency.storeKeys, idempotency.storeBytes) = (bound.keys, bound.bytes)
        idempotency.keysPerOrigin = configuration.keysPerAddress ?? min(max(1, bound.keys / 10), 1_000_000_000)
        idempotency.bytesPerOrigin = configuration.bytesPerAddress ?? max(1, bound.bytes / 10)
        idempotency.refusedRetention = configuration.refusedRetention
        let persons = logger.atAnyLevel
        return try IdempotencyEngine(
            store: store, configuration: idempotency, sealing: seal,
            onEvent: { [persons] event in
                metrics.heard(event)
                switch event {
                case .storeFailed: logger.critical("\(event)")
                case .storeFull, .outcomeLost: logger.error("\(event)")
                case .recordingFailed, .releaseFailed, .renewalFailed: logger.warning("\(event)")
                // Told by the request, which knows more of itself.
                case .becameUnknown: break
                // What a person did is told whatever the level is.
                case .resolved, .purged: persons.notice("\(event)")
                }
            },
            onCommit: { metrics.committed($0) })
    }

    /// Works by another configuration from now on. Requests that are under way keep the one that they began with; what
    /// did not change keeps its breakers, budgets, limits and connections. The certificates of listeners and services are
    /// read again, whether their names changed or not.
    ///
    /// - Throws: `ConfigurationError` when it is not valid; ``RestartRequired`` when it changes what needs a restart:
    ///   listeners, the control plane, the store, the logs, the number of threads. Then everything stays as it was.
    public func reload(_ configuration: GatewayConfiguration) async throws {
        do {
            let showCertificates = try readCertificates()
            try await plans.reload(configuration)
            showCertificates()
        } catch {
            shared.reloads.refused()
            throw error
        }
        shared.reloads.succeeded()
        await dataPlane.take(plans.current)
        shared.tellOfDescriptors(configuration)
        shared.observer.reopen()
        for warning in configuration.callerWarnings { shared.logger.warning("\(warning)") }
        shared.logger.notice("the configuration was reloaded")
    }

    /// Counts a configuration that could not even be read, so that metrics tell of it.
    package func refusedToReload() { shared.reloads.refused() }

    /// Opens the access log's file anew, after it was moved away. A reload does so too, if it is not refused.
    package func reopenAccessLog() { shared.observer.reopen() }

    /// Returns when each event loop has had a turn: one that hangs keeps it for as long. Whoever drains need not ask, since
    /// loops end then.
    package func hasTurned() async {
        guard shared.readiness.stage == .serving else { return }
        await dataPlane.hasTurned()
    }

    /// How long stopping takes at the most, from the signal on: claims may need as long as connections, one after the other.
    package var longestStop: Duration {
        let configuration = plans.current.configuration
        return configuration.drainDelay + configuration.drainTimeout * 2 + .seconds(5)
    }

    /// Reads the certificates and keys of listeners and services again, and those that others are trusted by. New
    /// connections use them, and connections to services that are between two requests are not used again.
    ///
    /// - Throws: ``GatewayError`` when one cannot be used. Then all stay as they were.
    public func reloadCertificates() throws {
        try readCertificates()()
    }

    /// The first half, for whoever has more to check before anything changes. What fails is logged.
    ///
    /// - Returns: What has new connections use what was read.
    private func readCertificates() throws -> () -> Void {
        do {
            let changes =
                try dataPlane.readCertificates() + plans.current.services.compactMap { try $0.credentials?.reload() }
            return { for change in changes { change() } }
        } catch {
            shared.logger.error("the certificates stay as they were", metadata: ["error": "\(error)"])
            throw error
        }
    }

    /// Serves until a graceful shutdown begins; says so at `/ready`, and goes on for the drain delay; then takes no new
    /// connection, lets requests end, records claims.
    public func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [shared] in
                await shared.engine.keepReaping { error in
                    shared.logger.warning("expired records could not be reaped", metadata: ["error": "\(error)"])
                }
            }
            group.addTask { [shared, unknownKeys] in
                await shared.engine.keepCounting { await unknownKeys.counted($0) }
            }
            group.addTask { [plans, dataPlane] in
                await plans.keepResolving { await dataPlane.take($0) }
            }
            group.addTask { [plans] in await HealthChecks(plans: plans).run() }
            group.addTask { [plans] in await plans.overrides.keepEnding() }
            try? await gracefulShutdown()
            shared.readiness.advance(to: .draining)
            let delay = plans.current.configuration.drainDelay
            if delay > .zero {
                shared.logger.info(
                    "not ready, and still serving",
                    metadata: ["drainDelaySeconds": .stringConvertible(delay.inSeconds)])
                // Whoever is cancelled instead waits for nothing.
                try? await shared.clock.sleep(for: delay, as: Self.drainDelay)
            }
            group.cancelAll()
        }
        await stop()
    }

    /// Drains and stops both planes. Whoever calls it again returns at once.
    public func stop() async {
        guard !isStopping.exchange(true, ordering: .relaxed) else { return }
        shared.readiness.advance(to: .draining)
        shared.logger.info("draining")
        plans.overrides.whenDrained {}
        await dataPlane.drain()
        await controlPlane.stop()
        await shared.observer.close()
    }
}

extension DataPlaneContext {
    /// Tells when fewer connections are taken than is configured.
    fileprivate func tellOfDescriptors(_ configuration: GatewayConfiguration) {
        let taken = descriptors.clients(configuration.connections)
        guard taken < configuration.connections else { return }
        logger.warning(
            "too few files may be open for limits.connections, so fewer connections are taken: raise the limit of files (LimitNOFILE=, ulimit -n), or lower limits.connections",
            metadata: [
                "limits.connections": .stringConvertible(configuration.connections), "taken": .stringConvertible(taken),
            ])
    }
}
#endif
