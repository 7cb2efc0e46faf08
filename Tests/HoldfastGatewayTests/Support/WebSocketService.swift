#if Gateway
import NIOCore
import NIOPosix
import Synchronization

/// A service that speaks no more of WebSockets than their handshake. After it, it sends back what it gets, until that
/// ends with `close`, or until the other side has no more to say, which it answers with `bye`.
final class WebSocketService: Sendable {
    let port: Int
    private let channel: any Channel
    private let seen: Seen

    /// The heads of the requests that came, and what came after them on the connection that ended first.
    private final class Seen: Sendable {
        let heads = Mutex<[String]>([])
        let ended = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: [UInt8].self)
    }

    private init(channel: any Channel, seen: Seen) {
        self.channel = channel
        self.seen = seen
        port = channel.localAddress?.port ?? 0
    }

    /// - Parameter answer: What a handshake is answered with; nil is a connection that closes.
    static func start(_ answer: String?) async throws -> WebSocketService {
        let seen = Seen()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(answer, seen))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return WebSocketService(channel: channel, seen: seen)
    }

    /// To the key `x`.
    static let agreed =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Accept: JVxkmtKFjDcI/Pm/AGPEKSN6wT8=\r\n\r\n"

    var heads: [String] { seen.heads.withLock { $0 } }

    /// What came on the connection that ended first, behind the head.
    func ended() async -> [UInt8] { (try? await seen.ended.futureResult.get()) ?? [] }

    func stop() async {
        seen.ended.succeed([])
        try? await channel.close()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let answer: String?
        private let seen: Seen
        private var head: ByteBuffer? = ByteBuffer()
        private var after: [UInt8] = []

        init(_ answer: String?, _ seen: Seen) {
            self.answer = answer
            self.seen = seen
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var buffer = unwrapInboundIn(data)
            guard var head else { return echo(buffer, context) }
            head.writeBuffer(&buffer)
            guard let end = String(buffer: head).firstRange(of: "\r\n\r\n") else { return self.head = head }
            let text = String(buffer: head)
            seen.heads.withLock { $0.append(String(text[..<end.lowerBound])) }
            guard let answer else { return context.close(promise: nil) }
            self.head = nil
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)), promise: nil)
            let rest = text[end.upperBound...]
            if !rest.isEmpty { echo(ByteBuffer(substring: rest), context) }
        }

        func channelInactive(context: ChannelHandlerContext) { seen.ended.succeed(after) }

        private func echo(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
            after += buffer.readableBytesView
            context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
            if buffer.readableBytesView.suffix(5).elementsEqual("close".utf8) {
                context.close(mode: .output, promise: nil)
            }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard case .inputClosed? = event as? ChannelEvent else { return }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "bye")), promise: nil)
            context.close(mode: .output, promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
#endif
