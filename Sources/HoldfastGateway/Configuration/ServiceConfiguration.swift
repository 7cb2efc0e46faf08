#if Gateway
public import Holdfast

/// What requests are sent to: some endpoints that can stand in for each other.
public struct ServiceConfiguration: Sendable, Hashable {
    /// One place where the service is found.
    public struct Endpoint: Sendable, Hashable, CustomStringConvertible {
        /// An address, or a name that is looked up: each address behind it is an endpoint.
        public var address: GatewayConfiguration.Address
        /// Whether it is spoken to under TLS.
        public var usesTLS: Bool

        public init(address: GatewayConfiguration.Address, usesTLS: Bool = false) {
            self.address = address
            self.usesTLS = usesTLS
        }

        public var description: String { "\(usesTLS ? "https" : "http")://\(address)" }
    }

    /// How the endpoints' certificates are checked.
    public struct TLS: Sendable, Hashable {
        /// Certificates that are trusted, in a PEM file. Default: those of the system.
        public var trust: String?
        /// The name that a certificate must be for, and that is asked for. Default: the endpoint's.
        public var name: String?
        /// Whether certificates are checked at all. Default: yes. Without, anybody in between can answer.
        public var verifies = true

        public init() {}
    }

    /// What is asked of each endpoint, whether it has calls or not.
    public struct HealthCheck: Sendable, Hashable {
        /// The path of a GET that answers 200 to 299 when the endpoint is well. Default: `/health`.
        public var path = "/health"
        /// How often: 100 ms to 1 h. Default: 5 s, with a tenth of jitter.
        public var interval: Duration = .seconds(5)
        /// For the answer: 1 ms to 1 h. Default: 1 s.
        public var timeout: Duration = .seconds(1)
        /// How many checks in a row must fail before the endpoint is left out: 1 to 100. Default: 3.
        public var unhealthyAfter = 3
        /// How many in a row must succeed before it is called again: 1 to 100. Default: 2.
        public var healthyAfter = 2

        public init() {}
    }

    /// What routes call it by.
    public var name: String
    /// At least one, at most 1,000.
    public var endpoints: [Endpoint]
    /// For endpoints with `https`.
    public var tls = TLS()
    /// Of each endpoint. Default: 5 failures in a row, 30 s, as Envoy's outlier detection has it.
    public var breaker = CircuitBreakerConfiguration()
    /// Of the service as a whole, in front of its endpoints'. Default: half of at least 20 calls in 10 s, for 5 s: what
    /// trips when most endpoints fail, and not when one does. nil: none.
    public var serviceBreaker: CircuitBreakerConfiguration?
    /// The share of endpoints that may be left out at once because their breakers are open or their checks fail: 0 to 1,
    /// rounded down, but at least one. Beyond it they are called all the same: a gateway that leaves everything out turns
    /// a bad check into an outage. Default: 0.5.
    public var maximumEjected = 0.5
    /// Default: none.
    public var healthCheck: HealthCheck?
    /// How often names are looked up again: 1 s to 1 h. Default: 30 s. When that fails, the addresses before it stay.
    public var resolveInterval: Duration = .seconds(30)
    /// The most connections to one endpoint, of all the gateway's event loops: 1 to 100,000. A request that would need
    /// one more is sent elsewhere, or rejected. Default: 1,024, as in Envoy.
    public var connections = 1_024
    /// For a connection to be made: 1 ms to 1 h, and never longer than the attempt. Default: 2 s.
    public var connectTimeout: Duration = .seconds(2)
    /// Whether it tells paths apart byte by byte: letters of another case, another slash, parameters, `%2F` and `/`. Default:
    /// no. Then a request is refused whose path is one route's as it is spelled, and another's as some services read it, and
    /// spellings that some take for the same are one operation to an idempotency key.
    public var exactPaths = false
    /// What the retries and hedges of all its callers draw on together, unless a route has a budget of its own.
    public var budget = RetryBudgetConfiguration()
    /// Whether it is told in `Forwarded` (RFC 7239), beside `X-Forwarded-For`, `-Proto` and `-Host`, where a request comes
    /// from. Default: no, since nearly all services read the others.
    public var forwarded = false
    /// Whether it is told in `Via` who has passed a request on. Default: yes, as RFC 9110, section 7.6.3, demands. Some take
    /// it for a reason to answer otherwise: nginx compresses nothing then, unless it is told to (`gzip_proxied any`). With
    /// no, `Via` is left out, that of clients too.
    public var via = true

    public init(name: String, endpoints: [Endpoint]) {
        self.name = name
        self.endpoints = endpoints
        var breaker = CircuitBreakerConfiguration()
        breaker.trip = .failureRate(0.5, over: .seconds(10), atLeast: 20)
        breaker.cooldown = .growing(from: .seconds(5), cap: .seconds(60))
        serviceBreaker = breaker
    }

    func validate() throws(ConfigurationError) {
        try require("service's name's length", name.utf8.count, in: 1...64)
        try require("service's number of endpoints", endpoints.count, in: 1...1_000)
        for endpoint in endpoints { try require("endpoint's port", endpoint.address.port, in: 1...65_535) }
        try breaker.validate()
        try serviceBreaker?.validate()
        try require("maximumEjected", maximumEjected, in: 0...1)
        if let healthCheck {
            guard healthCheck.path.hasPrefix("/"), healthCheck.path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw ConfigurationError(option: "health check's path", value: healthCheck.path, allowed: "a path")
            }
            try require("health check's interval", healthCheck.interval, in: .milliseconds(100) ... .seconds(3_600))
            try require("health check's timeout", healthCheck.timeout, in: GatewayConfiguration.times)
            try require("unhealthyAfter", healthCheck.unhealthyAfter, in: 1...100)
            try require("healthyAfter", healthCheck.healthyAfter, in: 1...100)
        }
        try require("resolveInterval", resolveInterval, in: .seconds(1) ... .seconds(3_600))
        try require("service's connections", connections, in: 1...100_000)
        try require("connectTimeout", connectTimeout, in: GatewayConfiguration.times)
        try budget.validate()
    }
}
#endif
