#if Gateway
import Holdfast
import NIOCore
import NIOHTTP1
import NIOPosix

/// One loop's connections to the service. Idle ones are kept per endpoint, the latest used first. The number of those
/// in use is bounded by the number of requests, because each serves one.
final class UpstreamPool {
    /// The most idle connections that are kept for one endpoint.
    static let idleBound = 128
    /// An idle connection older than this is closed rather than used.
    static let idleLimit = TimeAmount.seconds(30)
    /// For a request that must not be sent twice: the service may close a connection that idled for longer just as the
    /// request goes out, and then nobody knows whether it was read.
    static let freshLimit = TimeAmount.seconds(1)

    private let eventLoop: any EventLoop
    private var idle: [[UpstreamConnection]]
    private(set) var isClosed = false

    init(eventLoop: any EventLoop, endpointCount: Int) {
        self.eventLoop = eventLoop
        idle = Array(repeating: [], count: endpointCount)
    }

    /// An idle connection to an endpoint, if there is one that can be trusted.
    func take(_ endpoint: Int, fresh: Bool) -> UpstreamConnection? {
        let now = NIODeadline.now()
        guard let newest = idle[endpoint].last else { return nil }
        if now - newest.idleSince > Self.idleLimit {
            for connection in idle[endpoint] { connection.close() }
            idle[endpoint].removeAll()
            return nil
        }
        if fresh, now - newest.idleSince > Self.freshLimit { return nil }
        return idle[endpoint].popLast()
    }

    /// Opens a connection to an endpoint.
    func connect(
        _ endpoint: Int, to address: GatewayConfiguration.Address, timeout: Duration,
        completion: @escaping (Result<UpstreamConnection, any Error>) -> Void
    ) {
        // The channel lives on this loop, so everything here stays on it.
        let pool = NIOLoopBound(self, eventLoop: eventLoop)
        let future = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(timeout))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    var configuration = HTTPRequestEncoder.Configuration()
                    configuration.automaticallySetFramingHeaders = false
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(HTTPRequestEncoder(configuration: configuration))
                    try pipeline.addHandler(
                        ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes)))
                    try pipeline.addHandler(
                        UpstreamConnection(channel: channel, endpoint: endpoint, pool: pool.value))
                }
            }
            .connect(host: address.host, port: address.port)
            .flatMapThrowing { channel in
                NIOLoopBound(
                    try channel.pipeline.syncOperations.handler(type: UpstreamConnection.self),
                    eventLoop: channel.eventLoop)
            }
        future.assumeIsolated().whenComplete { result in
            completion(result.map(\.value))
        }
    }

    func put(_ connection: UpstreamConnection) {
        guard !isClosed, idle[connection.endpoint].count < Self.idleBound else { return connection.close() }
        idle[connection.endpoint].append(connection)
    }

    func remove(_ connection: UpstreamConnection) {
        idle[connection.endpoint].removeAll { $0 === connection }
    }

    func close() {
        isClosed = true
        for connection in idle.joined() { connection.close() }
        idle = Array(repeating: [], count: idle.count)
    }
}
#endif
