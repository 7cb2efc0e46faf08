#if Gateway
import HoldfastGateway
import NIOCore
import NIOHPACK
import NIOHTTP2
import NIOPosix
import NIOSSL
import Synchronization

/// A client that speaks HTTP/2 and sends just what it is told, right or wrong.
final class HTTP2Client: Sendable {
    struct Answer: Sendable {
        var fields: HPACKHeaders = [:]
        var body: [UInt8] = []
        /// Whether the gateway has sent its end of the stream.
        var isWhole = false
        /// Why the stream was reset, if it was.
        var reset: HTTP2ErrorCode?
        /// What else went wrong.
        var error: String?

        var status: Int? { fields.first(name: ":status").flatMap { Int($0) } }
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    let channel: any Channel
    private let multiplexer: NIOHTTP2Handler.StreamMultiplexer
    private let farewells: Farewells

    private init(
        channel: any Channel, multiplexer: NIOHTTP2Handler.StreamMultiplexer, farewells: Farewells
    ) {
        self.channel = channel
        self.multiplexer = multiplexer
        self.farewells = farewells
    }

    /// - Parameters:
    ///   - certificate: Whom to trust; without, the preface is sent as it is.
    ///   - over: Instead: what the connection is encrypted with.
    ///   - window: How many bytes the gateway may send on a stream before they are read.
    static func connect(
        to port: Int, trusting certificate: TestCertificate? = nil, over context: NIOSSLContext? = nil,
        window: Int = 65_535
    ) async throws -> HTTP2Client {
        let farewells = Farewells()
        let context = try context ?? certificate.map { try clientContext(trusting: $0, protocols: ["h2"]) }
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    var connection = NIOHTTP2Handler.ConnectionConfiguration()
                    connection.headerBlockValidation = .disabled
                    connection.contentLengthValidation = .disabled
                    connection.initialSettings = [HTTP2Setting(parameter: .initialWindowSize, value: window)]
                    var stream = NIOHTTP2Handler.StreamConfiguration()
                    stream.targetWindowSize = window
                    let pipeline = channel.pipeline.syncOperations
                    if let context {
                        try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    }
                    try pipeline.addHandler(
                        NIOHTTP2Handler(
                            mode: .client, eventLoop: channel.eventLoop, connectionConfiguration: connection,
                            streamConfiguration: stream
                        ) { stream in stream.close() })
                    try pipeline.addHandler(FarewellHandler(farewells, on: channel))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        let (multiplexer, settled) = try await channel.eventLoop.submit {
            let pipeline = channel.pipeline.syncOperations
            return (
                try pipeline.handler(type: NIOHTTP2Handler.self).syncMultiplexer(),
                try pipeline.handler(type: FarewellHandler.self).settled.futureResult
            )
        }.get()
        // NIOHTTP2 takes a stream that was opened before the gateway has agreed to a smaller window for one that has none,
        // and never widens it.
        try await settled.get()
        return HTTP2Client(channel: channel, multiplexer: multiplexer, farewells: farewells)
    }

    static func clientContext(
        trusting certificate: TestCertificate, protocols: [String] = []
    ) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .file(certificate.certificate)
        configuration.applicationProtocols = protocols
        return try NIOSSLContext(configuration: configuration)
    }

    /// The fields that every request has.
    static func fields(_ method: String, _ path: String, _ more: [(String, String)] = []) -> HPACKHeaders {
        HPACKHeaders(
            [(":method", method), (":scheme", "http"), (":path", path), (":authority", "shop.example")] + more)
    }

    /// Sends a request whose body, if it has one, comes in pieces.
    func send(
        _ method: String, _ path: String = "/", _ more: [(String, String)] = [], body: [[UInt8]] = []
    ) async throws -> Answer {
        let stream = try await open(Self.fields(method, path, more), isLast: body.isEmpty)
        for (position, piece) in body.enumerated() { stream.send(piece, isLast: position == body.count - 1) }
        return try await stream.answer()
    }

