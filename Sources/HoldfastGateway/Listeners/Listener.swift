#if Gateway
import NIOCore
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import Synchronization

/// One address where requests are taken: accepts connections, and builds the handlers that each needs.
final class Listener: Sendable {
    /// Where it listens; with the port that was found, where any was asked for.
    let address: SocketAddress
    let certificates: Certificates?
    private let channel: any Channel
    private let handOver: HandOver

    private init(address: SocketAddress, certificates: Certificates?, channel: any Channel) {
        self.address = address
        self.certificates = certificates
        self.channel = channel
        handOver = HandOver(address)
    }

    /// Starts to listen.
    ///
    /// - Parameter loops: What belongs to each event loop of the group.
    /// - Throws: ``GatewayError`` that says which listener cannot, and why.
    static func start(
        _ configuration: ListenerConfiguration, on group: MultiThreadedEventLoopGroup,
        loops: [ObjectIdentifier: NIOLoopBound<ListenerLoop>], shared: DataPlaneContext
    ) async throws -> Listener {
        let certificates = try configuration.tls.map { try Certificates($0, http2: configuration.http2) }
        do {
            let channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 1_024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.socketOption(HandOver.reusePort), value: 1)
                .serverChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            AcceptPause(counters: shared.counters, logger: shared.logger))
                    }
                }
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .childChannelOption(.maxMessagesPerRead, value: 1)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        guard let loop = loops[ObjectIdentifier(channel.eventLoop)]?.value else {
                            throw ChannelError.operationUnsupported
                        }
                        try loop.accept(channel, configuration, certificates)
                    }
                }
                .bind(host: configuration.address.host, port: configuration.address.port).get()
            guard let bound = channel.localAddress else { throw ChannelError.unknownLocalAddress }
            return Listener(address: bound, certificates: certificates, channel: channel)
        } catch {
            throw GatewayError.cannotListen(on: configuration.address, because: error)
        }
    }

    /// Has new connections go to another gateway on the same address.
    ///
    /// - Returns: Whether there is one.
    func handsOver() async -> Bool { await handOver.begin(channel) }

    /// Takes no new connection.
    ///
    /// - Parameter loops: Those that connections were given to.
    func close(on loops: [any EventLoop]) async {
        await HandOver.accepted(channel)
        // A connection that was accepted goes from the listener's loop to its own, back, and there once more. A listener
        // that closes meanwhile takes it along.
        for _ in 0..<2 {
            for loop in loops { try? await loop.submit {}.get() }
            try? await channel.eventLoop.submit {}.get()
        }
        try? await channel.close()
    }
}

/// What belongs to one event loop: its connections, and what its requests need. Never leaves the loop.
final class ListenerLoop {
    /// How much the kernel takes of an answer beyond what it can send at once: 16 KiB, as HAProxy and Cloudflare have
    /// it. It would take megabytes otherwise for a client that does not read, of which the machine has so many.
    private static let unsentBytes = 16 << 10
    /// `TCP_NOTSENT_LOWAT`
    #if os(Linux)
    private static let unsentLimit = NIOBSDSocket.Option(rawValue: 25)
    #else
    private static let unsentLimit = NIOBSDSocket.Option(rawValue: 0x201)
    #endif

    let context: LoopContext
    let connections: LoopConnections

    init(context: LoopContext) {
        self.context = context
        connections = LoopConnections(eventLoop: context.eventLoop)
    }

    func accept(
        _ channel: any Channel, _ listener: ListenerConfiguration, _ certificates: Certificates?
    ) throws {
        let configuration = context.plan.configuration
        let counters = context.shared.counters
        let open = counters.connections.add(1, ordering: .relaxed).newValue
        connections.add(channel)
        // Where the kernel does not have it, its buffers are as they were.
        try? channel.syncOptions?.setOption(.tcpOption(Self.unsentLimit), value: Self.unsentBytes)
        channel.closeFuture.assumeIsolated().whenComplete { [connections] _ in
            counters.connections.subtract(1, ordering: .relaxed)
            connections.remove(channel)
        }
        try channel.syncOptions?.setOption(.recvAllocator, value: context.readRoom)
        try admit(channel, open)
        if let certificates { try channel.pipeline.syncOperations.addHandler(certificates.makeHandler()) }
        guard certificates != nil || listener.http2 else {
            return try build(channel, Transport(isSecure: false, isHTTP2: false), listener)
        }
        try channel.pipeline.syncOperations.addHandler(
            ProtocolChoice(
                isSecure: certificates != nil, asksForCertificate: listener.asksForCertificate,
                timeout: TimeAmount(configuration.headerTimeout), eventLoop: channel.eventLoop,
                refused: { [shared = context.shared] in shared.refused(channel, $0) }
            ) { [unowned self] transport in
                try build(channel, transport, listener)
                transport.certificate?.endConnection(channel)
            })
    }

    /// - Parameter open: How many connections there are, this one included.
    private func admit(_ channel: any Channel, _ open: Int) throws {
        let (configuration, shared) = (context.plan.configuration, context.shared)
        guard open <= shared.descriptors.clients(configuration.connections) else {
            shared.counters.refusedByConnections.add(1, ordering: .relaxed)
            throw ChannelError.operationUnsupported
        }
        guard let bound = configuration.connectionsPerClient,
            let client = ClientConnections.Client(channel.remoteAddress)
        else { return }
        guard shared.clients.admit(client, atMost: bound) else {
            shared.counters.refusedByClient.add(1, ordering: .relaxed)
            throw ChannelError.operationUnsupported
        }
        channel.closeFuture.whenComplete { _ in shared.clients.ended(client) }
    }

    private func build(_ channel: any Channel, _ transport: Transport, _ listener: ListenerConfiguration) throws {
        if transport.isHTTP2 {
            try buildHTTP2(channel, transport, listener)
        } else {
            try buildHTTP1(channel, transport)
        }
    }

    private func buildHTTP1(_ channel: any Channel, _ transport: Transport) throws {
        let configuration = context.plan.configuration
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderListSize = configuration.headerLimit
        limits.maxHeaderFieldSize = configuration.headerLimit
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(
            ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits)))
        try pipeline.addHandler(
            DownstreamHandler(loop: context, transport: transport, isQuiescing: connections.isQuiescing))
    }

    private func buildHTTP2(
        _ channel: any Channel, _ transport: Transport, _ listener: ListenerConfiguration
    ) throws {
        let eventLoop = channel.eventLoop
        let connection = HTTP2Connection(
            configuration: context.plan.configuration, connections: connections, eventLoop: eventLoop)
        let limits = HTTP2Limits.make(context.plan.configuration, streams: listener.streams)
        let loop = NIOLoopBound(self, eventLoop: eventLoop)
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: eventLoop, connectionConfiguration: limits.connection,
            streamConfiguration: limits.stream,
            streamDelegate: HTTP2StreamWatch(connection: NIOLoopBound(connection, eventLoop: eventLoop))
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                let pipeline = stream.pipeline.syncOperations
                try pipeline.addHandler(HTTP2StreamCodec())
                try pipeline.addHandler(
                    DownstreamHandler(loop: loop.value.context, transport: transport, isQuiescing: false))
            }
        }
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.pipeline.syncOperations.addHandler(connection)
    }
}
#endif
