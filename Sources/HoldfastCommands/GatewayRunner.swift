#if Gateway
import HoldfastGateway
import HoldfastIdempotency
import HoldfastPostgres
import HoldfastSQLite
import HoldfastValkey
import Logging
import ServiceLifecycle
import UnixSignals

/// Runs a gateway until it is told to end.
struct GatewayRunner {
    let configuration: GatewayConfiguration
    let store: StoreArgument
    var demo: DemoControls?

    /// - Parameter started: Called when requests are served.
    func run(started: @Sendable (Gateway) -> Void) async throws {
        let logger = Logger(label: "holdfast") { StreamLogHandler.standardError(label: $0) }
        switch store {
        case .memory:
            try await run(on: MemoryStore(), logger: logger, started: started)
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
        let gateway = try await Gateway.start(configuration, store: store, demo: demo, logger: logger)
        started(gateway)
        var quiet = logger
        quiet.logLevel = .error
        let group = ServiceGroup(
            configuration: .init(
                services: [gateway], gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        try await group.run()
    }
}
#endif
