#if Valkey
import Holdfast
import HoldfastTLS
import NIOCore
import NIOPosix
import NIOSSL

/// A connection on which commands are sent one after the other, without waiting for the answers before.
final class ValkeyConnection: Sendable {
    /// What the server, or the way to it, has said.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// For a connection to be made, and for its handshake.
    private static let timeout = TimeAmount.seconds(5)

    private let channel: any Channel

    private init(_ channel: any Channel) {
        self.channel = channel
    }

    var isOpen: Bool { channel.isActive }

    /// Connects, and says who we are.
    ///
    /// - Parameter told: Called for each message of a channel that is subscribed to.
    static func connect(
        to address: ValkeyAddress, told: @escaping @Sendable (_ message: String) -> Void = { _ in }
    ) async throws -> ValkeyConnection {
        let name = try address.usesTLS ? Self.name(of: address) : nil
        let tls = try name.map { (context: try context(for: address), name: $0, handshake: TLSHandshake(with: $0)) }
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton.next())
            .connectTimeout(timeout)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls {
                        try pipeline.addHandler(
                            NIOSSLClientHandler(context: tls.context, serverHostname: tls.name.indication))
                        try tls.handshake.add(to: channel)
                    }
                    try pipeline.addHandler(ValkeyHandler(told: told))
                }
            }
            .connect(host: address.host, port: address.port)
            .flatMap { channel in
                // Until the server has shown that it is who it has to be, it is given no password.
                guard let tls else { return channel.eventLoop.makeSucceededFuture(channel) }
                return tls.handshake.completed(on: channel, within: timeout).map { channel }
            }.get()
        let connection = ValkeyConnection(channel)
        do {
            try await connection.introduce(address)
            return connection
        } catch {
            connection.close()
            throw error
        }
    }

    private static func context(for address: ValkeyAddress) throws -> NIOSSLContext {
        try NIOSSLContext(
            configuration: .connecting(trusting: address.certificates.map { .file($0) } ?? .default))
    }

    private static func name(of address: ValkeyAddress) throws(Failure) -> ServiceName {
        guard let name = ServiceName(address.host) else {
            throw Failure(
                description: "'\(address.host)' is neither a name nor an IP address that a certificate can be for")
        }
        return name
    }

    private func introduce(_ address: ValkeyAddress) async throws {
        var commands: [[String]] = []
        if let password = address.password {
            commands.append(["AUTH"] + (address.user.map { [$0] } ?? []) + [password])
        }
        if address.database != 0 { commands.append(["SELECT", "\(address.database)"]) }
        commands.append(["CLIENT", "SETNAME", "holdfast"])
        for answer in try await send(commands.map { $0.map { Array($0.utf8) } }) {
            if case .error(let why) = answer { throw Failure(description: why) }
        }
    }

    /// Sends commands in one go, and returns an answer for each.
    ///
    /// - Throws: ``Failure`` when the connection breaks or is silent for ten seconds: what was sent may or may not have
    ///   been carried out.
    func send(_ commands: [[[UInt8]]]) async throws -> [RESPValue] {
        var buffer = channel.allocator.buffer(capacity: commands.joined().reduce(0) { $0 + $1.count + 16 })
        for command in commands { buffer.writeCommand(command) }
        let promise = channel.eventLoop.makePromise(of: [RESPValue].self)
        let request = ValkeyHandler.Request(bytes: buffer, count: commands.count, answers: promise)
        channel.writeAndFlush(request).cascadeFailure(to: promise)
        do { return try await promise.futureResult.get() } catch {
            throw error as? Failure ?? Failure(description: "\(error)")
        }
    }

    func close() { channel.close(promise: nil) }
}

/// Pairs answers with requests, in their order.
private final class ValkeyHandler: ChannelDuplexHandler {
    struct Request: Sendable {
        let bytes: ByteBuffer
        let count: Int
        let answers: EventLoopPromise<[RESPValue]>
    }

    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Request
    typealias OutboundOut = ByteBuffer

    private struct Waiting {
        let count: Int
        let promise: EventLoopPromise<[RESPValue]>
        let silence: Scheduled<Void>
        var answers: [RESPValue] = []
    }

    private let decoder = NIOSingleStepByteToMessageProcessor(RESPDecoder())
    private var waiting = CircularBuffer<Waiting>()
    private let told: @Sendable (String) -> Void

    init(told: @escaping @Sendable (String) -> Void) {
        self.told = told
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let request = unwrapOutboundIn(data)
        let channel = context.channel
        let silence = context.eventLoop.scheduleTask(in: .seconds(10)) { channel.close(promise: nil) }
        waiting.append(Waiting(count: request.count, promise: request.answers, silence: silence))
        context.write(wrapOutboundOut(request.bytes), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do {
            try decoder.process(buffer: unwrapInboundIn(data)) { value in
                if case .array(let parts) = value, parts.count == 3, parts[0].string == "message" {
                    return told(parts[2].string ?? "")
                }
                // An answer that nobody asked for: the two sides no longer count alike.
                guard !waiting.isEmpty else { throw RESPDecoder.Malformed() }
                waiting[waiting.startIndex].answers.append(value)
                if waiting[waiting.startIndex].answers.count == waiting[waiting.startIndex].count {
                    let done = waiting.removeFirst()
                    done.silence.cancel()
                    done.promise.succeed(done.answers)
                }
            }
        } catch {
            fail(ValkeyConnection.Failure(description: "\(error)"))
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(ValkeyConnection.Failure(description: "the connection was closed, or silent for ten seconds"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(ValkeyConnection.Failure(description: "\(error)"))
        context.close(promise: nil)
    }

    private func fail(_ failure: ValkeyConnection.Failure) {
        while let request = waiting.popFirst() {
            request.silence.cancel()
            request.promise.fail(failure)
        }
    }
}
#endif
