#if Gateway
import Holdfast
import HoldfastIdempotency
import Logging
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import HoldfastGateway

/// What a connection has in memory while nothing is asked for: there may be 10,000 of them. The bytes are counted, in
/// the buffers themselves; what the process has resident says too little of 512 of them.
@Suite struct IdleMemoryTests {
    /// Notes how large the buffer is that each read went into.
    private final class Reads: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer
        private(set) var rooms: [Int] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            rooms.append(unwrapInboundIn(data).storageCapacity)
            context.fireChannelRead(data)
        }
    }

    /// One listener on a loop of its own, whose connections can be looked at.
    private struct Ground {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop: NIOLoopBound<ListenerLoop>
        let listener: Listener

        init(to service: TestService) async throws {
            let configuration = patientConfiguration(to: [service])
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let clock = MonotonicClock()
            let maker = Plan.Maker(clock: clock, logger: logger, transitions: TransitionLog())
            let plan = try await PlanKeeper(configuration, maker: maker).current
            let store = MemoryStore()
            let shared = DataPlaneContext(
                engine: try IdempotencyEngine(store: store), secret: try await store.secret(),
                counters: GatewayCounters(), observer: Observer(accessLog: nil, sample: 0),
                storeMetrics: StoreMetrics(), clock: clock, logger: logger,
                descriptors: DescriptorRoom(for: configuration))
            let eventLoop = group.next()
            loop = try await eventLoop.submit {
                NIOLoopBound(
                    ListenerLoop(context: LoopContext(shared: shared, plan: plan, eventLoop: eventLoop)),
                    eventLoop: eventLoop)
            }.get()
            listener = try await Listener.start(
                configuration.listeners[0], on: group, loops: [ObjectIdentifier(eventLoop): loop], shared: shared)
        }

        /// Runs on the loop, with the one connection that there is.
        func onLoop<R: Sendable>(_ body: @escaping @Sendable (any Channel) throws -> R) async throws -> R {
            try await loop.eventLoop.submit { [loop] in
                try body(try #require(loop.value.connections.channels.values.first))
            }.get()
        }

        /// How many large buffers the loop has for its next bodies.
        func large() async throws -> Int {
            try await loop.eventLoop.submit { [loop] in loop.value.context.readBuffers.buffers.count }.get()
        }

        func stop() async throws {
            await listener.close(on: [loop.eventLoop])
            try await loop.eventLoop.submit { [loop] in loop.value.context.pool.close() }.get()
            try await group.shutdownGracefully()
        }
    }

    @Test(arguments: [(nil, 512), (3_000, 4_096), (2_000_000, 4_096)] as [(Int?, Int)])
    func `a connection that waits for its next request keeps little to read into, whatever it has sent`(
        body: Int?, most: Int
    ) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let ground = try await Ground(to: service)
        let port = try #require(ground.listener.address.port)
        nonisolated(unsafe) let client = KeepAliveClient(port: port, keepsAlive: true)
        let opening = body.map { count in
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(count)\r\n\r\n" + String(repeating: "x", count: count)
        }
        _ = try await offPool { try client.get(sending: opening) }
        let kept = try await ground.onLoop { channel in
            try channel.pipeline.syncOperations.addHandler(Reads(), position: .first)
            return try channel.syncOptions?.getOption(.maxMessagesPerRead)
        }
        // What a large body was read into is the loop's.
        let large = body ?? 0 > 1_000_000 ? 1...ReadBuffers.bound : 0...0
        try await #expect(large.contains(ground.large()))
        // NIO keeps as many buffers as it may read at once.
        #expect(kept == 1)
        // By then the next read is a small one again, and shows what has been kept.
        for _ in 0..<20 { _ = try await offPool { try client.get() } }
        let rooms = try await ground.onLoop { try $0.pipeline.syncOperations.handler(type: Reads.self).rooms }
        #expect(rooms.count == 20)
        #expect(try #require(rooms.last) <= most, "\(rooms)")
        try await ground.stop()
        await service.stop()
    }
}
#endif
