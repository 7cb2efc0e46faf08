#if Gateway
import Holdfast
import HoldfastIdempotency
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// Takes requests and carries them to the service: channel handlers on event loops, no task and no hop per request.
final class DataPlane: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let listeners: [Listener]
    private let loops: [NIOLoopBound<ListenerLoop>]
    private let shared: DataPlaneContext

    private init(
        group: MultiThreadedEventLoopGroup, listeners: [Listener], loops: [NIOLoopBound<ListenerLoop>],
        shared: DataPlaneContext
    ) {
        self.group = group
        self.listeners = listeners
        self.loops = loops
        self.shared = shared
    }

    /// Where requests are taken, in the configuration's order.
    var addresses: [SocketAddress] { listeners.map(\.address) }

    /// Starts to listen, everywhere or nowhere.
    ///
    /// - Throws: ``GatewayError`` when an address is taken, or a certificate cannot be used.
    static func start(_ shared: DataPlaneContext, plan: Plan) async throws -> DataPlane {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: plan.configuration.threads)
        do {
            return try await start(shared, plan: plan, on: group)
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private static func start(
        _ shared: DataPlaneContext, plan: Plan, on group: MultiThreadedEventLoopGroup
    ) async throws -> DataPlane {
        var loops: [ObjectIdentifier: NIOLoopBound<ListenerLoop>] = [:]
        for eventLoop in group.makeIterator() {
            loops[ObjectIdentifier(eventLoop)] = try await eventLoop.submit {
                NIOLoopBound(
                    ListenerLoop(context: LoopContext(shared: shared, plan: plan, eventLoop: eventLoop)),
                    eventLoop: eventLoop)
            }.get()
        }
        var listeners: [Listener] = []
        for configuration in plan.configuration.listeners {
            listeners.append(
                try await Listener.start(
                    configuration, on: group, loops: loops, shared: shared,
                    sharesAddress: plan.configuration.sharesAddresses))
        }
        return DataPlane(group: group, listeners: listeners, loops: Array(loops.values), shared: shared)
    }

    /// Serves requests that come from now on by another plan.
    func take(_ plan: Plan) async {
        for loop in loops { try? await loop.eventLoop.submit { loop.value.context.take(plan) }.get() }
    }

    /// Returns when each loop has had a turn.
    func hasTurned() async {
        for loop in loops { try? await loop.eventLoop.submit {}.get() }
    }

    /// Closes connections to endpoints that are drained, as far as they are idle.
    func closeIdle() {
        for loop in loops { loop.eventLoop.execute { loop.value.context.pool.closeRetired() } }
    }

    /// Reads the listeners' certificates again. New connections use them; those that are open keep what they have.
    ///
    /// - Returns: What has new connections use them.
    /// - Throws: ``GatewayError`` for the first that cannot be used.
    func readCertificates() throws -> [() -> Void] { try listeners.compactMap { try $0.certificates?.reload() } }

    /// Hands over to another gateway on the same addresses, if there is one; lets what is in flight end within the drain
    /// timeout, and records what was begun.
    func drain() async {
        let timeout = try? await loops[0].eventLoop.submit { [loops] in
            loops[0].value.context.plan.configuration.drainTimeout
        }.get()
        let limit = TimeAmount(timeout ?? .seconds(30))
        let deadline = NIODeadline.now() + limit
        var isHandedOver = false
        for listener in listeners where await listener.handsOver() { isHandedOver = true }
        for loop in loops { loop.eventLoop.execute { loop.value.connections.quiesce() } }
        if isHandedOver {
            try? await group.any().scheduleTask(in: min(HandOver.settleTime, limit)) {}.futureResult.get()
        }
        for listener in listeners { await listener.close(on: loops.map(\.eventLoop)) }
        await connectionsEnded(by: deadline)
        await settleClaims(until: .now() + limit)
        for loop in loops {
            try? await loop.eventLoop.submit { loop.value.context.pool.close() }.get()
        }
        try? await group.shutdownGracefully()
    }

    private func connectionsEnded(by deadline: NIODeadline) async {
        let limit = group.any().scheduleTask(deadline: deadline) { [loops] in
            for loop in loops { loop.eventLoop.execute { loop.value.connections.close() } }
        }
        for loop in loops {
            try? await loop.eventLoop.flatSubmit { loop.value.connections.end() }.get()
        }
        limit.cancel()
    }

    /// A client that has left does not end what it began under a key: that is awaited here.
    private func settleClaims(until deadline: NIODeadline) async {
        while shared.engine.snapshot().inFlight > 0, NIODeadline.now() < deadline {
            let (settled, continuation) = AsyncStream.makeStream(of: Void.self)
            shared.engine.whenNoneIsInFlight { continuation.finish() }
            let limit = group.any().scheduleTask(deadline: deadline) { continuation.finish() }
            for await _ in settled {}
            limit.cancel()
        }
    }
}
#endif
