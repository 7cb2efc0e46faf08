#if Gateway
import Holdfast
import HoldfastTLS
import NIOCore
import NIOPosix
import Synchronization

/// One loop's connections to endpoints. Idle ones are kept per endpoint, the latest used first. How many there are of all
/// loops together is bounded by the service's configuration.
final class UpstreamPool {
    /// The most idle connections that are kept for one endpoint.
    static let idleBound = 512
    /// An idle connection older than this is closed rather than used.
    static let idleLimit = TimeAmount.seconds(30)
    /// For a request that must not be sent twice: the service may close a connection that idled for longer just as the
    /// request goes out, and then nobody knows whether it was read.
    static let freshLimit = TimeAmount.seconds(1)

    /// Those of one endpoint.
    private final class Idle {
        var connections: [UpstreamConnection] = []
    }

    /// An endpoint has as many connections as it may.
    struct Full: Error {}
    /// The gateway has as many connections to services as it has descriptors for, and none of this loop's is idle.
    struct NoDescriptor: Error {}

    /// Opens a channel to an address within a time, and gives it its handlers before anything comes.
    typealias Opening =
        (SocketAddress, TimeAmount, @escaping @Sendable (any Channel) -> EventLoopFuture<Void>)
        -> EventLoopFuture<any Channel>

    private let eventLoop: any EventLoop
    let turn: LoopTurn
    private var idle: [Int: Idle] = [:]
    private var personal = PersonalConnections()
    private(set) var isClosed = false
    private let counters: GatewayCounters
    /// How a channel is opened: over the network, unless somebody else has its bytes in their hands.
    var open: Opening
    /// The most connections to all endpoints together, of all loops.
    var totalBound = Int.max

    init(eventLoop: any EventLoop, turn: LoopTurn, counters: GatewayCounters) {
        self.eventLoop = eventLoop
        self.turn = turn
        self.counters = counters
        open = { address, timeout, initialize in
            ClientBootstrap(group: eventLoop)
                .connectTimeout(timeout)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .channelInitializer(initialize)
                .connect(to: address)
        }
    }

    /// An idle connection to an endpoint, if there is one that can be trusted.
    func take(_ endpoint: Endpoint, fresh: Bool) -> UpstreamConnection? {
        guard let idle = idle[endpoint.number], let newest = idle.connections.last else { return nil }
        let age = turn.now - newest.idleSince
        if age > Self.idleLimit {
            close(endpoint.number)
            return nil
        }
        if fresh, age > Self.freshLimit { return nil }
        return idle.connections.popLast()
    }

