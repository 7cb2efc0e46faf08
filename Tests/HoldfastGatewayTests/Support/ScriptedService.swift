#if Gateway
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization

@testable import HoldfastGateway

/// A service whose answers are bytes: to each request that ends with an empty line it says what it was told to, and then
/// keeps the connection, or ends it in one of the ways in which connections end.
final class ScriptedService: Sendable {
    enum Ending: Sendable {
        case keep
        /// In order; under TLS it is announced.
        case close
        /// Under TLS, as anybody on the way can do it: without a word.
        case cut
        case reset
    }

    struct Answer: Sendable {
        var bytes: [UInt8]
        var ending: Ending

        init(_ text: String, _ ending: Ending = .keep) { self.init(Array(text.utf8), ending) }

        init(_ bytes: [UInt8], _ ending: Ending = .keep) {
            self.bytes = bytes
            self.ending = ending
        }
    }

    let port: Int
    private let channel: any Channel
    private let seen: Seen

    private final class Seen: Sendable {
        let requests = Mutex<[[UInt8]]>([])
        let connections = Mutex(0)
    }

    private init(channel: any Channel, seen: Seen) {
        self.channel = channel
        self.seen = seen
        port = channel.localAddress?.port ?? 0
    }

    /// - Parameter answer: To a request, by its number from 1.
    static func start(
        under tls: NIOSSLContext? = nil, _ answer: @escaping @Sendable (_ number: Int) -> Answer
    ) async throws -> ScriptedService {
        let seen = Seen()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    seen.connections.withLock { $0 += 1 }
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.addHandler(Handler(answer, seen))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return ScriptedService(channel: channel, seen: seen)
    }

    /// What came, request by request.
    var requests: [[UInt8]] { seen.requests.withLock { $0 } }
    var connections: Int { seen.connections.withLock { $0 } }

    func stop() async { try? await channel.close() }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let answer: (Int) -> Answer
        private let seen: Seen
        private var bytes: [UInt8] = []

        init(_ answer: @escaping (Int) -> Answer, _ seen: Seen) {
            self.answer = answer
            self.seen = seen
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes += Array(unwrapInboundIn(data).readableBytesView)
            while let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) {
                let length = Self.length(bytes[..<end.lowerBound])
                guard bytes.count >= end.upperBound + length else { return }
                let request = Array(bytes[..<(end.upperBound + length)])
                bytes.removeFirst(request.count)
                let number = seen.requests.withLock { requests in
                    requests.append(request)
                    return requests.count
                }
                give(answer(number), context)
            }
        }

        private static func length(_ head: ArraySlice<UInt8>) -> Int {
            String(decoding: head, as: UTF8.self).lowercased().firstMatch(of: /content-length: (\d+)/)
                .flatMap { Int($0.1) } ?? 0
        }

        private func give(_ answer: Answer, _ context: ChannelHandlerContext) {
            let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer.bytes))).whenComplete { _ in
                let context = bound.value.1
                let below = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
                switch answer.ending {
                case .keep: break
                case .close: context.close(promise: nil)
                case .cut: (below ?? context).close(promise: nil)
                case .reset:
                    AbruptEnd.reset(context.channel)
                    (below ?? context).close(promise: nil)
                }
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
#endif
