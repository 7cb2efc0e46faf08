#if Gateway
import Foundation
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
        let request = ServiceRequest(
            ProcessInfo.processInfo.environment, process: ProcessInfo.processInfo.processIdentifier)
        let manager = ServiceManager(request, logger: logger)
        let embedded = Mutex<SQLiteStore?>(nil)
        try await run(logger: logger, manager: manager, started: started) {
            switch configuration.store.location {
            case .memory:
                let bound = configuration.store.bound
                return MemoryStore(bound: bound.keys, byteBound: bound.bytes)
            case .sqlite(let path):
                if let fault = MissingFolder.fault(ofFile: path, isWritten: true) {
                    throw StartFault("the store cannot be opened: \(fault)")
                }
                let store = try SQLiteStore(path: path)
                embedded.withLock { $0 = store }
                return store
            case .postgres(let url): return try await PostgresStore(url: url)
            case .valkey(let url):
                let store = try await ValkeyStore(url: url)
                for warning in store.warnings { logger.warning("\(warning)") }
                return store
            }
        }
        try embedded.withLock { $0 }?.close()
    }

    private func run(
        logger: Logger, manager: ServiceManager, started: @Sendable (Gateway) -> Void,
        openingStore: () async throws -> any ClaimStore
    ) async throws {
        // Before anybody can know that there is a process to send a signal to.
        let hangUps = await file.asyncMap { _ in await UnixSignalsSequence(trapping: .sighup) }
        let endings = Mutex<UnixSignalsSequence?>(nil)
        let gateway = try await Gateway.start(
            configuration, openingStore: openingStore, sealing: file?.sealing, demo: demo, logger: logger
        ) {
            let trapped = await UnixSignalsSequence(trapping: .sigterm, .sigint)
            endings.withLock { $0 = trapped }
        }
        var services: [any Service] = [gateway]
        if let file, let hangUps {
            let reloader = ConfigurationReloader(
                file, logger: logger, watches: watches, told: { manager.hear($0, of: gateway) }
            ) { try await gateway.reload($0) }
            services += [reloader, HangUps(signals: hangUps, reloader: reloader, gateway: gateway)]
        }
        started(gateway)
        manager.notify(.ready(status: ServiceManager.serving))
        // It goes on while the gateway drains.
        let watching = Task {
            await manager.keepWatch(by: MonotonicClock()) { await gateway.hasTurned() }
        }
        defer { watching.cancel() }
        var quiet = logger
        quiet.logLevel = .error
        var group = ServiceGroupConfiguration(services: services, logger: quiet)
        if let signals = endings.withLock({ $0 }) {
            group.services.append(
                .init(
                    service: Ending(signals: signals) { manager.notify(.stopping(within: gateway.longestStop)) },
                    successTerminationBehavior: .gracefullyShutdownGroup))
        }
        try await ServiceGroup(configuration: group).run()
    }
}

/// Ends when the process is told to, with SIGTERM or SIGINT.
private struct Ending: Service {
    let signals: UnixSignalsSequence
    let told: @Sendable () -> Void

    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() { return told() }
    }
}

extension ServiceManager {
    static let serving = "Serving."

    /// Notifies of a reading, which is over in any case for whoever waits for it.
    fileprivate func hear(_ reading: ConfigurationReloader.Reading, of gateway: Gateway) {
        switch reading {
        case .began: reloads()
        case .taken: notify(.ready(status: Self.serving))
        case .refused, .notApplied:
            // What is not applied the gateway counts itself.
            if reading == .refused { gateway.refusedToReload() }
            notify(.ready(status: "Serving. The configuration that was read last was refused: see the log."))
        }
    }
}

/// Has the configuration read again on SIGHUP, and the access log opened anew, though the configuration should be refused:
/// whoever has moved the log away waits for it.
private struct HangUps: Service {
    let signals: UnixSignalsSequence
    let reloader: ConfigurationReloader
    let gateway: Gateway

    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() {
            gateway.reopenAccessLog()
            reloader.readAgain()
        }
    }
}

extension Optional {
    fileprivate func asyncMap<Result>(_ transform: (Wrapped) async -> Result) async -> Result? {
        guard let self else { return nil }
        return await transform(self)
    }
}
#endif
