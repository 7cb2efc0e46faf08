/// A policy whose type says nothing of its stages, so that a plain type can keep it in a property.
///
/// ```swift
/// struct Payments {
///     let policy: AnyPolicy
/// }
/// let calls = Payments(policy: try AnyPolicy("payments") {
///     try Deadline(.seconds(5))
///     payments
/// })
/// _ = try await calls.policy.run(repeatable: .once) { _ in try await client.charge(order) }
/// ```
///
/// It takes an operation that is `Sendable`, whatever its stages; ``AnyInPlacePolicy`` takes any operation, and only
/// stages that run it in the caller's task. A call through it costs a call through an existential at its top, and what
/// the operation's closure allocates; between the stages nothing changes.
public typealias AnyPolicy = Policy<AnyStage>

/// A policy of whatever stages run the operation in the caller's task: see ``AnyPolicy``.
public typealias AnyInPlacePolicy = Policy<AnyInPlaceStage>

/// Any stage, or group of them.
public struct AnyStage: ConcurrentPolicyStage {
    private let base: any ConcurrentPolicyStage

    public init(_ base: some ConcurrentPolicyStage) {
        self.base = base
    }

    public var shape: PolicyShape { base.shape }
    public var shapes: [PolicyShape] { base.shapes }

    nonisolated(nonsending) public func run<R: Sendable>(
        _ attempt: Attempt, concurrently next: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        try await base.run(attempt, concurrently: next)
    }
}

/// Any stage, or group of them, that runs what is below in the caller's task.
public struct AnyInPlaceStage: PolicyStage {
    private let base: any PolicyStage

    public init(_ base: some PolicyStage) {
        self.base = base
    }

    public var shape: PolicyShape { base.shape }
    public var shapes: [PolicyShape] { base.shapes }

    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        try await base.run(attempt, next)
    }
}

extension Policy where Stages == AnyStage {
    /// - Throws: ``PolicyError`` when the stages are in an order that is always wrong, and what the making of a stage
    ///   throws.
    public init<Typed: ConcurrentPolicyStage>(
        _ name: String? = nil, @PolicyBuilder _ stages: () throws -> Typed
    ) throws {
        self = try Policy<Typed>(name, stages).erased()
    }
}

extension Policy where Stages == AnyInPlaceStage {
    /// - Throws: ``PolicyError`` when the stages are in an order that is always wrong, and what the making of a stage
    ///   throws.
    public init<Typed: PolicyStage>(_ name: String? = nil, @PolicyBuilder _ stages: () throws -> Typed) throws {
        self = try Policy<Typed>(name, stages).erasedInPlace()
    }
}

extension Policy {
    /// The same policy, without its type.
    public func erased() -> AnyPolicy { AnyPolicy(AnyStage(stages), name: name, hedges: hedges) }
}

extension Policy where Stages: PolicyStage {
    /// The same policy, without its type, for operations that need not be `Sendable`.
    public func erasedInPlace() -> AnyInPlacePolicy {
        AnyInPlacePolicy(AnyInPlaceStage(stages), name: name, hedges: hedges)
    }
}
