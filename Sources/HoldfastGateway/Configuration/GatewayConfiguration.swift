#if Gateway
public import Holdfast
import HoldfastIdempotency
public import Logging

/// Everything that a gateway can be told: plain data, checked when the gateway is built or told anew.
public struct GatewayConfiguration: Sendable, Hashable {
    /// Where requests are taken: at least one, at most 64.
    public var listeners: [ListenerConfiguration]
    /// Where and to whom the control plane shows itself.
    public var admin = AdminConfiguration()
    /// Where claims and outcomes are kept. Read when the gateway starts; a change needs a restart.
    public var store = StoreConfiguration()
    /// What requests are sent to: at least one, at most 1,000, each under a name of its own.
    public var services: [ServiceConfiguration]
    /// Which requests go where, and under which policies: at least one, at most 10,000. The first that matches counts.
    public var routes: [RouteConfiguration]
    /// One line for each request that is sampled. Default: none.
    public var accessLog: AccessLogConfiguration?

    /// What the process logs: this and what is graver. Default: `info`. At `debug` each handshake that a client fails is told,
    /// and strangers can make any number of these. A change needs a restart.
    public var logLevel = Logger.Level.info
    /// How it is written. Default: text. A change needs a restart.
    public var logFormat = LogFormat.text

    /// Whether services and clients are told what a request is called, in `x-request-id`. A name comes from a hop that is
    /// trusted (``ListenerConfiguration/trusted``), if it is 1 to 128 letters, digits and `- _ . : @ + / =`, or else is drawn;
    /// what others put there is left out. A service's own answer to it stands. Default: true. At false the field passes both
    /// ways as any other, for services whose clients choose it.
    public var requestID = true

    /// Event loops of the data plane: 1 to 1,024. A change needs a restart.
    public var threads: Int
    /// A request's header fields together, in bytes: 1 KiB to 1 MiB. Default: 16 KiB, as nginx and HAProxy have it.
    public var headerLimit = 16 << 10
    /// A request's header fields, in their number: 16 to 1,000. Default: 100, as Envoy, Apache and gunicorn have it. Node
    /// reads the first 1,000 to 2,000, and leaves out the others without a word.
    public var fieldLimit = 100
    /// How long a client may take for a request's header fields, and between two pieces of a body that is gathered for
    /// its fingerprint; between two pieces of a body that streams, it is the attempt timeout. 1 ms to 1 h. Default: 10 s.
    public var headerTimeout: Duration = .seconds(10)
    /// How long a connection may be idle between requests: 1 ms to 1 h. Default: 60 s.
    public var idleTimeout: Duration = .seconds(60)
    /// How long a client may take nothing of an answer that waits for it: 1 ms to 1 h. Default: 60 s, as nginx has it.
    /// Whoever takes something within each, however little, goes on.
    public var clientTimeout: Duration = .seconds(60)
    /// How long a WebSocket may be silent in both directions: 1 ms to 1 day. Default: 10 min, since few of those who have
    /// nothing to say send a ping less often. Then each side is told to go (a close frame, 1001), and the connections close.
    public var webSocketTimeout: Duration = .seconds(600)
    /// The most client connections: 1 to 1,000,000. More are closed as they come. Default: 10,000.
    public var connections = 10_000
    /// The most connections of one client at once, of all event loops and listeners together: 1 to 1,000,000. A client is
    /// an IPv4 address, or the first 64 bits of an IPv6 address. More are closed as they come. Those of
    /// ``ListenerConfiguration/trusted`` are not counted: each carries what many clients ask. Default: nil, no bound,
    /// because behind a load balancer that is not said to be trusted all callers have its address, and behind a company's
    /// or a mobile network's many have one. Connections that are open when it is set by a reload are not counted.
    public var connectionsPerClient: Int?
    /// How many bytes a second a request's body must bring, on average over each ``bodyGrace``: 0 to 1 GiB. Default: 500,
    /// as Apache has it: a tenth of what the slowest mobile network carries. At 0 a body may be as slow as it likes, as
    /// long as it is not silent. Time in which the service holds it back does not count.
    public var bodyRate = 500
    /// How long a body may be slower than ``bodyRate``: 1 ms to 1 h. Default: 20 s, as Apache has it.
    public var bodyGrace: Duration = .seconds(20)
    /// What all bodies together may take that are kept for retries, fingerprints and replays: 1 MiB to 1 TiB. Requests
    /// take half of it, those of at most 16 KiB three quarters, and responses all. Beyond that a request with a key is
    /// rejected before it is claimed, one without is not retried, and the response to one with a key is given but not
    /// kept. Default: 256 MiB: as many requests as any route is likely to have in flight, on a machine of 1 GiB.
    public var keptBytes = 256 << 20
    /// How long requests are still taken after a shutdown began, while `/ready` says that none are wanted: zero to 1 h.
    /// Default: zero, since it helps only where something asks `/ready` and takes the gateway out. Then it is what that
    /// needs: its interval times the failures that it waits for, and a little more.
    public var drainDelay: Duration = .zero
    /// How long requests may go on after that: 1 ms to 1 h. Default: 30 s.
    public var drainTimeout: Duration = .seconds(30)
    /// The most keys, and bytes of outcomes, that one caller may have within the retention; nil is no bound. Each gateway
    /// counts for itself.
    public var keysPerCaller: Int?
    public var bytesPerCaller: Int?
    /// The same for one address, whatever its callers are called: an IPv4 address, or the first 64 bits of an IPv6 address.
    /// 1 to 1,000,000,000, and 1 to 2⁵⁰. Default: nil, a tenth of what the store may hold, so that ten strangers are needed
    /// to fill it; a million keys a day is a thousand for each of an office's thousand people. By default private addresses
    /// are not bounded, since behind one is a balancer, or one's own network; where either is set, both hold for every
    /// address.
    public var keysPerAddress: Int?
    public var bytesPerAddress: Int?
    /// How long a 4xx is kept for a caller to whom nothing has succeeded from its address: 1 minute to 365 days, and never
    /// longer than the route's retention. Default: 10 minutes, within which clients try again.
    public var refusedRetention: Duration = .seconds(600)

