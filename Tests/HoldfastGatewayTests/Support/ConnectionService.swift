#if Gateway
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A service that tells its connections apart: it answers as the test says, given the connection's number and what the
/// connection remembers, as services do that authenticate connections.
final class ConnectionService: Sendable {
    struct Answer: Sendable {
        var status = HTTPResponseStatus.ok
        var headers: HTTPHeaders = [:]
        /// The connection's number by default.
        var body: String?
    }

    /// - Parameter memory: Of the connection, from one request to the next.
    typealias Reply = @Sendable (_ request: HTTPRequestHead, _ memory: inout String) -> Answer

    let port: Int
    private let channel: any Channel
    private let seen: Seen

    private final class Seen: Sendable {
        let connections = Mutex<[(number: Int, channel: any Channel)]>([])
    }

    private init(channel: any Channel, seen: Seen) {
        (self.channel, self.seen) = (channel, seen)
        port = channel.localAddress?.port ?? 0
    }

    static func start(_ reply: @escaping Reply) async throws -> ConnectionService {
        let seen = Seen()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let number = seen.connections.withLock { connections in
                        connections.append((connections.count + 1, channel))
                        return connections.count
                    }
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(number, reply))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return ConnectionService(channel: channel, seen: seen)
    }

    /// Answers as a service of Microsoft's does: three legs, and then the connection is the user's.
    static func ntlm(_ scheme: String = "NTLM") async throws -> ConnectionService {
        try await start { request, user in
            let credentials = request.headers.first(name: "authorization")?.split(separator: " ") ?? []
            switch credentials.last.map(String.init) {
            case nil where !user.isEmpty && user != "challenged": return Answer(body: user)
            case "hello"?:
                user = "challenged"
                return Answer(status: .unauthorized, headers: ["WWW-Authenticate": "\(scheme) challenge"], body: "")
            case let name? where user == "challenged":
                user = name
                return Answer(body: name)
            default:
                user = ""
                return Answer(status: .unauthorized, headers: ["WWW-Authenticate": scheme], body: "")
            }
        }
    }

    /// How many connections were made.
    var count: Int { seen.connections.withLock { $0.count } }

    /// Returns when a connection has closed.
    func closed(_ number: Int) async throws {
        let channel = seen.connections.withLock { $0.first { $0.number == number }?.channel }
        try await channel?.closeFuture.get()
    }

    func stop() async { try? await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let number: Int
        private let reply: Reply
        private var memory = ""
        private var head: HTTPRequestHead?

        init(_ number: Int, _ reply: @escaping Reply) {
            (self.number, self.reply) = (number, reply)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): self.head = head
            case .body: break
            case .end:
                guard let head else { return }
                let answer = reply(head, &memory)
                let body = ByteBuffer(string: answer.body ?? "\(number)")
                var headers = answer.headers
                headers.add(name: "content-length", value: "\(body.readableBytes)")
                context.write(
                    wrapOutboundOut(.head(.init(version: .http1_1, status: answer.status, headers: headers))),
                    promise: nil)
                context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
#endif
