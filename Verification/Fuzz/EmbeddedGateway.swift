#if Gateway && (FUZZ || DEBUG)
import Holdfast
@testable import HoldfastGateway
import HoldfastIdempotency
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization

/// A gateway's data plane without a network: one client, one connection to a service, and every byte in our hands. The
/// handlers are those that a listener builds.
final class EmbeddedGateway {
    /// What every gateway here shares: a plan, and what is counted.
    private struct Ground {
        let shared: DataPlaneContext
        let plan: Plan
        let listener: ListenerConfiguration

        init() throws {
            let address = GatewayConfiguration.Address(host: "service.internal", port: 80)
            var configuration = GatewayConfiguration(upstreams: [address], threads: 1)
            // The least that may be, so that inputs meet it.
            configuration.headerLimit = 1_024
            configuration.connections = 1_000_000
            configuration.routes[0].idempotency.keys = .off
            configuration.routes[0].retry.attempts = 1
            try configuration.validate()
            var logger = Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }
            logger.logLevel = .critical
            let clock = MonotonicClock()
            let maker = Plan.Maker(clock: clock, logger: logger, transitions: TransitionLog())
            let addresses = [address: [try SocketAddress(ipAddress: "127.0.0.1", port: 80)]]
            plan = try maker.plan(configuration, at: addresses, after: nil)
            for service in plan.services {
                for endpoint in service.endpoints {
                    endpoint.breaker.disable()
                    // Nothing is ever connected: beyond the one connection there is none to be had.
                    endpoint.connections.store(1 << 40, ordering: .relaxed)
                }
            }
            shared = DataPlaneContext(
                engine: try IdempotencyEngine(store: MemoryStore()),
                secret: try StoreSecret(bytes: Array(repeating: 7, count: 32)), counters: GatewayCounters(),
                observer: Observer(accessLog: nil, sample: 0, kept: 64), storeMetrics: StoreMetrics(), clock: clock,
                logger: logger, descriptors: DescriptorRoom(for: configuration))
            listener = configuration.listeners[0]
        }
    }

    // One thread parses.
    nonisolated(unsafe) private static var ground: Ground?

    let client: EmbeddedChannel
    let service: EmbeddedChannel
    private let loop = EmbeddedEventLoop()
    private let listenerLoop: ListenerLoop
    private(set) var toClient: [UInt8] = []
    private(set) var toService: [UInt8] = []
    /// How many requests the service has answered.
    private var answered = 0

    init() throws {
        let ground = try Self.ground ?? Ground()
        Self.ground = ground
        let context = LoopContext(shared: ground.shared, plan: ground.plan, eventLoop: loop)
        context.generator = SplitMix64(seed: 1)
        listenerLoop = ListenerLoop(context: context)
        service = EmbeddedChannel(loop: loop)
        client = EmbeddedChannel(loop: loop)
        let endpoint = ground.plan.services[0].endpoints[0]
        try UpstreamPool.configure(service, endpoint, nil, pool: context.pool)
        try service.connect(to: endpoint.identity.address).wait()
        context.pool.put(try service.pipeline.syncOperations.handler(type: UpstreamConnection.self))
        try listenerLoop.accept(client, ground.listener, nil)
        try client.connect(to: SocketAddress(ipAddress: "192.0.2.1", port: 40_000)).wait()
    }

    /// The client sends, in one piece.
    ///
    /// - Parameter answer: What the service says to each request that has arrived whole; nil: nothing.
    func receive(_ bytes: ArraySlice<UInt8>, answer: ((StrictReader.Message) -> [UInt8])?) throws {
        // An error that a handler has passed on is one that ends a connection.
        if client.isActive { _ = try? client.writeInbound(ByteBuffer(bytes: bytes)) }
        loop.run()
        guard let answer else { return try collect() }
        try pump(answer)
    }

    /// The service sends, in one piece.
    func serviceSends(_ bytes: ArraySlice<UInt8>) throws {
        if service.isActive { _ = try? service.writeInbound(ByteBuffer(bytes: bytes)) }
        loop.run()
        try collect()
    }

    /// Both leave.
    func end() throws {
        _ = try? client.finish(acceptAlreadyClosed: true)
        loop.run()
        _ = try? service.finish(acceptAlreadyClosed: true)
        loop.run()
        try collect()
        try loop.syncShutdownGracefully()
    }

    private func pump(_ answer: (StrictReader.Message) -> [UInt8]) throws {
        try collect()
        while service.isActive {
            let whole = StrictReader.requests(toService).messages.filter(\.isWhole)
            guard answered < whole.count else { return }
            answered += 1
            try serviceSends(answer(whole[answered - 1])[...])
        }
    }

    private func collect() throws {
        while let buffer = try service.readOutbound(as: ByteBuffer.self) { toService += buffer.readableBytesView }
        while let buffer = try client.readOutbound(as: ByteBuffer.self) { toClient += buffer.readableBytesView }
        while try client.readInbound(as: NIOAny.self) != nil {}
    }
}
#endif
