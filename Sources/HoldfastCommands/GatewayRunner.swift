#if Gateway
import Holdfast
import HoldfastGateway
import HoldfastIdempotency
import HoldfastPostgres
import HoldfastSQLite
import HoldfastValkey
import Logging
import ServiceLifecycle
import Synchronization
import UnixSignals

/// Runs a gateway until it is told to end.
struct GatewayRunner {
    let configuration: GatewayConfiguration
    private let file: ConfigurationFile?
    private let watches: Bool
    private let demo: DemoControls?
    /// What is to be known before it runs.
    private let warnings: [String]

    init(configuration: GatewayConfiguration, warnings: [String] = [], demo: DemoControls? = nil) {
        self.configuration = configuration
        self.warnings = warnings
        self.demo = demo
        (file, watches) = (nil, false)
    }

    /// Reads the file again on SIGHUP, and when it changes if it is watched.
    init(_ file: ConfigurationFile, watches: Bool = true) {
        self.file = file
        self.watches = watches
        configuration = file.configuration
        warnings = file.warnings.map(\.description)
        demo = nil
    }

    /// - Parameter started: Called when requests are served.
    func run(started: @Sendable (Gateway) -> Void) async throws {
        var logger = Logger(label: "holdfast") { _ in GatewayLogHandler(configuration.logFormat) }
        logger.logLevel = configuration.logLevel
        Descriptors.raise()
        MemoryDumps.forbid()
        for warning in warnings { logger.warning("\(warning)") }
        switch configuration.store.location {
        case .memory:
            let bound = configuration.store.bound
            try await run(on: MemoryStore(bound: bound.keys, byteBound: bound.bytes), logger: logger, started: started)
        case .sqlite(let path):
            let store = try SQLiteStore(path: path)
            try await run(on: store, logger: logger, started: started)
            try store.close()
        case .postgres(let url):
            try await run(on: PostgresStore(url: url), logger: logger, started: started)
        case .valkey(let url):
            let store = try await ValkeyStore(url: url)
            for warning in store.warnings { logger.warning("\(warning)") }
            try await run(on: store, logger: logger, started: started)
        }
    }

    private func run(
        on store: any ClaimStore, logger: Logger, started: @Sendable (Gateway) -> Void
    ) async throws {
        // Before anybody can know that there is a process to send a signal to.
        let hangUps = await file.asyncMap { _ in await UnixSignalsSequence(trapping: .sighup) }
        let endings = Mutex<UnixSignalsSequence?>(nil)
        let gateway = try await Gateway.start(
            configuration, store: store, sealing: file?.sealing, demo: demo, logger: logger
        ) {
            let trapped = await UnixSignalsSequence(trapping: .sigterm, .sigint)
            endings.withLock { $0 = trapped }
        }
        var services: [any Service] = [gateway]
        if let file, let hangUps {
            let reloader = ConfigurationReloader(file, logger: logger, watches: watches) {
                try await gateway.reload($0)
            }
            services += [reloader, HangUps(signals: hangUps, reloader: reloader)]
        }
        started(gateway)
        var quiet = logger
        quiet.logLevel = .error
        var group = ServiceGroupConfiguration(services: services, logger: quiet)
        if let signals = endings.withLock({ $0 }) {
            group.services.append(
                .init(service: Ending(signals: signals), successTerminationBehavior: .gracefullyShutdownGroup))
        }
        try await ServiceGroup(configuration: group).run()
    }
}

/// Ends when the process is told to, with SIGTERM or SIGINT.
private struct Ending: Service {
    let signals: UnixSignalsSequence

    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() { return }
    }
}

/// Has the configuration read again on SIGHUP.
private struct HangUps: Service {
    let signals: UnixSignalsSequence
    let reloader: ConfigurationReloader

    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() { reloader.readAgain() }
    }
}

extension Optional {
    fileprivate func asyncMap<Result>(_ transform: (Wrapped) async -> Result) async -> Result? {
        guard let self else { return nil }
        return await transform(self)
    }
}
#endif
