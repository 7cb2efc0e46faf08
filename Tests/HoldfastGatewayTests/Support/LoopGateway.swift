#if Gateway
import Holdfast
import HoldfastIdempotency
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1

@testable import HoldfastGateway

/// A gateway's data plane on one event loop whose time the test moves, without a network: every byte of its clients and
/// of its services is in the test's hands. The handlers are those that a listener builds, and the breakers' clock is the
/// loop's. A request with a key goes as far as its claim: what the store says comes on other threads.
final class LoopGateway {
    let loop = EmbeddedEventLoop()
    let plan: Plan
    let context: LoopContext
    /// The connections to services, in the order in which they were opened.
    private(set) var services: [Connection] = []
    /// Whether a service is there to be connected to.
    var isReachable = true
    private let listenerLoop: ListenerLoop
    private let listener: ListenerConfiguration

    /// - Parameters:
    ///   - store: One whose answers come after the test's end, if at all.
    ///   - configure: Changes what a gateway with `--upstream` has.
    init(
        store: any ClaimStore = MemoryStore(), _ configure: (inout GatewayConfiguration) throws -> Void = { _ in }
    ) throws {
        let address = GatewayConfiguration.Address(host: "service.internal", port: 80)
        var configuration = GatewayConfiguration(upstreams: [address], threads: 1)
        configuration.connections = 1_000_000
        try configure(&configuration)
        try configuration.validate()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let clock = TimeOfLoop(loop)
        let addresses = Dictionary(
            uniqueKeysWithValues: try Set(configuration.services.flatMap(\.endpoints).map(\.address)).map {
                ($0, [try SocketAddress(ipAddress: "127.0.0.1", port: $0.port)])
            })
        plan = try Plan.Maker(clock: clock, logger: logger, transitions: TransitionLog())
            .plan(configuration, at: addresses, after: nil)
        plan.takeOver(from: nil)
        let shared = DataPlaneContext(
            engine: try IdempotencyEngine(store: store),
            secret: try StoreSecret(bytes: Array(repeating: 7, count: 32)), counters: GatewayCounters(),
            observer: Observer(accessLog: nil, sample: 0, kept: 64), storeMetrics: StoreMetrics(), clock: clock,
            logger: logger, descriptors: DescriptorRoom(limit: 10_000_000, loops: 1, listeners: 1))
        context = LoopContext(shared: shared, plan: plan, eventLoop: loop)
        listenerLoop = ListenerLoop(context: context)
        listener = configuration.listeners[0]
        context.generator = SplitMix64(seed: 1)
        context.pool.open = { [unowned self] address, _, initialize in
            guard isReachable else { return loop.makeFailedFuture(ChannelError.connectTimeout(.seconds(1))) }
            let connection = Connection(loop)
            services.append(connection)
            let channel = connection.channel
            return initialize(channel).flatMap { channel.connect(to: address) }.map { channel as any Channel }
        }
    }

    /// The breaker of the only endpoint.
    var endpoint: Endpoint { plan.services[0].endpoints[0] }

    /// Lets a client in.
    func connect(from address: String = "192.0.2.1") throws -> Connection {
        let client = Connection(loop)
        try listenerLoop.accept(client.channel, listener, nil)
        client.channel.connect(to: try SocketAddress(ipAddress: address, port: 40_000), promise: nil)
        loop.run()
        return client
    }

    func advance(by duration: Duration) { loop.advanceTime(by: .nanoseconds(duration.saturatingNanoseconds)) }

    /// Ends what is left, so that nothing of it is asked for after the test.
    func end() {
        for connection in services { connection.close() }
        listenerLoop.connections.close()
        loop.run()
    }

    /// One connection, as its other side has it.
    final class Connection {
        let channel: EmbeddedChannel
        private let loop: EmbeddedEventLoop
        private let valve = Valve()
        private var bytes: [UInt8] = []

        init(_ loop: EmbeddedEventLoop) {
            self.loop = loop
            channel = EmbeddedChannel(handler: valve, loop: loop)
        }

        var isOpen: Bool { channel.isActive }

        /// All that has come so far.
        var received: String {
            while let buffer = try? channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.readableBytesView }
            return String(decoding: bytes, as: UTF8.self)
        }

        func send(_ text: String) { send(Array(text.utf8)) }

        func send(_ bytes: [UInt8]) {
            // An error that a handler has passed on is one that ends a connection.
            if channel.isActive { _ = try? channel.writeInbound(ByteBuffer(bytes: bytes)) }
            loop.run()
        }

        /// Takes nothing of what it is sent, or all that waits and all that comes.
        func takes(_ takes: Bool) {
            valve.isShut = !takes
            if takes { channel.pipeline.flush() }
            channel.isWritable = takes
            channel.pipeline.fireChannelWritabilityChanged()
            loop.run()
        }

        func close() {
            if channel.isActive { channel.close(promise: nil) }
            loop.run()
        }
    }

    /// What is written waits behind it while it is shut, and counts as waiting.
    private final class Valve: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer
        var isShut = false

        func flush(context: ChannelHandlerContext) {
            if !isShut { context.flush() }
        }

        /// An embedded channel would close whole.
        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            guard mode == .output else { return context.close(mode: mode, promise: promise) }
            promise?.succeed()
        }
    }
}

/// The time of an event loop, for the breakers of its gateway.
private final class TimeOfLoop: TimeSource, @unchecked Sendable {
    // Asked on the test's own thread alone.
    private let loop: EmbeddedEventLoop

    init(_ loop: EmbeddedEventLoop) { self.loop = loop }

    var now: MonotonicInstant { MonotonicInstant(nanoseconds: Int64(loop.now.uptimeNanoseconds)) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {}
}
#endif
