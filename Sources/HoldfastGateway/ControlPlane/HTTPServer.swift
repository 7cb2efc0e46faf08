#if Gateway
package import Hummingbird
import HummingbirdCore
package import Logging
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// Hummingbird's server and router, serving: the control plane, or the demonstration's service. Not its application, which
/// writes the date anew each second whether or not anybody asks, with Foundation's calendars.
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
        let quiet = quietened(logger)
        let (bound, continuation) = AsyncThrowingStream.makeStream(of: Int.self)
        let responder = router.buildResponder()
        let server = try HTTPServerBuilder.http1().buildServer(
            configuration: ServerConfiguration(address: .hostname(address.host, port: address.port)),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: quiet,
            responder: { request, writer, channel in
                let context = BasicRequestContext(
                    source: ApplicationRequestContextSource(channel: channel, logger: quiet))
                let response = try await answer(request, context, by: responder)
                do {
                    try await writer.write(response: response.head, body: response.body)
                } catch is HTTPParserError {
                    // Hummingbird answers a parser's error, and this request has had the beginning of its answer.
                    throw UnreadableBody()
                }
            },
            onServerRunning: { channel in
                continuation.yield(channel.localAddress?.port ?? address.port)
                continuation.finish()
            })
        let services = ServiceGroup(configuration: .init(services: [server], logger: quiet))
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

    /// The client's body ended in what is not HTTP while it was being answered.
    private struct UnreadableBody: Error {}

    private static func quietened(_ logger: Logger) -> Logger {
        var logger = logger
        logger.logLevel = .critical
        return logger
    }

    private static func answer(
        _ request: Request, _ context: BasicRequestContext, by responder: some HTTPResponder<BasicRequestContext>
    ) async throws -> Response {
        var response: Response
        do {
            response = try await responder.respond(to: request, context: context)
        } catch let error as HTTPParserError {
            throw error
        } catch {
            response = Response(status: .internalServerError)
        }
        response.headers[.date] = HTTPDate.now
        response.headers[.server] = "holdfast"
        return response
    }

    package func stop() async {
        await services.triggerGracefulShutdown()
        _ = try? await serving.value
    }
}
#endif
