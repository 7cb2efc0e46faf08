#if Gateway
public import Holdfast
public import HoldfastHTTP

/// Which requests go to a service, and under which policies. The policies are listed in the order in which a request
/// meets them, the outermost first.
public struct RouteConfiguration: Sendable, Hashable {
    /// What a request must be. Everything that is given must hold.
    public struct Match: Sendable, Hashable {
        /// The `Host`, without its port, in any case; `*.example.com` is any name below. Default: any.
        public var host: String?
        /// Default: any.
        public var path = PathPattern.any
        /// Default: any.
        public var methods: Set<String> = []
        /// Fields that must be there; with a value, that must be it. At most 16. Default: none.
        public var fields: [String: String?] = [:]

        public init() {}
    }

    /// Who a caller is: what keys are unique within, and what a rate is counted for.
    public enum Caller: Sendable, Hashable {
        /// The values of one field or several, of which only a keyed hash is kept: 1 to 8 names. Who sends none of them is
        /// the same caller as everybody else who does not.
        case fields([String])
        /// The address that the connection comes from.
        case address
        /// The certificate that the client has shown, by whom it names: see `CertificateIdentity`. Who shows
        /// none is the same caller as everybody else who does not; no field of a request stands in for it.
        case certificate
        /// What a signed token says of its bearer, whatever token it is.
        case jwt(TokenCaller)
    }

    /// How many requests may come in a stretch of time.
    public struct RateLimit: Sendable, Hashable {
        /// 1 to 1,000,000,000 in each period.
        public var requests: Int
        /// 1 ms to 1 day. Default: 1 s.
        public var per: Duration = .seconds(1)
        /// How many may come at once: 1 to 1,000,000,000. Default: as many as in a period.
        public var burst: Int
        /// Whether each caller is counted alone. Default: yes. Where the address is the caller, an IPv6 caller is the first
        /// 64 bits of it.
        public var byCaller = true
        /// How many callers are told apart: 1 to 1,000,000; beyond, those who have been quiet longest are forgotten first.
        /// Default: 100,000, which takes about 20 MB.
        public var callers = 100_000

        public init(requests: Int) {
            self.requests = requests
            burst = requests
        }
    }

    /// What is done about idempotency keys.
    public struct Idempotency: Sendable, Hashable {
        /// Whether requests need an `Idempotency-Key`.
        public enum Keys: String, Sendable, CaseIterable {
            /// A request without a key is refused, if its method is one that has keys.
            case required
            /// A key is honoured where one is sent.
            case optional
            /// Keys are passed on, and mean nothing to the gateway.
            case off
        }

        /// What a repeat gets of a key that began and never reported.
        public enum Unknown: String, Sendable, CaseIterable {
            /// It is refused, until somebody resolves it.
            case refuse
            /// It is sent again. Right only where the service itself recognises the key: then it answers with what it did,
            /// or does it.
            case rerun
            /// The service is asked what became of it.
            case probe
        }

        /// What is asked of the service about a key whose outcome is unknown: a GET with the fields of the request that
        /// repeats it. A 2xx says that it happened, a 404 that it did not, and everything else says nothing.
        public struct Probe: Sendable, Hashable {
            public var path: ProbePath
            /// Whether the answer to the GET is what repeats are answered with. Default: yes. Without, they are told that
            /// it was executed, and that its response was not kept.
            public var replaysAnswer = true
            /// The status of replays: 200 to 299. Default: that of the GET's answer.
            public var status: Int?
            /// From the last moment at which the request may have been sent: how long the service may still be at work on
            /// it, so that a 404 says nothing: zero to 1 h. Default: the route's deadline.
            public var settle: Duration?

            public init(path: ProbePath) { self.path = path }
        }

