#if Gateway
import Holdfast
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTP2

@testable import HoldfastGateway

/// A connection of HTTP/2 without a network: the gate, NIOHTTP2 and the streams' codec, as a listener puts them together,
/// and in the place of what serves requests one that does what the test says.
final class HTTP2Pipe {
    /// What serves each stream.
    final class Server: ChannelDuplexHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundIn = Never
        typealias OutboundOut = HTTPServerResponsePart

        var heads: [HTTPRequestHead] = []
        var body: [UInt8] = []
        var ends = 0
        var tooLarge = 0
        /// Whether it asks for more.
        var isHeld = false
        private var context: ChannelHandlerContext?

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head): heads.append(head)
            case .body(let piece): body += piece.readableBytesView
            case .end: ends += 1
            }
        }

        func read(context: ChannelHandlerContext) { if !isHeld { context.read() } }

        func goOn() {
            isHeld = false
            context?.read()
        }

        func answer(_ head: HTTPResponseHead, _ pieces: [UInt8]...) {
            context?.write(wrapOutboundOut(.head(head)), promise: nil)
            for piece in pieces {
                context?.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: piece)))), promise: nil)
            }
            context?.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }

        func inform(_ head: HTTPResponseHead) { context?.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil) }
    }

    private let channel: EmbeddedChannel
    /// One for each stream, in the order in which they came.
    private(set) var servers: [Server] = []
    private var sent: [UInt8] = []

    init(headerLimit: Int = 16 << 10) throws {
        let address = GatewayConfiguration.Address(host: "127.0.0.1", port: 1)
        var configuration = GatewayConfiguration(upstreams: [address], threads: 1)
        configuration.headerLimit = headerLimit
        let limits = HTTP2Limits.make(configuration, streams: 100)
        let gate = HTTP2FrameGate(headerLimit: headerLimit, buffers: ReadBuffers())
        channel = EmbeddedChannel(handler: gate)
        let bound = NIOLoopBound((self, gate), eventLoop: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandler(
            NIOHTTP2Handler(
                mode: .server, eventLoop: channel.eventLoop, connectionConfiguration: limits.connection,
                streamConfiguration: limits.stream
            ) { stream in
                stream.eventLoop.makeCompletedFuture {
                    let (pipe, gate) = bound.value
                    let server = Server()
                    pipe.servers.append(server)
                    let codec = HTTP2StreamCodec(gate: gate) { server.tooLarge += 1 }
                    try stream.pipeline.syncOperations.addHandler(codec)
                    try stream.pipeline.syncOperations.addHandler(server)
                }
            })
        try channel.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 40_000)).wait()
        try receive(HTTP2Frames.preface + HTTP2Frames.frame(4, flags: 1, stream: 0))
        _ = try frames()
    }

    /// The client sends, in one piece.
    func receive(_ bytes: [UInt8]) throws {
        _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
        run()
    }

    /// Does what the loop has been given to do.
    func run() { channel.embeddedEventLoop.run() }

    /// What the client got since the last time.
    func frames() throws -> [HTTP2Frames.Frame] {
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { sent += buffer.readableBytesView }
        var frames: [HTTP2Frames.Frame] = []
        while let frame = HTTP2Frames.Frame(&sent) { frames.append(frame) }
        return frames
    }

    func end() { _ = try? channel.finish(acceptAlreadyClosed: true) }
}
#endif
