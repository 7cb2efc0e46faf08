#if Gateway
import Holdfast
import HoldfastIdempotency
import Logging
import NIOCore
import Synchronization

/// What all the data plane's loops share.
struct DataPlaneContext: Sendable {
    let configuration: GatewayConfiguration
    let endpoints: [Endpoint]
    let budget: RetryBudget
    let engine: IdempotencyEngine
    let secret: StoreSecret
    let counters: GatewayCounters
    let clock: any TimeSource
    let logger: Logger
}

/// What belongs to one event loop: its connections to the service, its random numbers, its turn among the endpoints.
/// Never leaves the loop.
final class LoopContext {
    let shared: DataPlaneContext
    let eventLoop: any EventLoop
    let pool: UpstreamPool
    var generator = SystemRandomNumberGenerator()
    private var turn = 0

    init(shared: DataPlaneContext, eventLoop: any EventLoop) {
        self.shared = shared
        self.eventLoop = eventLoop
        pool = UpstreamPool(eventLoop: eventLoop, endpointCount: shared.endpoints.count)
    }

    enum Choice: ~Copyable {
        case endpoint(Int, CircuitBreaker.Permit)
        case rejected(Explanation)
    }

    /// The next endpoint in turn whose breaker admits a call, the one that was just tried last of all.
    func choose(avoiding tried: Int?) -> Choice {
        let count = shared.endpoints.count
        turn = (turn + 1) % count
        var earliest: Explanation?
        for step in 0..<count {
            let index = (turn + step) % count
            if index == tried, count > 1 { continue }
            if let permit = admit(index, earliest: &earliest) { return .endpoint(index, permit) }
        }
        if let tried, count > 1, let permit = admit(tried, earliest: &earliest) { return .endpoint(tried, permit) }
        // There is at least one endpoint, and each either admitted or explained itself.
        guard let earliest else { preconditionFailure("no endpoint among \(count) admitted or rejected") }
        return .rejected(earliest)
    }

    private func admit(_ index: Int, earliest: inout Explanation?) -> CircuitBreaker.Permit? {
        do {
            return try shared.endpoints[index].breaker.admit()
        } catch {
            shared.endpoints[index].rejected.add(1, ordering: .relaxed)
            if earliest.map({ error.explanation.retryAfter < $0.retryAfter }) ?? true { earliest = error.explanation }
            return nil
        }
    }

    /// How long until some endpoint's breaker would admit a call.
    var admittedAfter: Duration {
        shared.endpoints.map(\.breaker.retryAfter).min() ?? .zero
    }
}
#endif