        /// Default: keys are honoured where they are sent.
        public var keys = Keys.optional
        /// Which responses are the outcome of a key, and what keys look like. Default: `OutcomeProfile.ietf`.
        public var profile = OutcomeProfile.ietf
        /// The methods whose requests have keys: 1 to 16, of which none is GET, HEAD, OPTIONS, TRACE or CONNECT. Default: as
        /// the profile says, POST and PATCH in most. Whether a request may be retried depends on its method all the same.
        public var methods: Set<String>?
        /// Statuses whose response is the outcome, whatever the profile says of them: 200 to 599, but those that say that
        /// the request was not acted upon. A 503 with `Retry-After` is such a one too. Default: none.
        public var keptStatuses: Set<Int> = []
        /// Statuses that leave the key free, whatever the profile says of them: 300 to 599. Right only where the service
        /// itself answers so, and has done nothing then. Default: none.
        public var releasedStatuses: Set<Int> = []
        /// Fields of a request that a repeat has to say as the first did, besides the method, the target, the media type, the
        /// content encodings and the body; in lower case, at most 8. With another value, or without, the key is refused.
        /// Default: none.
        public var fingerprintFields: Set<String> = []
        /// Fields of a request that keys are unique within, besides the caller, the method, the host and the path; in lower
        /// case, at most 8. With another value, or without, the same key is another. Default: none.
        public var scopeFields: Set<String> = []
        /// Which fields of a response are replayed besides `RecordedResponse.replayableFields`, in lower case: at
        /// most 32, of which none may be a cookie, a challenge, a field of the connection, or the gateway's own. Default:
        /// none.
        public var replayFields: Set<String> = []
        /// What keys may look like. Default: as the profile says.
        public var rules: KeyRules?
        /// How long an outcome is kept: 1 minute to 365 days. Default: 24 h.
        /// Documentation/Keys.md says so to clients, too (KEY07-2.3-1, KEY07-2.5.2-1, KEY07-2.5.2-2).
        public var retention: Duration = .seconds(86_400)
        /// How long a duplicate waits for the request in progress, at this gateway or another: zero to 1 h, and never past
        /// the deadline. Default: 10 s. At zero it conflicts at once.
        public var wait: Duration = .seconds(10)
        /// Default: refuse.
        public var unknown = Unknown.refuse
        /// What is asked. Given just where the unknown is probed.
        public var probe: Probe?
        /// Whether the service itself recognises keys. Then a request with a key may be retried like any that repeats by
        /// its method. Default: no.
        public var isHonouredByService = false

        public init() {}

        /// The methods whose requests have keys.
        public var keyedMethods: Set<String> { methods ?? profile.methods }

        func hasKeys(_ method: String) -> Bool { keyedMethods.contains(method) }

        /// What becomes of a key when the service has answered.
        package func disposition(status: Int, hasRetryAfter: Bool) -> OutcomeProfile.Disposition {
            profile.disposition(
                status: status, hasRetryAfter: hasRetryAfter, keeping: keptStatuses, releasing: releasedStatuses)
        }
    }

    /// What it is called in logs and metrics: 1 to 64 bytes.
    public var name: String
    public var match = Match()
    /// Where requests go.
    public var service: String
    /// Whether the policies only watch: nothing is rejected, retried or replayed, and what would have been is counted.
    /// Default: no.
    public var isShadow = false
    /// Default: the `Authorization` field. A token that changes from one try to the next names another caller, so where
    /// tokens are short-lived choose ``Caller/jwt(_:)``, or a field that stays.
    public var caller = Caller.fields(["authorization"])
    /// Of the fields that callers are told apart by, those whose values are names and no secrets: operators are told them
    /// of a request whose outcome is unknown. In lower case, and none that credentials are in. Callers who are named by
    /// tokens, certificates or addresses are told anyway. Default: none.
    public var callerName: Set<String> = []

