#if Gateway
public import Holdfast
import HoldfastTLS

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
        /// The name or the address that a certificate must be for, and nothing else counts: neither the address that the
        /// endpoint's name leads to, nor a certificate's common name. A name is asked for in the handshake too. Default:
        /// the endpoint's.
        public var name: String?
        /// Whether certificates are checked at all. Default: yes. Without, anybody in between can answer.
        public var verifies = true
        /// What the service is shown if it asks, followed by those that vouch for it, in a PEM file that is read again
        /// when it changes. Default: nothing.
        public var certificate: String?
        /// The certificate's private key. Given together with it.
        public var key: String?
        /// What TLS 1.2 may encrypt with.
        public enum Ciphers: String, Sendable, CaseIterable {
            /// A key that is agreed on anew for each connection, and authenticated encryption (RFC 9325).
            case modern
            /// Others too, for a service that has none of those: whoever steals its key later reads all that was said.
            case compatible
        }
        /// Default: modern.
        public var ciphers = Ciphers.modern

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

    /// Whose failures count against the endpoints and the service.
    public enum Evidence: String, Sendable, CaseIterable {
        /// A connection that cannot be made counts by itself. What a request may have provoked (5xx, no answer, a broken
        /// one, 429) counts towards shares and not in a row, and only while several callers meet it: 3, or all, where
        /// there are fewer. A breaker that a few have opened rejects those few. Callers are told apart by address.
        case callers
        /// Each, whoever has met it: one caller can open the breaker for all.
        case each
    }

    /// What routes call it by.
    public var name: String
    /// At least one, at most 1,000.
    public var endpoints: [Endpoint]
    /// For endpoints with `https`.
    public var tls = TLS()
    /// Of each endpoint. Default: 5 connections in a row that cannot be made, or four fifths of at least 8 calls in 10 s;
    /// for 5 s, doubling to a minute. The share is more than a stranger with half of the traffic reaches.
    public var breaker: CircuitBreakerConfiguration
    /// Of the service as a whole, in front of its endpoints'. Default: four fifths of at least 20 calls in 10 s, for 5 s,
    /// doubling to a minute: what trips when most endpoints fail, and not when one does. nil: none.
    public var serviceBreaker: CircuitBreakerConfiguration?
    /// Whose failures count for both. Default: nil, which is ``Evidence/callers``; but ``Evidence/each`` where a breaker
    /// is told how many failures in a row trip: "in a row" means what it says to whoever says it.
    public var evidence: Evidence?
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
    /// Whether it does what `X-HTTP-Method-Override` and its kin say in the place of a POST's method. Default: no. Then a
    /// request is refused in which such a field says another method: routes and retries have gone by the one that it has.
    /// With yes they cross with a POST, and routes, retries and limits take it for a POST all the same.
    public var methodOverride = false
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
        breaker = CircuitBreakerConfiguration()
        breaker.trip = Self.usualTrip
        breaker.cooldown = .growing(from: .seconds(5), cap: .seconds(60))
        var whole = breaker
        whole.trip = .failureRate(0.8, over: .seconds(10), atLeast: 20)
        serviceBreaker = whole
    }

    /// What trips an endpoint's breaker where nothing is said.
    static let usualTrip = Trip.any(.consecutiveFailures(5), .failureRate(0.8, over: .seconds(10), atLeast: 8))

    /// Whose failures count, where ``evidence`` says nothing.
    var countedEvidence: Evidence {
        if let evidence { return evidence }
        let trips = [breaker.trip == Self.usualTrip ? nil : breaker.trip, serviceBreaker?.trip]
        return trips.contains { $0?.streak != nil } ? .each : .callers
    }

    func validate() throws(ConfigurationError) {
        try require("service's name's length", name.utf8.count, in: 1...64)
        try require("service's number of endpoints", endpoints.count, in: 1...1_000)
        for endpoint in endpoints { try require("endpoint's port", endpoint.address.port, in: 1...65_535) }
        try tls.validate(for: endpoints)
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

extension ServiceConfiguration.TLS {
    static let nameAllowed = "a host's name or an IP address, as certificates have them"

    fileprivate func validate(for endpoints: [ServiceConfiguration.Endpoint]) throws(ConfigurationError) {
        guard (certificate == nil) == (key == nil) else {
            throw ConfigurationError(
                option: "tls.certificate", value: certificate ?? "none", allowed: "given together with tls.key")
        }
        guard verifies else { return }
        if let name {
            guard ServiceName(name) != nil else {
                throw ConfigurationError(option: "tls.name", value: name, allowed: Self.nameAllowed)
            }
            return
        }
        for endpoint in endpoints where endpoint.usesTLS && ServiceName(endpoint.address.host) == nil {
            throw ConfigurationError(
                option: "endpoint", value: "\(endpoint)", allowed: "\(Self.nameAllowed), or have a tls.name beside it")
        }
    }
}
#endif
