#if Gateway
import Holdfast
import HoldfastIdempotency
import NIOCore
import NIOExtras
import NIOHTTP1
import NIOPosix
import Synchronization

/// Takes requests and carries them to the service: channel handlers on event loops, no task and no hop per request.
final class DataPlane: Sendable {
    let address: SocketAddress
    private let group: MultiThreadedEventLoopGroup
    private let quiescing: ServerQuiescingHelper
    private let loops: [NIOLoopBound<LoopContext>]
    private let shared: DataPlaneContext

    private init(
        address: SocketAddress, group: MultiThreadedEventLoopGroup, quiescing: ServerQuiescingHelper,
        loops: [NIOLoopBound<LoopContext>], shared: DataPlaneContext
    ) {
        self.address = address
        self.group = group
        self.quiescing = quiescing
        self.loops = loops
        self.shared = shared
    }

    /// Starts to listen.
    ///
    /// - Throws: ``GatewayError`` when the address is taken.
    static func start(_ shared: DataPlaneContext, plan: Plan) async throws -> DataPlane {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: plan.configuration.threads)
        do {
            return try await start(shared, plan: plan, on: group)
        } catch {
            try? await group.shutdownGracefully()
            throw GatewayError.cannotListen(on: plan.configuration.listeners[0].address, because: error)
        }
    }

    private static func start(
        _ shared: DataPlaneContext, plan: Plan, on group: MultiThreadedEventLoopGroup
    ) async throws -> DataPlane {
        var loops: [ObjectIdentifier: NIOLoopBound<LoopContext>] = [:]
        for eventLoop in group.makeIterator() {
            loops[ObjectIdentifier(eventLoop)] = try await eventLoop.submit {
                NIOLoopBound(LoopContext(shared: shared, plan: plan, eventLoop: eventLoop), eventLoop: eventLoop)
            }.get()
        }
        let contexts = loops
        // It tells its event loop when it is released, which may be after the data plane's own have ended.
        let quiescing = ServerQuiescingHelper(group: MultiThreadedEventLoopGroup.singleton)
        let address = plan.configuration.listeners[0].address
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(quiescing.makeServerChannelHandler(channel: channel))
                }
            }
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let loop = contexts[ObjectIdentifier(channel.eventLoop)]?.value else {
                        throw ChannelError.operationUnsupported
                    }
                    try configure(channel, on: loop)
                }
            }
            .bind(host: address.host, port: address.port).get()
        guard let bound = channel.localAddress else { throw ChannelError.unknownLocalAddress }
        return DataPlane(
            address: bound, group: group, quiescing: quiescing, loops: Array(contexts.values), shared: shared)
    }

    private static func configure(_ channel: any Channel, on loop: LoopContext) throws {
        let configuration = loop.plan.configuration
        guard loop.shared.counters.connections.load(ordering: .relaxed) < configuration.connections else {
            throw ChannelError.operationUnsupported
        }
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderListSize = configuration.headerLimit
        limits.maxHeaderFieldSize = configuration.headerLimit
        var encoder = HTTPResponseEncoder.Configuration()
        encoder.automaticallySetFramingHeaders = false
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(HTTPResponseEncoder(configuration: encoder))
        try pipeline.addHandler(
            ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: limits)))
        try pipeline.addHandler(HTTPServerPipelineHandler())
        try pipeline.addHandler(DownstreamHandler(loop: loop))
    }

    /// Serves requests that come from now on by another plan.
    func take(_ plan: Plan) async {
        for loop in loops { try? await loop.eventLoop.submit { loop.value.take(plan) }.get() }
    }

    /// Takes no new connection, lets what is in flight end within the drain timeout, and records what was begun.
    func drain() async {
        let timeout = try? await loops[0].eventLoop.submit { self.loops[0].value.plan.configuration.drainTimeout }.get()
        let drainTimeout = TimeAmount(timeout ?? .seconds(30))
        let drained = group.any().makePromise(of: Void.self)
        quiescing.initiateShutdown(promise: drained)
        let limit = group.any().scheduleTask(in: drainTimeout) { drained.succeed() }
        try? await drained.futureResult.get()
        limit.cancel()
        await settleClaims(until: .now() + drainTimeout)
        for loop in loops {
            try? await loop.eventLoop.submit { loop.value.pool.close() }.get()
        }
        try? await group.shutdownGracefully()
    }

    /// A client that has left does not end what it began under a key: that is awaited here.
    private func settleClaims(until deadline: NIODeadline) async {
        while shared.engine.snapshot().inFlight > 0, NIODeadline.now() < deadline {
            try? await Task.sleep(for: .milliseconds(20))
        }
    }
}
#endif