    func open(_ fields: HPACKHeaders, isLast: Bool) async throws -> Stream {
        let answer = channel.eventLoop.makePromise(of: Answer.self)
        let promise = channel.eventLoop.makePromise(of: (any Channel).self)
        multiplexer.createStreamChannel(promise: promise) { stream in
            stream.eventLoop.makeCompletedFuture {
                try stream.pipeline.syncOperations.addHandler(AnswerHandler(answer))
            }
        }
        let stream: any Channel
        do {
            stream = try await promise.futureResult.get()
        } catch {
            answer.fail(error)
            throw error
        }
        stream.writeAndFlush(HTTP2Frame.FramePayload.headers(.init(headers: fields, endStream: isLast)), promise: nil)
        return Stream(channel: stream, answer: answer.futureResult)
    }

    /// Where GOAWAY said that the gateway ends, in the order in which it was said.
    var goAways: [(last: HTTP2StreamID, code: HTTP2ErrorCode)] { farewells.all }

    /// Returns when GOAWAY was said so often.
    func goAways(_ count: Int) async { await farewells.wait(for: count) }

    /// Returns when the connection is closed.
    func closed() async { try? await channel.closeFuture.get() }

    func close() async { try? await channel.close() }

    struct Stream: Sendable {
        fileprivate let channel: any Channel
        fileprivate let answer: EventLoopFuture<Answer>

        func send(_ piece: [UInt8], isLast: Bool) {
            let data = HTTP2Frame.FramePayload.Data(data: .byteBuffer(ByteBuffer(bytes: piece)), endStream: isLast)
            channel.writeAndFlush(HTTP2Frame.FramePayload.data(data), promise: nil)
        }

        func reset() { channel.writeAndFlush(HTTP2Frame.FramePayload.rstStream(.cancel), promise: nil) }

        /// What came, when the stream is closed.
        func answer() async throws -> Answer { try await answer.get() }
    }

    private final class Farewells: Sendable {
        private struct State {
            var all: [(last: HTTP2StreamID, code: HTTP2ErrorCode)] = []
            var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        }

        private let state = Mutex(State())

        var all: [(last: HTTP2StreamID, code: HTTP2ErrorCode)] { state.withLock { $0.all } }

        func add(_ last: HTTP2StreamID, _ code: HTTP2ErrorCode) {
            let ready = state.withLock { state in
                state.all.append((last, code))
                let ready = state.watchers.filter { $0.count <= state.all.count }
                state.watchers.removeAll { $0.count <= state.all.count }
                return ready
            }
            for watcher in ready { watcher.continuation.resume() }
        }

        func wait(for count: Int) async {
            await withCheckedContinuation { continuation in
                let isThere = state.withLock { state in
                    if state.all.count >= count { return true }
                    state.watchers.append((count, continuation))
                    return false
                }
                if isThere { continuation.resume() }
            }
        }
    }

    private final class FarewellHandler: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame

        private let farewells: Farewells
        /// Kept when the gateway has agreed to the client's settings.
        let settled: EventLoopPromise<Void>

        init(_ farewells: Farewells, on channel: any Channel) {
            self.farewells = farewells
            let settled = channel.eventLoop.makePromise(of: Void.self)
            channel.closeFuture.whenComplete { _ in settled.fail(ChannelError.ioOnClosedChannel) }
            self.settled = settled
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data).payload {
            case .goAway(let last, let code, _): farewells.add(last, code)
            case .settings(.ack): settled.succeed()
            default: break
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }

    private final class AnswerHandler: ChannelInboundHandler {
        typealias InboundIn = HTTP2Frame.FramePayload

        private let promise: EventLoopPromise<Answer>
        private var answer = Answer()

        init(_ promise: EventLoopPromise<Answer>) { self.promise = promise }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .headers(let frame):
                answer.fields = frame.headers
                answer.isWhole = frame.endStream
            case .data(let frame):
                if case .byteBuffer(let buffer) = frame.data { answer.body += Array(buffer.readableBytesView) }
                answer.isWhole = frame.endStream
            default:
                break
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let error = error as? NIOHTTP2Errors.StreamClosed {
                answer.reset = error.errorCode
            } else {
                answer.error = "\(error)"
            }
        }

        func channelInactive(context: ChannelHandlerContext) { promise.succeed(answer) }

        func handlerRemoved(context: ChannelHandlerContext) { promise.succeed(answer) }
    }
}
#endif
