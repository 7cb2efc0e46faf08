#if Gateway
package import Hummingbird
package import Logging
import ServiceLifecycle

/// A Hummingbird application that is serving: the control plane, or the demonstration's service.
package final class HTTPServer: Sendable {
    package let address: GatewayConfiguration.Address
    private let services: ServiceGroup
    private let serving: Task<Void, any Error>

    private init(address: GatewayConfiguration.Address, services: ServiceGroup, serving: Task<Void, any Error>) {
        self.address = address
        self.services = services
        self.serving = serving
    }

    /// Starts to serve. Returns when connections are taken; port 0 takes any free port.
    ///
    /// - Throws: ``GatewayError`` when the address is taken.
    package static func start(
        _ router: Router<BasicRequestContext>, on address: GatewayConfiguration.Address, logger: Logger
    ) async throws -> HTTPServer {
        var quiet = logger
        quiet.logLevel = .critical
        let (bound, continuation) = AsyncThrowingStream.makeStream(of: Int.self)
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port), serverName: "holdfast"),
            onServerRunning: { channel in
                continuation.yield(channel.localAddress?.port ?? address.port)
                continuation.finish()
            },
            logger: quiet)
        let services = ServiceGroup(configuration: .init(services: [application], logger: quiet))
        let serving = Task {
            do {
                try await services.run()
            } catch {
                continuation.finish(throwing: GatewayError.cannotListen(on: address, because: error))
                throw error
            }
        }
        var port = address.port
        for try await found in bound { port = found }
        return HTTPServer(address: .init(host: address.host, port: port), services: services, serving: serving)
    }

    package func stop() async {
        await services.triggerGracefulShutdown()
        _ = try? await serving.value
    }
}
#endif
