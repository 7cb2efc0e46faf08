#if Gateway
import Synchronization

/// What there is at the moment, and what belongs to no route. Each is one relaxed addition: nobody decides by them.
final class GatewayCounters: Sendable {
    let inFlight = Atomic<Int>(0)
    let connections = Atomic<Int>(0)
    let streams = Atomic<Int>(0)
    /// Of requests that no route has taken: malformed ones, and those that match none. No route can have this name.
    let unrouted = RouteMetrics(route: "")
}
#endif
