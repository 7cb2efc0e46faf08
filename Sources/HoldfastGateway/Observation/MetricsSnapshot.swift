#if Gateway
import Holdfast
import HoldfastIdempotency
import Logging

/// What `GET /metrics` is written from: the gateway's figures at one moment, as plain data. How many there are is bounded
/// by the configuration.
struct MetricsSnapshot: Sendable {
    /// What an attempt came to. The raw values are those of the metric.
    enum AttemptResult: String, Sendable, CaseIterable {
        case succeeded, failed
        /// By the endpoint's breaker: nothing was sent.
        case rejected
        /// Called off, because its client left or another attempt was faster.
        case abandoned
    }

    /// One endpoint of a service.
    struct EndpointFigures: Sendable {
        var name: String
        var breaker: CircuitBreaker.Snapshot
        /// What is missing counts as zero.
        var attempts: [AttemptResult: Int] = [:]
        /// Whether it is left out, because its breaker is open or its checks fail.
        var isEjected = false
        /// Whether its checks succeed. One that is not checked is healthy.
        var isHealthy = true
        /// Whether an operator has drained or disabled it, and its weight in percent of an equal share.
        var isDrained = false
        var isDisabled = false
        var weight = Endpoint.usualWeight
        /// Connections to it, idle ones too.
        var connections = 0

        init(name: String, breaker: CircuitBreaker.Snapshot) {
            self.name = name
            self.breaker = breaker
        }
    }

    struct ServiceFigures: Sendable {
        var name: String
        /// That of the service as a whole, if it has one.
        var breaker: CircuitBreaker.Snapshot?
        var endpoints: [EndpointFigures]
        var budget: RetryBudget.Snapshot

        init(
            name: String, breaker: CircuitBreaker.Snapshot? = nil, endpoints: [EndpointFigures],
            budget: RetryBudget.Snapshot
        ) {
            self.name = name
            self.breaker = breaker
            self.endpoints = endpoints
            self.budget = budget
        }
    }

    /// Until when one file's certificates hold.
    struct CertificateFigures: Sendable {
        /// `listener` or `service`.
        var owner: String
        var name: String
        var times: CertificateTimes
    }

    /// Whether the gateway wants requests.
    var isReady = true
    var reloads = ReloadRecord.Figures()
    var certificates: [CertificateFigures] = []
    var routes: [RouteMetrics] = []
    var services: [ServiceFigures] = []
    /// The budgets of routes that have their own, by the route's name.
    var routeBudgets: [(route: String, budget: RetryBudget.Snapshot)] = []
    var store = StoreMetrics()
    var process = ProcessFigures()
    /// Requests that are not yet answered.
    var requestsInFlight = 0
    /// Client connections.
    var connections = 0
    /// The most that there may be, as configured and as descriptors allow.
    var connectionsBound = 0
    /// Client connections that were closed as they came, because there were as many as may be, or the client had as many.
    var refusedByConnections = 0
    var refusedByClient = 0
    var refusedByProxyProtocol = 0
    /// How often no connection was accepted for a moment, for want of descriptors or of memory.
    var acceptPauses = 0
    /// Faults of the gateway's own.
    var impossibleEvents = 0
    /// TLS handshakes with clients that failed.
    var handshakeFailures = 0
    /// Bodies that are kept in memory.
    var keptBytes = 0
    /// The most that they may take.
    var keptBytesBound = 0
    /// HTTP/2 streams that clients have open.
    var streams = 0
    /// Keys that are being executed, and duplicates that wait for them.
    var claimsInFlight = 0
    /// What the store holds; nil where it cannot tell, or has not been asked.
    var storeUsage: ClaimUsage?
    /// What it may hold.
    var storeBound = ClaimUsage()
    var claimsWaiting = 0
    var accessLog = AccessLog.Figures()
    /// Requests that the control plane refused for want of its token.
    var adminRefusals = 0
    /// Connections to the control plane, and those that had to leave for others.
    var adminConnections = 0
    var adminEvictions = 0
    /// What operators have set at run time, by its name, and how often they did what.
    var overrides: [String: Int] = [:]
    var operatorActions: [String: Int] = [:]
    var logLevel = Logger.Level.info

    init() {}
}
#endif
