#if Gateway
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A service that answers as the test tells it, and remembers what it was asked.
final class TestService: Sendable {
    struct Request: Sendable {
        let method: HTTPMethod
        let uri: String
        let headers: HTTPHeaders
        let body: [UInt8]
    }

    enum Reply: Sendable {
        case answer(HTTPResponseStatus, HTTPHeaders, [UInt8])
        /// Closes the connection without a word.
        case reset
        /// Never answers.
        case hang
        /// Announces more than it sends, and closes.
        case breakOff([UInt8])
        /// Begins an answer, and says nothing more.
        case silent
        /// Answers when the test says so.
        case held(EventLoopFuture<Void>, [UInt8])

        static func ok(_ body: String = "ok") -> Reply { .answer(.ok, [:], Array(body.utf8)) }
        static func status(_ status: HTTPResponseStatus) -> Reply { .answer(status, [:], Array("\(status.code)".utf8)) }
    }

    private struct State {
        var reply: @Sendable (Request, Int) -> Reply
        var requests: [Request] = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    let port: Int
    private let channel: any Channel
    private let state: Shared

    private final class Shared: Sendable {
        let state: Mutex<State>
        init(_ reply: @escaping @Sendable (Request, Int) -> Reply) { state = Mutex(State(reply: reply)) }

        func take(_ request: Request) -> Reply {
            let (reply, number, watchers) = state.withLock { state in
                state.requests.append(request)
                let count = state.requests.count
                let ready = state.watchers.filter { $0.count <= count }.map(\.continuation)
                state.watchers.removeAll { $0.count <= count }
                return (state.reply, count, ready)
            }
            for watcher in watchers { watcher.resume() }
            return reply(request, number)
        }
    }

    private init(channel: any Channel, state: Shared, port: Int) {
        self.channel = channel
        self.state = state
        self.port = port
    }

    /// - Parameter reply: What is answered to a request; its number counts from 1.
    static func start(
        port: Int = 0, _ reply: @escaping @Sendable (_ request: Request, _ number: Int) -> Reply
    ) async throws -> TestService {
        let state = Shared(reply)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler { state.take($0) })
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        return TestService(channel: channel, state: state, port: channel.localAddress?.port ?? 0)
    }

    var requests: [Request] { state.state.withLock { $0.requests } }

    func reply(_ reply: @escaping @Sendable (Request, Int) -> Reply) {
        state.state.withLock { $0.reply = reply }
    }

    /// Returns when the service has seen this many requests.
    func requests(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isThere = state.state.withLock { state in
                if state.requests.count >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    func stop() async { try? await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let take: (Request) -> Reply
        private var head: HTTPRequestHead?
        private var body: [UInt8] = []

        init(take: @escaping (Request) -> Reply) { self.take = take }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                body = []
            case .body(let buffer):
                body.append(contentsOf: buffer.readableBytesView)
            case .end:
                guard let head else { return }
                perform(take(Request(method: head.method, uri: head.uri, headers: head.headers, body: body)), context)
            }
        }

        private func perform(_ reply: Reply, _ context: ChannelHandlerContext) {
            switch reply {
            case .hang: break
            case .reset: context.close(promise: nil)
            case .answer(let status, var headers, let bytes):
                if !headers.contains(name: "transfer-encoding") {
                    headers.replaceOrAdd(name: "content-length", value: "\(bytes.count)")
                }
                write(status, headers, bytes, context)
            case .breakOff(let bytes):
                let headers = HTTPHeaders([("content-length", "\(bytes.count + 10)")])
                context.write(
                    wrapOutboundOut(.head(.init(version: .http1_1, status: .ok, headers: headers))), promise: nil)
                context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
                context.close(promise: nil)
            case .silent:
                let headers = HTTPHeaders([("transfer-encoding", "chunked")])
                context.writeAndFlush(
                    wrapOutboundOut(.head(.init(version: .http1_1, status: .ok, headers: headers))), promise: nil)
            case .held(let future, let bytes):
                let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
                future.hop(to: context.eventLoop).whenComplete { _ in
                    let (handler, context) = bound.value
                    handler.write(.ok, ["content-length": "\(bytes.count)"], bytes, context)
                }
            }
        }

        private func write(
            _ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ bytes: [UInt8], _ context: ChannelHandlerContext
        ) {
            context.write(
                wrapOutboundOut(.head(.init(version: .http1_1, status: status, headers: headers))), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
#endif
