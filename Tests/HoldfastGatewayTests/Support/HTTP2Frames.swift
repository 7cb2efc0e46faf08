#if Gateway
import NIOCore
import NIOPosix

/// A client that speaks HTTP/2 in frames of its own making, and acknowledges nothing by itself.
enum HTTP2Frames {
    struct Frame: Sendable {
        enum Kind: UInt8, Sendable {
            case data = 0
            case headers = 1
            case rstStream = 3
            case settings = 4
            case ping = 6
            case goAway = 7
            case windowUpdate = 8
            case continuation = 9
        }

        /// Nil is one that no test asks for.
        var kind: Kind?
        var flags: UInt8
        var stream: UInt32
        var payload: [UInt8]

        /// Whether it is the last of its stream, if it is of one that has an end.
        var endsStream: Bool { flags & 1 != 0 }
    }

    /// `GET / HTTP/2` to `a`, compressed.
    static let get: [UInt8] = [0x82, 0x86, 0x84, 0x01, 0x01, 0x61]
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(4, flags: 0, stream: 0)

    static func frame(_ type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        let length = payload.count
        return [UInt8(length >> 16 & 0xFF), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), type, flags]
            + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: stream >> $0) } + payload
    }

    /// A whole GET on a stream.
    static func get(on stream: UInt32) -> [UInt8] { frame(1, flags: 5, stream: stream, get) }

    /// Sends bytes, and returns the frames that come until the other side closes.
    ///
    /// - Parameter answering: What is sent at once when a frame has come.
    static func exchange(
        _ opening: [UInt8], to port: Int, answering: @escaping @Sendable (Frame) -> [UInt8]
    ) async throws -> [Frame] {
        let frames = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: [Frame].self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(frames, answering))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        channel.writeAndFlush(ByteBuffer(bytes: opening), promise: nil)
        return try await frames.futureResult.get()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let promise: EventLoopPromise<[Frame]>
        private let answering: @Sendable (Frame) -> [UInt8]
        private var buffer = ByteBuffer()
        private var frames: [Frame] = []

        init(_ promise: EventLoopPromise<[Frame]>, _ answering: @escaping @Sendable (Frame) -> [UInt8]) {
            self.promise = promise
            self.answering = answering
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var more = unwrapInboundIn(data)
            buffer.writeBuffer(&more)
            while let frame = next() {
                frames.append(frame)
                let answer = answering(frame)
                if !answer.isEmpty { context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil) }
            }
        }

        private func next() -> Frame? {
            guard let head = buffer.getBytes(at: buffer.readerIndex, length: 9) else { return nil }
            let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            guard buffer.readableBytes >= 9 + length else { return nil }
            buffer.moveReaderIndex(forwardBy: 9)
            let stream = head[5...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            return Frame(
                kind: .init(rawValue: head[3]), flags: head[4], stream: stream,
                payload: buffer.readBytes(length: length) ?? [])
        }

        func channelInactive(context: ChannelHandlerContext) { promise.succeed(frames) }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
#endif
