/// One stage of a ``Policy``: it decides whether, when and how often what is below it runs.
///
/// A stage of this kind runs what is below in the caller's own task, one at a time, so that the operation may use what
/// belongs to that task. Most stages are of this kind. One that needs tasks of its own is a ``ConcurrentPolicyStage``.
public protocol PolicyStage: ConcurrentPolicyStage {
    /// Runs what is below.
    ///
    /// - Parameters:
    ///   - attempt: The attempt in progress.
    ///   - next: The stages below, with the caller's operation at the end.
    nonisolated(nonsending) func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R
}

/// A stage that may run what is below in tasks of its own, to cancel it (``Deadline``, ``Timeout``) or to run it twice at
/// the same time (``Hedge``).
///
/// A ``Policy`` with such a stage takes an operation that is `Sendable`, and the compiler checks it: what belongs to the
/// caller's task, or would be shared by two attempts, cannot be touched by it.
public protocol ConcurrentPolicyStage: Sendable {
    /// What the stage is, and what it says of itself.
    var shape: PolicyShape { get }

    /// The shape of each stage in it, the outermost first: of one stage, its own.
    var shapes: [PolicyShape] { get }

    /// Runs what is below, in whatever tasks.
    ///
    /// - Parameters:
    ///   - attempt: The attempt in progress.
    ///   - next: The stages below, with the caller's operation at the end.
    nonisolated(nonsending) func run<R: Sendable>(
        _ attempt: Attempt, concurrently next: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R
}

extension ConcurrentPolicyStage {
    /// The shape of each stage in it, the outermost first.
    public var shapes: [PolicyShape] { [shape] }
}

extension PolicyStage {
    @inlinable
    nonisolated(nonsending) public func run<R: Sendable>(
        _ attempt: Attempt, concurrently next: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        try await run(attempt, next)
    }
}

/// What a stage is, as far as the order of stages is concerned, and what it says of itself.
public struct PolicyShape: Sendable, CustomStringConvertible {
    /// The kinds of stages.
    public enum Kind: String, Sendable, Hashable {
        case deadline, retry, hedge, timeout, bulkhead
        case circuitBreaker = "circuit breaker"
        case rateLimiter = "rate limiter"
        case adaptiveLimit = "adaptive limit"
        case clientThrottle = "client throttle"
        case faults, shadow, fallback
        case custom
    }

    public let kind: Kind
    /// The stage's settings, in words.
    public let settings: String
    /// Which instance it is, for stages that keep a state.
    let identity: ObjectIdentifier?

    /// - Parameters:
    ///   - kind: What kind of stage it is.
    ///   - settings: The stage's settings, in words.
    ///   - instance: The stage itself, if it keeps a state: it cannot stand twice in one policy.
    public init(_ kind: Kind, _ settings: String, instance: AnyObject? = nil) {
        self.kind = kind
        self.settings = settings
        identity = instance.map(ObjectIdentifier.init)
    }

    public var description: String { "\(kind.rawValue): \(settings)" }
}

/// One try at an operation, as the operation sees it.
public struct Attempt: Sendable {
    /// The attempt's number within its call, from 1.
    public internal(set) var number: Int
    /// Why the operation may be made again.
    public let repeatability: Repeatability
    /// The failures of the attempts before this one, in order.
    public var failures: [any Error] { context?.failures ?? [] }
    /// The budget that has been told of the call: a stage below that draws on the same one does not tell it again.
    @usableFromInline var budget: ObjectIdentifier?

    @usableFromInline var context: CallContext?

    @usableFromInline
    init(
        number: Int = 1, repeatability: Repeatability, budget: ObjectIdentifier? = nil,
        in context: CallContext? = nil
    ) {
        self.number = number
        self.repeatability = repeatability
        self.budget = budget
        self.context = context
    }

    /// Takes in that an attempt failed.
    mutating func add(_ failure: any Error) {
        context = CallContext(name: context?.name, options: options, failures: failures + [failure])
    }

    /// What this call does otherwise than its policy says.
    public var options: CallOptions { context?.options ?? CallOptions() }

    /// The key that every attempt of the call carries, if the call has one.
    public var key: IdempotencyKey? {
        if case .keyed(let key) = repeatability { key } else { nil }
    }

    /// How much time is left for it; nil if there is no limit.
    public var remaining: Duration? { Lineage.current.remaining }

    /// What is known of the layers above.
    public var lineage: Lineage { Lineage.current }
}