    /// Default: none.
    public var rateLimit: RateLimit?
    /// The most requests in flight, of which a WebSocket is one until it ends: 1 to 1,000,000. Default: none.
    public var concurrency: Int?
    /// A bound on requests in flight that is found out. Default: none.
    public var adaptiveLimit: AdaptiveLimitConfiguration?
    public var idempotency = Idempotency()
    /// From the arrival of a request to the response's head, over all attempts; for a request with a key, to the
    /// response's end: 1 ms to 1 h. Default: 30 s. A caller's own deadline, if it is earlier, counts.
    public var deadline: Duration = .seconds(30)
    /// Retries of what may be made again. Default: 3 attempts, exponential from 25 ms to 1 s, full jitter.
    public var retry: RetryConfiguration
    /// Which statuses are worth another attempt, of 400 to 599. Default: 502, 503 and 504, which speak of a moment.
    public var retryStatuses: Set<Int> = [502, 503, 504]
    /// Default: none.
    public var hedge: HedgeConfiguration?
    /// Default: the service's.
    public var budget: RetryBudgetConfiguration?
    /// For one attempt, from the request's last byte to the response's head: 1 ms to 1 h. Default: 10 s.
    public var attemptTimeout: Duration = .seconds(10)
    /// The longest silence of the service within a response, from its head on: 1 ms to 1 h. Default: 5 min, as Envoy has
    /// it: streams of events are told to say something every 15 s, and many do so every minute. Time in which the client
    /// does not take what there is does not count.
    public var streamTimeout: Duration = .seconds(300)
    /// The most bytes of a request's body: 0 to 2⁴⁰. Default: none, since bodies stream.
    public var bodyLimit: Int?
    /// What a retry, a fingerprint or a replay needs is kept up to this many bytes: 0 to 64 MiB. Default: 1 MiB.
    public var keptBytes = 1 << 20
    /// Whether `Upgrade: websocket` is passed on. Default: yes.
    public var webSockets = true

    public init(name: String, service: String) {
        self.name = name
        self.service = service
        retry = RetryConfiguration()
        retry.backoff = .exponential(from: .milliseconds(25), cap: .seconds(1))
    }

    func validate() throws(ConfigurationError) {
        try require("route's name's length", name.utf8.count, in: 1...64)
        try require("match's number of fields", match.fields.count, in: 0...16)
        switch caller {
        case .fields(let names): try require("caller's number of fields", names.count, in: 1...8)
        case .jwt(let token): try token.validate()
        case .address, .certificate: break
        }
        try validateCallerName()
        if let rateLimit {
            try require("rate limit's requests", rateLimit.requests, in: 1...1_000_000_000)
            try require("rate limit's period", rateLimit.per, in: .milliseconds(1) ... .seconds(86_400))
            try require("rate limit's burst", rateLimit.burst, in: 1...1_000_000_000)
            try require("rate limit's callers", rateLimit.callers, in: 1...1_000_000)
        }
        if let concurrency { try require("concurrency", concurrency, in: 1...1_000_000) }
        try adaptiveLimit?.validate()
        try require("retention", idempotency.retention, in: .seconds(60) ... .seconds(365 * 86_400))
        try require("wait", idempotency.wait, in: .zero ... .seconds(3_600))
        try idempotency.rules?.validate()
        try idempotency.validate()
        try validateProbe()
        try require("deadline", deadline, in: GatewayConfiguration.times)
        try retry.validate()
        for status in retryStatuses { try require("retry status", status, in: 400...599) }
        try hedge?.validate()
        try budget?.validate()
        try require("attempt timeout", attemptTimeout, in: GatewayConfiguration.times)
        try require("stream timeout", streamTimeout, in: GatewayConfiguration.times)
        if let bodyLimit { try require("body limit", bodyLimit, in: 0...(1 << 40)) }
        try require("kept bytes", keptBytes, in: 0...(64 << 20))
    }

    private func validateProbe() throws(ConfigurationError) {
        let (unknown, probe) = (idempotency.unknown, idempotency.probe)
        guard (unknown == .probe) == (probe != nil) else {
            throw ConfigurationError(
                option: "unknown", value: unknown.rawValue,
                allowed: "probe where it is said what is asked, and only there")
        }
        guard let probe else { return }
        if let status = probe.status { try require("probe's status", status, in: 200...299) }
        if let settle = probe.settle { try require("settle", settle, in: .zero ... .seconds(3_600)) }
        let names = match.path.names
        guard probe.path.names.isSubset(of: names), !names.contains(ProbePath.key) else {
            throw ConfigurationError(
                option: "probe's path", value: "\(probe.path)",
                allowed: "one with the names of \(match.path) and {key}, which is the Idempotency-Key")
        }
    }
}
#endif
