#if Gateway
import HoldfastHTTP
import Synchronization

/// What the data plane counts. Each is one relaxed addition: nobody decides by them.
final class GatewayCounters: Sendable {
    let requests = Atomic<Int>(0)
    let inFlight = Atomic<Int>(0)
    let connections = Atomic<Int>(0)
    let streams = Atomic<Int>(0)
    let retries = Atomic<Int>(0)
    let rejections = Atomic<Int>(0)
    let replays = Atomic<Int>(0)
    let conflicts = Atomic<Int>(0)
    let unknown = Atomic<Int>(0)
    /// Of requests that no route has taken: malformed ones, and those that match none. No route can have this name.
    let unrouted = RouteMetrics(route: "")

    /// Counts an answer that was the gateway's own.
    ///
    /// - Parameter isRouted: Whether a route has taken the request, and counts it itself.
    func count(_ problem: Problem.Kind, isRouted: Bool = true) {
        if !isRouted {
            unrouted.ended(status: problem.status, duration: .zero)
            unrouted.rejected(problem)
        }
        switch problem {
        case .circuitOpen: rejections.add(1, ordering: .relaxed)
        case .keyInFlight, .keyReused: conflicts.add(1, ordering: .relaxed)
        case .outcomeUnknown: unknown.add(1, ordering: .relaxed)
        default: break
        }
    }
}
#endif
