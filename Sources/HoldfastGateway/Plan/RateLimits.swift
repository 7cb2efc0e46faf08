#if Gateway
import Holdfast
import Synchronization

/// A route's rate limit: one for all its requests, or one for each caller.
final class RateLimits: Sendable {
    let configuration: RouteConfiguration.RateLimit
    private let name: String
    private let clock: any TimeSource
    private let limiter: RateLimiterConfiguration
    private let shards: [Shard]

    /// Callers are spread over these, so that loops seldom meet at one lock.
    private final class Shard: Sendable {
        let callers: Mutex<TwoGenerations<String, RateLimiterMachine>>
        init(bound: Int) { callers = Mutex(TwoGenerations(bound: bound)) }
    }

    init(
        _ name: String, _ configuration: RouteConfiguration.RateLimit, clock: any TimeSource
    ) throws(ConfigurationError) {
        self.name = name
        self.configuration = configuration
        self.clock = clock
        limiter = RateLimiterConfiguration(
            .tokenBucket(calls: configuration.requests, per: configuration.per, burst: configuration.burst))
        try limiter.validate()
        let count = configuration.byCaller ? min(16, configuration.callers) : 1
        let bound = max(1, configuration.callers / count)
        shards = (0..<count).map { _ in Shard(bound: bound) }
    }

    /// Counts a request.
    ///
    /// - Returns: Why it is rejected; nil if it is not.
    func admit(_ caller: String) -> Explanation? {
        let shard = shards[Int(UInt(bitPattern: caller.hashValue) % UInt(shards.count))]
        let now = clock.now
        let decision = shard.callers.withLock { callers in
            callers.with(
                configuration.byCaller ? caller : "", default: RateLimiterMachine(configuration: limiter)
            ) { $0.reserve(at: now) }
        }
        guard case .rejected(let wait) = decision else { return nil }
        return Explanation(
            policy: .rateLimiter, name: name, state: "limiting",
            evidence: .rate(limit: configuration.requests, per: configuration.per), retryAfter: wait)
    }

    /// How many callers are told apart at the moment.
    var count: Int { shards.reduce(0) { $0 + $1.callers.withLock { $0.count } } }
}
#endif
