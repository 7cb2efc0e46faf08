#if Gateway
package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
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
        try await start(answeringBy: router.buildResponder(), on: address, logger: logger, gate: nil) {
            BasicRequestContext(source: $0)
        }
    }

    /// What stands between a server and strangers.
    struct Gate: Sendable {
        let connections: AdminConnections
        let counters: GatewayCounters
        /// Adds fields to each answer, whoever made it.
        let dress: @Sendable (inout Response) -> Void

        /// - Returns: A pipeline with bounds. A head has those of the data plane's default.
        fileprivate var configuration: HTTP1Channel.Configuration {
            let connections = connections
            return HTTP1Channel.Configuration(
                additionalChannelHandlers: [connections.makeHandler(), TargetHost.Installer()],
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 16 << 10, maxHeaderFieldCount: 100))
        }

        /// Has the server wait while the machine has no room, instead of asking for it all the time.
        fileprivate func watch(_ channel: any Channel, _ logger: Logger) async {
            let counters = counters
            try? await channel.eventLoop.submit {
                try channel.pipeline.syncOperations.addHandler(
                    AcceptPause(counters: counters, logger: logger), position: .first)
            }.get()
        }
    }

    /// - Parameters:
    ///   - gate: For a server that strangers can reach.
    ///   - context: What each request comes with.
    static func start<Context: RequestContext>(
        answeringBy responder: some HTTPResponder<Context>, on address: GatewayConfiguration.Address, logger: Logger,
        gate: Gate?, context: @escaping @Sendable (ApplicationRequestContextSource) -> Context
    ) async throws -> HTTPServer {
        let quiet = quietened(logger)
        let (bound, continuation) = AsyncThrowingStream.makeStream(of: Int.self)
        let server = try HTTPServerBuilder.http1(configuration: gate?.configuration ?? .init()).buildServer(
            configuration: ServerConfiguration(address: .hostname(address.host, port: address.port)),
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
            logger: quiet,
            responder: { request, writer, channel in
                let context = context(ApplicationRequestContextSource(channel: channel, logger: quiet))
                var response = try await answer(request, context, by: responder)
                gate?.dress(&response)
                do {
                    try await writer.write(response: response.head, body: response.body)
                } catch is HTTPParserError {
                    // Hummingbird answers a parser's error, and this request has had the beginning of its answer.
                    throw UnreadableBody()
                }
            },
            onServerRunning: { channel in
                await gate?.watch(channel, logger)
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

    private static func answer<Context: RequestContext>(
        _ request: Request, _ context: Context, by responder: some HTTPResponder<Context>
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
