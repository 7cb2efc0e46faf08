#if Gateway
import HoldfastGateway
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Sends small bursts of requests through the gateway, for the page's button.
final class TrafficSource: Sendable {
    private let target = Mutex<GatewayConfiguration.Address?>(nil)

    func aim(at address: GatewayConfiguration.Address) {
        target.withLock { $0 = address }
    }

    /// Sends requests, five at a time.
    func send(count: Int) async -> DemoControls.Traffic {
        guard let address = target.withLock({ $0 }) else { return DemoControls.Traffic(sent: 0, statuses: [:]) }
        var statuses: [Int: Int] = [:]
        await withTaskGroup(of: Int.self) { group in
            for number in 0..<count {
                if number >= 5, let status = await group.next() { statuses[status, default: 0] += 1 }
                group.addTask { (try? await Self.get("/ping", from: address)) ?? 0 }
            }
            for await status in group { statuses[status, default: 0] += 1 }
        }
        return DemoControls.Traffic(sent: count, statuses: statuses)
    }

    private static func get(_ path: String, from address: GatewayConfiguration.Address) async throws -> Int {
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: address.host, port: address.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    return try NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>(
                        wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let headers = HTTPHeaders([("host", "\(address)"), ("connection", "close")])
            try await outbound.write(
                .head(HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: headers)))
            try await outbound.write(.end(nil))
            for try await part in inbound {
                if case .head(let head) = part { return Int(head.status.code) }
            }
            return 0
        }
    }
}
#endif