    /// Opens a connection to an endpoint.
    ///
    /// - Parameter completion: Called on this loop, with ``Full`` when the endpoint has as many as it may, or ``NoDescriptor``.
    func connect(
        to endpoint: Endpoint, atMost bound: Int, timeout: TimeAmount,
        completion: @escaping (Result<UpstreamConnection, any Error>) -> Void
    ) {
        guard endpoint.connections.add(1, ordering: .relaxed).newValue <= bound || closePersonal(to: endpoint) else {
            endpoint.connections.subtract(1, ordering: .relaxed)
            return completion(.failure(Full()))
        }
        let ended: @Sendable () -> Void = { [counters] in
            endpoint.connections.subtract(1, ordering: .relaxed)
            counters.serviceConnections.subtract(1, ordering: .relaxed)
        }
        guard counters.serviceConnections.add(1, ordering: .relaxed).newValue <= totalBound || closeOldest() else {
            ended()
            return completion(.failure(NoDescriptor()))
        }
        // The channel lives on this loop, so everything here stays on it.
        let pool = NIOLoopBound(self, eventLoop: eventLoop)
        let handshake = endpoint.makeHandshake()
        let future = open(endpoint.identity.address, timeout) { channel in
            channel.eventLoop.makeCompletedFuture {
                try Self.configure(channel, endpoint, handshake, pool: pool.value)
            }
        }
        .flatMap { channel in Self.ready(channel, handshake, within: timeout) }
        future.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let connection):
                connection.value.channel.closeFuture.whenComplete { _ in ended() }
            case .failure:
                ended()
            }
            completion(result.map(\.value))
        }
    }

    /// Waits for the handshake, where there is one.
    private static func ready(
        _ channel: any Channel, _ handshake: TLSHandshake?, within timeout: TimeAmount
    ) -> EventLoopFuture<NIOLoopBound<UpstreamConnection>> {
        do {
            let pipeline = channel.pipeline.syncOperations
            let connection = NIOLoopBound(
                try pipeline.handler(type: UpstreamConnection.self), eventLoop: channel.eventLoop)
            return Endpoint.agreed(handshake, on: channel, within: timeout).map { connection }
        } catch {
            channel.close(promise: nil)
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    static func configure(
        _ channel: any Channel, _ endpoint: Endpoint, _ handshake: TLSHandshake?, pool: UpstreamPool
    ) throws {
        try endpoint.addTLS(to: channel, handshake)
        try channel.pipeline.syncOperations.addHandler(
            UpstreamConnection(channel: channel, endpoint: endpoint, pool: pool))
    }

    func put(_ connection: UpstreamConnection) {
        let endpoint = connection.endpoint
        guard !isClosed, !connection.isOutdated else { return connection.close() }
        guard let idle = idle[endpoint.number] else {
            let idle = Idle()
            idle.connections = [connection]
            return self.idle[endpoint.number] = idle
        }
        guard idle.connections.count < Self.idleBound else { return connection.close() }
        idle.connections.append(connection)
    }

    func remove(_ connection: UpstreamConnection) {
        personal.remove(connection)
        idle[connection.endpoint.number]?.connections.removeAll { $0 === connection }
    }

    // MARK: Connections of one client

    /// Keeps a connection that has been authenticated, for the client that it was authenticated for.
    func keep(_ connection: UpstreamConnection, for owner: PersonalConnections.Owner) {
        guard !isClosed, !connection.endpoint.isLeft else { return connection.close() }
        personal.keep(connection, for: owner)?.close()
    }

    /// Where a client has such a connection, of some endpoints.
    func endpoint(of owner: PersonalConnections.Owner?, among endpoints: [Endpoint]) -> Endpoint? {
        guard !personal.isEmpty, let owner else { return nil }
        return personal.endpoint(of: owner, among: endpoints)
    }

    /// A client's own connection to an endpoint. However long it has idled, up to the limit, another would not do: the
    /// client would have to begin anew, in the middle of what it has begun.
    func take(_ endpoint: Endpoint, of owner: PersonalConnections.Owner?) -> UpstreamConnection? {
        guard !personal.isEmpty, let owner, let connection = personal.take(owner, to: endpoint) else { return nil }
        guard turn.now - connection.idleSince <= Self.idleLimit else {
            connection.close()
            return nil
        }
        return connection
    }

    /// The client has left.
    func closeAll(of owner: PersonalConnections.Owner) {
        guard !personal.isEmpty else { return }
        for connection in personal.removeAll(of: owner) { connection.close() }
    }

    private func closePersonal(to endpoint: Endpoint) -> Bool {
        let oldest = personal.removeOldest { $0 === endpoint }
        oldest?.close()
        return oldest != nil
    }

    /// Whether a connection to an endpoint is idle, here.
    func hasIdle(_ endpoint: Endpoint) -> Bool { idle[endpoint.number].map { !$0.connections.isEmpty } ?? false }

    /// Closes idle connections to endpoints that are retired or drained, or have other certificates.
    func closeRetired() {
        for connection in personal.removeAll(where: \.isLeft) { connection.close() }
        for (number, idle) in idle
        where idle.connections.isEmpty
            || idle.connections.contains(where: \.isOutdated)
        {
            close(number)
        }
    }

    func close() {
        isClosed = true
        for connection in personal.removeAll(where: { _ in true }) { connection.close() }
        for number in idle.keys { close(number) }
    }

    /// Makes room for a connection that is needed with one that is not.
    ///
    /// - Returns: Whether there was one.
    private func closeOldest() -> Bool {
        let oldest = idle.values.compactMap(\.connections.first).min { $0.idleSince < $1.idleSince }
        guard let oldest = oldest ?? personal.removeOldest() else { return false }
        remove(oldest)
        oldest.close()
        return true
    }

    private func close(_ endpoint: Int) {
        guard let idle = idle.removeValue(forKey: endpoint) else { return }
        for connection in idle.connections { connection.close() }
    }
}
#endif
