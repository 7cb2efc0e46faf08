#if Gateway
public import Holdfast
public import HoldfastHTTP

/// Everything that a gateway can be told: plain data, checked when the gateway is built.
public struct GatewayConfiguration: Sendable {
    /// Whether POST and PATCH need an `Idempotency-Key`.
    public enum KeyPolicy: String, Sendable, CaseIterable {
        /// A POST or PATCH without a key is refused.
        case required
        /// A key is honoured where one is sent.
        case optional
        /// Keys are passed on, and mean nothing to the gateway.
        case off
    }

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

    /// The service's endpoints, at least one. Each has a breaker of its own.
    public var upstreams: [Address]
    /// Where requests are taken. Default: 127.0.0.1:8080; port 0 takes any free port.
    public var listen = Address(host: "127.0.0.1", port: 8080)
    /// Where the control plane listens. Default: 127.0.0.1:9090. It has no authentication: keep it on loopback.
    public var admin = Address(host: "127.0.0.1", port: 9090)
    /// Each endpoint's breaker. Default: trips at 3 consecutive failures, 5 s cooldown, one probe.
    public var breaker: CircuitBreakerConfiguration
    /// Retries of what may be made again. Default: 3 attempts, exponential from 25 ms to 1 s, full jitter.
    public var retry: RetryConfiguration
    /// The budget that all requests share.
    public var budget = RetryBudgetConfiguration()
    /// From the arrival of a request to the response's head, over all attempts; for a request with a key, to the
    /// response's end: 1 ms to 1 h. Default: 30 s.
    public var timeout: Duration = .seconds(30)
    /// For one attempt, from the request's last byte to the response's head; after it, the longest silence within the
    /// response: 1 ms to 1 h. Default: 10 s.
    public var attemptTimeout: Duration = .seconds(10)
    /// Default: keys are honoured where they are sent.
    public var keys = KeyPolicy.optional
    /// Which responses are the outcome of a key, and what keys look like. Default: ``HoldfastHTTP/OutcomeProfile/ietf``.
    public var profile = OutcomeProfile.ietf
    /// What keys may look like. Default: as the profile says.
    public var keyRules: KeyRules?
    /// How long an outcome is kept: 1 minute to 365 days. Default: 24 h.
    public var retention: Duration = .seconds(86_400)
    /// The most keys, and bytes of outcomes, that one caller may have within the retention; nil is no bound. Each gateway
    /// counts for itself.
    public var keysPerCaller: Int?
    public var bytesPerCaller: Int?
    /// Whether a request is sent again whose key is unknown. Default: no. Yes is right only where the service itself
    /// recognises the key: then it answers with what it did, or does it.
    public var rerunsUnknown = false
    /// Event loops of the data plane: 1 to 1,024.
    public var threads: Int
    /// What a retry, a fingerprint or a replay needs is kept up to this many bytes: 1 MiB.
    public let bodyLimit = 1 << 20
    /// A request's header fields together: 16 KiB.
    public let headerLimit = 16 << 10
    /// How long a client may take for a request's header fields, and between two pieces of a body that is gathered for
    /// its fingerprint; between two pieces of a body that streams, it is the attempt timeout. Default: 10 s.
    public var headerTimeout: Duration = .seconds(10)
    /// How long a connection may be idle between requests. Default: 60 s.
    public var idleTimeout: Duration = .seconds(60)
    /// The most client connections; more are closed as they come. Default: 10,000.
    public var connections = 10_000
    /// How long requests may go on after a shutdown began. Default: 30 s.
    public var drainTimeout: Duration = .seconds(30)

    public init(upstreams: [Address], threads: Int) {
        self.upstreams = upstreams
        self.threads = threads
        breaker = CircuitBreakerConfiguration()
        breaker.trip = .consecutiveFailures(3)
        breaker.cooldown = .fixed(.seconds(5))
        retry = RetryConfiguration()
        retry.backoff = .exponential(from: .milliseconds(25), cap: .seconds(1))
    }

    /// Checks every option.
    ///
    /// - Throws: ``ConfigurationError`` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        guard !upstreams.isEmpty else {
            throw ConfigurationError(option: "upstream", value: "missing", allowed: "given at least once")
        }
        let bounds: ClosedRange<Duration> = .milliseconds(1) ... .seconds(3_600)
        try breaker.validate()
        try retry.validate()
        try budget.validate()
        try require("timeout", timeout, in: bounds)
        try require("attempt timeout", attemptTimeout, in: bounds)
        try require("header timeout", headerTimeout, in: bounds)
        try require("idle timeout", idleTimeout, in: bounds)
        try require("drain timeout", drainTimeout, in: bounds)
        try require("retention", retention, in: .seconds(60) ... .seconds(365 * 86_400))
        try keyRules?.validate()
        if let keysPerCaller { try require("keys per caller", keysPerCaller, in: 1...1_000_000_000) }
        if let bytesPerCaller { try require("bytes per caller", bytesPerCaller, in: 1...(1 << 50)) }
        try require("threads", threads, in: 1...1_024)
        try require("connections", connections, in: 1...1_000_000)
    }
}
#endif