    public init(
        listeners: [ListenerConfiguration], services: [ServiceConfiguration], routes: [RouteConfiguration],
        threads: Int
    ) {
        self.listeners = listeners
        self.services = services
        self.routes = routes
        self.threads = threads
    }

    /// One service, to which everything goes. Its endpoints' breakers open for 5 s at a time, and are all that stands
    /// between it and its callers.
    public init(upstreams: [Address], threads: Int) {
        var service = ServiceConfiguration(
            name: "service", endpoints: upstreams.map { ServiceConfiguration.Endpoint(address: $0) })
        service.breaker.cooldown = .fixed(.seconds(5))
        service.serviceBreaker = nil
        service.maximumEjected = 1
        self.init(
            listeners: [ListenerConfiguration(address: Address(host: "127.0.0.1", port: 8080))],
            services: [service], routes: [RouteConfiguration(name: "everything", service: service.name)],
            threads: threads)
    }

    /// Checks every option.
    ///
    /// - Throws: `ConfigurationError` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        try require("number of listeners", listeners.count, in: 1...64)
        try require("number of services", services.count, in: 1...1_000)
        try require("number of routes", routes.count, in: 1...10_000)
        for listener in listeners { try listener.validate() }
        try admin.validate()
        try requireDistinctAddresses()
        guard !logsIntoStore else {
            throw ConfigurationError(
                option: "access log's path", value: accessLog?.path ?? "", allowed: "a file that is none of the store's"
            )
        }
        for service in services { try service.validate() }
        try requireNoCircle()
        try requireDistinct("service", services.map(\.name))
        try requireDistinct("route", routes.map(\.name))
        for route in routes {
            try route.validate()
            guard services.contains(where: { $0.name == route.service }) else {
                let names = services.map(\.name).joined(separator: ", ")
                throw ConfigurationError(
                    option: "route '\(route.name)'s service", value: route.service, allowed: "one of \(names)")
            }
        }
        try accessLog?.validate()
        try require("threads", threads, in: 1...1_024)
        try require("header limit", headerLimit, in: 1_024...(1 << 20))
        try require("field limit", fieldLimit, in: 16...1_000)
        try require("header timeout", headerTimeout, in: Self.times)
        try require("idle timeout", idleTimeout, in: Self.times)
        try require("client timeout", clientTimeout, in: Self.times)
        try require("WebSocket timeout", webSocketTimeout, in: Self.webSocketTimes)
        try require("connections", connections, in: 1...1_000_000)
        if let connectionsPerClient { try require("connections per client", connectionsPerClient, in: 1...1_000_000) }
        try require("body rate", bodyRate, in: 0...(1 << 30))
        try require("body grace", bodyGrace, in: Self.times)
        try require("kept bytes", keptBytes, in: (1 << 20)...(1 << 40))
        try require("drain delay", drainDelay, in: .zero ... .seconds(3_600))
        try require("drain timeout", drainTimeout, in: Self.times)
        if let keysPerCaller { try require("keys per caller", keysPerCaller, in: 1...1_000_000_000) }
        if let bytesPerCaller { try require("bytes per caller", bytesPerCaller, in: 1...(1 << 50)) }
        if let keysPerAddress { try require("keys per address", keysPerAddress, in: 1...1_000_000_000) }
        if let bytesPerAddress { try require("bytes per address", bytesPerAddress, in: 1...(1 << 50)) }
        try require("refused retention", refusedRetention, in: IdempotencyEngine.retentions)
        try store.validate()
    }

    /// What every limit of time is within.
    static let times: ClosedRange<Duration> = .milliseconds(1) ... .seconds(3_600)
    static let webSocketTimes: ClosedRange<Duration> = .milliseconds(1) ... .seconds(86_400)

    private func requireDistinct(_ what: String, _ names: [String]) throws(ConfigurationError) {
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted {
            throw ConfigurationError(option: "\(what)'s name", value: name, allowed: "used once")
        }
    }
}

extension GatewayConfiguration {
    /// A host and a port.
    public struct Address: Sendable, Hashable, CustomStringConvertible {
        public let host: String
        public let port: Int

        public init(host: String, port: Int) {
            self.host = host
            self.port = port
        }

        public var description: String {
            host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}
#endif
