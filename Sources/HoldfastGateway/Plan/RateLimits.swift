#if Gateway
import Holdfast
import Synchronization

/// A route's rate limit: one for all its requests, or one for each caller.
final class RateLimits: Sendable {
    let configuration: RouteConfiguration.RateLimit
    private let name: String
    private let clock: any TimeSource
    private let shards: [Shard]

    /// Callers are spread over these, so that loops seldom meet at one lock.
    private final class Shard: Sendable {
        let callers: Mutex<CallerTable>
        init(bound: Int, _ configuration: RateLimiterConfiguration) {
            callers = Mutex(CallerTable(bound: bound, configuration: configuration))
        }
    }

    init(
        _ name: String, _ configuration: RouteConfiguration.RateLimit, clock: any TimeSource
    ) throws(ConfigurationError) {
        self.name = name
        self.configuration = configuration
        self.clock = clock
        let limiter = RateLimiterConfiguration(
            .tokenBucket(calls: configuration.requests, per: configuration.per, burst: configuration.burst))
        try limiter.validate()
        let count = configuration.byCaller ? min(16, configuration.callers) : 1
        let bound = max(1, configuration.callers / count)
        shards = (0..<count).map { _ in Shard(bound: bound, limiter) }
    }

    /// Counts a request.
    ///
    /// - Returns: Why it is rejected; nil if it is not.
    func admit(_ caller: String) -> Explanation? {
        let shard = shards[Int(UInt(bitPattern: caller.hashValue) % UInt(shards.count))]
        let now = clock.now
        guard let wait = shard.callers.withLock({ $0.admit(configuration.byCaller ? caller : "", at: now) }) else {
            return nil
        }
        return Explanation(
            policy: .rateLimiter, name: name, state: "limiting",
            evidence: .rate(limit: configuration.requests, per: configuration.per), retryAfter: wait)
    }

    /// How many callers are told apart at the moment.
    var count: Int { shards.reduce(0) { $0 + $1.callers.withLock { $0.count } } }
}

/// The limits of some callers, at most so many. Who has been quiet longest is forgotten first: in two generations, of
/// which the older one goes when the younger is full, so that forgetting costs nothing when it is not done.
struct CallerTable {
    let bound: Int
    let configuration: RateLimiterConfiguration
    private var young: [String: RateLimiterMachine] = [:]
    private var old: [String: RateLimiterMachine] = [:]

    init(bound: Int, configuration: RateLimiterConfiguration) {
        self.bound = bound
        self.configuration = configuration
    }

    var count: Int { young.count + old.count }

    /// - Returns: How long to wait; nil if the request may be made.
    mutating func admit(_ caller: String, at now: MonotonicInstant) -> Duration? {
        if young[caller] == nil {
            if young.count >= max(1, bound / 2) {
                old = young
                young = [:]
            }
            young[caller] = old.removeValue(forKey: caller) ?? RateLimiterMachine(configuration: configuration)
        }
        // It was put there a moment ago, if it was not there before.
        guard case .rejected(let retryAfter)? = young[caller]?.reserve(at: now) else { return nil }
        return retryAfter
    }
}
#endif
