#if Gateway
import Foundation
import Holdfast
import HoldfastGateway
import NIOCore
import NIOPosix
import Synchronization

/// A service that says what it is told to, byte for byte, whenever an empty line has come, as behind a request's head, and
/// keeps all that it got.
final class BytesService: Sendable {
    /// What follows an answer.
    enum End: Sendable { case open, closed, reset }

    private struct State {
        /// What is said the first time, the second, and so on; the last again and again.
        var answers: [[UInt8]] = []
        var end = End.closed
        /// What came on each connection, in the order in which they were opened.
        var received: [[UInt8]] = []
        var openConnections = 0
    }

    private final class Shared: Sendable {
        let state = Mutex(State())
    }

    let port: Int
    private let channel: any Channel
    private let shared: Shared

    private init(channel: any Channel, shared: Shared) {
        self.channel = channel
        self.shared = shared
        port = channel.localAddress?.port ?? 0
    }

    static func start() async throws -> BytesService {
        let shared = Shared()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(shared))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return BytesService(channel: channel, shared: shared)
    }

    /// Forgets what came, and says something else from now on.
    ///
    /// - Parameter end: What follows the last.
    func answer(_ answers: [[UInt8]], then end: End = .closed) {
        shared.state.withLock { state in
            state.answers = answers
            state.end = end
            state.received = state.received.map { _ in [] }
        }
    }

    func answer(_ texts: String..., then end: End = .closed) { answer(texts.map { Array($0.utf8) }, then: end) }

    /// All that came since the answer was set.
    var received: String { String(decoding: shared.state.withLock { $0.received.joined() }, as: UTF8.self) }
    /// How many connections were ever opened, and how many still are.
    var connections: (ever: Int, open: Int) { shared.state.withLock { ($0.received.count, $0.openConnections) } }

    func stop() async { try? await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let shared: Shared
        private var number = 0
        private var unread: [UInt8] = []
        private var answered = 0

        init(_ shared: Shared) { self.shared = shared }

        func channelActive(context: ChannelHandlerContext) {
            number = shared.state.withLock { state in
                state.received.append([])
                state.openConnections += 1
                return state.received.count - 1
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            shared.state.withLock { $0.openConnections -= 1 }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Array(unwrapInboundIn(data).readableBytesView)
            unread += bytes
            let (answers, end) = shared.state.withLock { state in
                state.received[number] += bytes
                return (state.answers, state.end)
            }
            while let head = unread.firstRange(of: Array("\r\n\r\n".utf8)) {
                unread.removeSubrange(..<head.upperBound)
                answered += 1
                let answer = answered <= answers.count ? answers[answered - 1] : answers.last ?? []
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer)), promise: nil)
                guard end != .open, answered >= answers.count else { continue }
                if end == .reset {
                    // Closing resets the connection, and throws away what was not sent.
                    _ = (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
                }
                return context.close(promise: nil)
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// Starts a gateway in front of a service of bytes. No breaker opens, and nothing is tried again.
func withBytesService(
    configure: (inout GatewayConfiguration) -> Void = { _ in },
    _ body: (RunningGateway, BytesService) async throws -> Void
) async throws {
    let service = try await BytesService.start()
    let change = { (configuration: inout GatewayConfiguration) in
        configuration.services[0].endpoints = [.init(address: .init(host: "127.0.0.1", port: service.port))]
        configuration.services[0].breaker.trip = .consecutiveFailures(1_000)
        configuration.routes[0].retry.attempts = 1
        configure(&configuration)
    }
    do {
        try await withGateway(configure: change) { try await body($0, service) }
    } catch {
        await service.stop()
        throw error
    }
    await service.stop()
}
#endif
