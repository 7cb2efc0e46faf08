/// Why a policy rejected a call: small enough to travel with every rejection.
public struct Explanation: Sendable, Hashable, CustomStringConvertible {
    /// Which kind of policy rejected. The raw value is stable and of low cardinality: good as a metric's label.
    public enum Policy: String, Sendable, Hashable {
        case circuitBreaker = "circuit-breaker"
    }

    /// The kind of policy.
    public let policy: Policy
    /// The policy's name, as its user gave it.
    public let name: String
    /// The state that rejected, in the vocabulary's words.
    public let state: CircuitBreaker.State
    /// How many state changes the policy had seen.
    public let generation: UInt32
    /// What was counted: for a breaker, the consecutive failures that tripped it.
    public let count: Int
    /// The bound that the count is held against.
    public let threshold: Int
    /// How long until a new call may be admitted. Zero or more.
    public let retryAfter: Duration

    public init(
        policy: Policy, name: String, state: CircuitBreaker.State, generation: UInt32, count: Int, threshold: Int,
        retryAfter: Duration
    ) {
        self.policy = policy
        self.name = name
        self.state = state
        self.generation = generation
        self.count = count
        self.threshold = threshold
        self.retryAfter = retryAfter
    }

    public var description: String {
        "\(policy.rawValue) '\(name)' is \(state.rawValue): \(count) consecutive failures, trips at \(threshold), "
            + "retry after \(retryAfter)"
    }
}
