#if Gateway
import Holdfast
import NIOCore
import NIOHTTP1
import NIOPosix

/// Asks an endpoint whether it is well: one GET on a connection of its own.
enum HealthProbe {
    /// - Returns: nil if the answer is 200 to 299 and comes in time; otherwise what was wrong.
    static func check(
        _ endpoint: Endpoint, _ configuration: ServiceConfiguration.HealthCheck, on eventLoop: any EventLoop
    ) async -> String? {
        let timeout = TimeAmount(configuration.timeout)
        let handshake = endpoint.makeHandshake()
        do {
            let channel = try await ClientBootstrap(group: eventLoop)
                .connectTimeout(timeout)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try endpoint.addTLS(to: channel, handshake)
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    }
                }
                .connect(to: endpoint.identity.address)
                .flatMap { channel in
                    Endpoint.agreed(handshake, on: channel, within: timeout).map { channel }
                }.get()
            let status = try await channel.eventLoop.flatSubmit {
                let answer = channel.eventLoop.makePromise(of: Int.self)
                do {
                    try channel.pipeline.syncOperations.addHandler(Reader(answer))
                } catch {
                    answer.fail(error)
                }
                let late = channel.eventLoop.scheduleTask(in: timeout) {
                    answer.fail(ChannelError.connectTimeout(timeout))
                }
                answer.futureResult.whenComplete { _ in
                    late.cancel()
                    channel.close(promise: nil)
                }
                let headers = HTTPHeaders([
                    // RFC9110-10.1.5-1, RFC9110-10.1.5-2, RFC9110-10.1.5-3, RFC9110-10.1.5-4: a name, and no more.
                    ("host", "\(endpoint.identity.place.address)"), ("user-agent", "holdfast"), ("connection", "close"),
                ])
                let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: configuration.path, headers: headers)
                channel.write(HTTPClientRequestPart.head(head), promise: nil)
                channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
                return answer.futureResult
            }.get()
            return (200...299).contains(status) ? nil : "it answered \(status)"
        } catch {
            return ConnectionFailure(error).reason
        }
    }

    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = HTTPClientResponsePart

        private let answer: EventLoopPromise<Int>

        init(_ answer: EventLoopPromise<Int>) { self.answer = answer }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            if case .head(let head) = unwrapInboundIn(data) { answer.succeed(Int(head.status.code)) }
        }

        func channelInactive(context: ChannelHandlerContext) { answer.fail(ChannelError.eof) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { answer.fail(error) }
    }
}
#endif
