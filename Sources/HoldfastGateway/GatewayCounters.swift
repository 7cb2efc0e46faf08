#if Gateway
import Synchronization

/// What there is at the moment, and what belongs to no route. Each is one relaxed addition: nobody decides by them.
final class GatewayCounters: Sendable {
    let inFlight = Atomic<Int>(0)
    let connections = Atomic<Int>(0)
    let streams = Atomic<Int>(0)
    /// Client connections that were closed as they came: there were as many as may be, or the client had as many.
    let refusedByConnections = Atomic<Int>(0)
    let refusedByClient = Atomic<Int>(0)
    /// Those of trusted proxies that had to begin with a header of the PROXY protocol, and did not.
    let refusedByProxyProtocol = Atomic<Int>(0)
    /// How often no connection was accepted for a moment, for want of descriptors or of memory.
    let acceptPauses = Atomic<Int>(0)
    /// Events that cannot happen in the phase of their request: faults of the gateway's own.
    let impossibleEvents = Atomic<Int>(0)
    /// TLS handshakes with clients that failed.
    let handshakeFailures = Atomic<Int>(0)
    /// Connections to services, open or being opened.
    let serviceConnections = Atomic<Int>(0)
    /// Of requests that no route has taken: malformed ones, and those that match none. No route can have this name.
    let unrouted = RouteMetrics(route: "")
}
#endif
