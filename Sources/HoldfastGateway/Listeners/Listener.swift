#if Gateway
import Logging
import NIOCore
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
    /// - Parameters:
    ///   - loops: What belongs to each event loop of the group.
    ///   - sharesAddress: Whether another gateway may listen there too, to take the address over.
    /// - Throws: ``GatewayError`` that says which listener cannot, and why.
    static func start(
        _ configuration: ListenerConfiguration, on group: MultiThreadedEventLoopGroup,
        loops: [ObjectIdentifier: NIOLoopBound<ListenerLoop>], shared: DataPlaneContext,
        sharesAddress: Bool = true
    ) async throws -> Listener {
        let certificates = try configuration.tls.map { try Certificates($0, http2: configuration.http2) }
        do {
            let channel = try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 1_024)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.socketOption(HandOver.reusePort), value: sharesAddress ? 1 : 0)
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
            if let certificates {
                let found = GatewayConfiguration.Address(host: bound.ipAddress ?? "\(bound)", port: bound.port ?? 0)
                shared.certificates.add(certificates, of: "\(found)")
            }
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

    /// A header of the PROXY protocol that is none is told of once in so long.
    private static let quietTime = TimeAmount.seconds(60)

    let context: LoopContext
    let connections: LoopConnections
    private var lastHeaderFault: NIODeadline?

    init(context: LoopContext) {
        self.context = context
        connections = LoopConnections(eventLoop: context.eventLoop)
    }

    func accept(
        _ channel: any Channel, _ listener: ListenerConfiguration, _ certificates: Certificates?
    ) throws {
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
        try admit(open)
        let (trusted, peer) = (TrustedHops(listener), IPAddress(channel.remoteAddress))
        guard listener.proxyProtocol == .required, trusted.speaksForOthers(peer) else {
            try admit(channel, of: peer, trusted)
            return try serve(channel, listener, certificates, from: nil)
        }
        try awaitHeader(channel) { [unowned self] header in
            let origin = ConnectionOrigin(header, from: peer, trusted)
            if header.source != nil { try admit(channel, of: header.source, trusted) }
            try serve(channel, listener, certificates, from: origin)
        }
    }

    /// - Parameter origin: Where the connection comes from; nil: from whom it is with.
    private func serve(
        _ channel: any Channel, _ listener: ListenerConfiguration, _ certificates: Certificates?,
        from origin: ConnectionOrigin?
    ) throws {
        if let certificates { try channel.pipeline.syncOperations.addHandler(certificates.makeHandler()) }
        guard certificates != nil || listener.http2 else {
            return try build(channel, Transport(isSecure: false, isHTTP2: false), listener, from: origin)
        }
        try channel.pipeline.syncOperations.addHandler(
            ProtocolChoice(
                isSecure: certificates != nil, asksForCertificate: listener.asksForCertificate,
                timeout: context.plan.headerTimeout, eventLoop: channel.eventLoop,
                refused: { [shared = context.shared] in shared.refused(channel, $0) }
            ) { [unowned self] transport in
                try build(channel, transport, listener, from: origin)
                transport.certificate?.endConnection(channel)
            })
    }

    /// Reads what a balancer says of the connection before anything else is read.
    private func awaitHeader(_ channel: any Channel, proceed: @escaping (ProxyHeader) throws -> Void) throws {
        let handler = ProxyProtocolHandler(
            timeout: context.plan.headerTimeout, eventLoop: channel.eventLoop, proceed: proceed
        ) { [unowned self] reason in
            context.shared.counters.refusedByProxyProtocol.add(1, ordering: .relaxed)
            let now = context.turn.now
            guard lastHeaderFault.map({ now - $0 >= Self.quietTime }) ?? true else { return }
            lastHeaderFault = now
            context.shared.logger.warning(
                "a proxy that is trusted sent no header of the PROXY protocol, and its connection was closed",
                metadata: ["proxy": "\(channel.remoteAddress?.ipAddress ?? "unknown")", "reason": "\(reason)"])
        }
        try channel.pipeline.syncOperations.addHandler(handler)
    }

    /// - Parameter open: How many connections there are, this one included.
    private func admit(_ open: Int) throws {
        let (configuration, shared) = (context.plan.configuration, context.shared)
        guard open <= shared.descriptors.clients(configuration.connections) else {
            shared.counters.refusedByConnections.add(1, ordering: .relaxed)
            throw ChannelError.operationUnsupported
        }
    }

    /// - Parameter trusted: Whose connections carry what many clients ask, and are not counted as one's.
    private func admit(_ channel: any Channel, of address: IPAddress?, _ trusted: TrustedHops) throws {
        let shared = context.shared
        guard let bound = context.plan.configuration.connectionsPerClient, let address,
            !trusted.speaksForOthers(address)
        else { return }
        let client = ClientConnections.Client(address)
        guard shared.clients.admit(client, atMost: bound) else {
            shared.counters.refusedByClient.add(1, ordering: .relaxed)
            throw ChannelError.operationUnsupported
        }
        channel.closeFuture.whenComplete { _ in shared.clients.ended(client) }
    }

    private func build(
        _ channel: any Channel, _ transport: Transport, _ listener: ListenerConfiguration,
        from origin: ConnectionOrigin?
    ) throws {
        let origin = origin ?? ConnectionOrigin(channel, TrustedHops(listener))
        if transport.isHTTP2 {
            try buildHTTP2(channel, transport, listener, origin)
        } else {
            try buildHTTP1(channel, transport, origin)
        }
    }

    private func buildHTTP1(_ channel: any Channel, _ transport: Transport, _ origin: ConnectionOrigin) throws {
        let configuration = context.plan.configuration
        let downstream = DownstreamHandler(
            loop: context, transport: transport, origin: origin, isQuiescing: connections.isQuiescing)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(
            HTTP1RequestHandler(headerLimit: configuration.headerLimit, downstream: downstream))
        try pipeline.addHandler(downstream)
    }

    private func buildHTTP2(
        _ channel: any Channel, _ transport: Transport, _ listener: ListenerConfiguration, _ origin: ConnectionOrigin
    ) throws {
        let eventLoop = channel.eventLoop
        let headerLimit = context.plan.configuration.headerLimit
        let gate = HTTP2FrameGate(headerLimit: headerLimit, buffers: context.readBuffers)
        let connection = HTTP2Connection(
            configuration: context.plan.configuration, connections: connections, gate: gate, eventLoop: eventLoop)
        let limits = HTTP2Limits.make(context.plan.configuration, streams: listener.streams)
        let loop = NIOLoopBound((self, gate, origin), eventLoop: eventLoop)
        let handler = NIOHTTP2Handler(
            mode: .server, eventLoop: eventLoop, connectionConfiguration: limits.connection,
            streamConfiguration: limits.stream,
            streamDelegate: HTTP2StreamWatch(connection: NIOLoopBound(connection, eventLoop: eventLoop))
        ) { stream in
            stream.eventLoop.makeCompletedFuture {
                let pipeline = stream.pipeline.syncOperations
                let (listenerLoop, gate, origin) = loop.value
                let downstream = DownstreamHandler(
                    loop: listenerLoop.context, transport: transport, origin: origin, isQuiescing: false)
                let codec = HTTP2StreamCodec(gate: gate) {
                    downstream.requestIsUnreadable(.headersTooLarge(limit: headerLimit), 0)
                }
                try pipeline.addHandler(codec)
                try pipeline.addHandler(downstream)
            }
        }
        try channel.pipeline.syncOperations.addHandler(gate)
        try channel.pipeline.syncOperations.addHandler(handler)
        try channel.pipeline.syncOperations.addHandler(connection)
    }
}
#endif
