#if Gateway
import HoldfastGateway
import NIOHTTP1
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
                group.addTask { (try? await SmallHTTPClient.send(.GET, "/ping", to: address).status) ?? 0 }
            }
            for await status in group { statuses[status, default: 0] += 1 }
        }
        return DemoControls.Traffic(sent: count, statuses: statuses)
    }
}
#endif
