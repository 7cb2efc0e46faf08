/// Why a policy rejected a call: small enough to travel with every rejection.
public struct Explanation: Sendable, Hashable, CustomStringConvertible {
    /// Which kind of policy rejected. The raw value is stable and of low cardinality: good as a metric's label.
    public enum Policy: String, Sendable, Hashable {
        case circuitBreaker = "circuit-breaker"
        case bulkhead
        case rateLimiter = "rate-limiter"
        case adaptiveLimit = "adaptive-limit"
        case clientThrottle = "client-throttle"
    }

    /// The kind of policy.
    public let policy: Policy
    /// The policy's name, as its user gave it.
    public let name: String
    /// The state that rejected, in the vocabulary's words.
    public let state: String
    /// How many state changes the policy had seen; 0 for a policy that has no states.
    public let generation: UInt32
    /// What was counted, and the bound that it was held against.
    public let evidence: Evidence
    /// How long until a new call may be admitted. Zero or more.
    public let retryAfter: Duration

    public init(
        policy: Policy, name: String, state: String, generation: UInt32 = 0, evidence: Evidence, retryAfter: Duration
    ) {
        self.policy = policy
        self.name = name
        self.state = state
        self.generation = generation
        self.evidence = evidence
        self.retryAfter = retryAfter
    }

    /// The same, once whoever listens has heard of the rejection.
    func told() -> Explanation {
        HoldfastEvents.tell(.rejection(self))
        return self
    }

    public var description: String {
        "\(policy.rawValue) '\(name)' is \(state): \(evidence), retry after \(retryAfter.roundedUpToMilliseconds)"
    }
}

/// A call that a policy of our own did not admit: it was certainly not sent, and it says nothing about the dependency.
public protocol PolicyRejection: ClassifiedError, Sendable, CustomStringConvertible {
    var explanation: Explanation { get }
}

extension PolicyRejection {
    public var failureClass: FailureClass { .notSent(retryAfter: explanation.retryAfter) }
    public var description: String { explanation.description }
}

extension Duration {
    /// So that nobody who waits for it comes too early, in few digits.
    fileprivate var roundedUpToMilliseconds: Duration {
        let (seconds, attoseconds) = components
        let unit: Int64 = 1_000_000_000_000_000
        guard attoseconds > 0 else { return self }
        return .seconds(seconds) + .milliseconds((attoseconds + unit - 1) / unit)
    }
}
