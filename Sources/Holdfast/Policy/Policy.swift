/// Stages around an operation, the outermost first.
///
/// ```swift
/// let call = try Policy {
///     try Deadline(.seconds(5))
///     try Retry(.exponential(from: .milliseconds(50), cap: .seconds(2)), attempts: 4, budget: budget, on: .anyError)
///     payments                              // a CircuitBreaker that others may share
///     try Timeout(.seconds(1))              // of one attempt
/// }
/// let receipt = try await call.run(repeatable: .keyed(key)) { attempt in
///     try await client.charge(order, key: key)
/// }
/// ```
///
/// Make a policy once and keep it. Its type names its stages, so that a call goes through them without an existential
/// or an allocation.
public struct Policy<Stages: ConcurrentPolicyStage>: Sendable, CustomStringConvertible {
    @usableFromInline let stages: Stages
    @usableFromInline let hedges: Bool
    @usableFromInline let context: CallContext?

    /// What the policy is called in ``HoldfastEvents``.
    public var name: String? { context?.name }

    /// - Parameters:
    ///   - name: What the policy is called in ``HoldfastEvents``. Default: it has no name.
    ///   - stages: The stages, the outermost first.
    /// - Throws: ``PolicyError`` when the stages are in an order that is always wrong, and what the making of a stage
    ///   throws.
    public init(_ name: String? = nil, @PolicyBuilder _ stages: () throws -> Stages) throws {
        if let name { try requireName(name) }
        let stages = try stages()
        let shapes = stages.shapes
        try PolicyError.check(shapes)
        self.init(stages, name: name, hedges: shapes.contains { $0.kind == .hedge })
    }

    /// Of stages that have been checked.
    init(_ stages: Stages, name: String?, hedges: Bool) {
        self.stages = stages
        self.hedges = hedges
        context = name.map { CallContext(name: $0) }
    }

    /// The stages in words, the outermost first, one a line.
    public var description: String { stages.shapes.map(\.description).joined(separator: "\n") }
}

extension Policy {
    /// Makes one call through stages of which some run it in tasks of their own: a ``Deadline``, a ``Timeout``, a
    /// ``Hedge``.
    ///
    /// - Parameters:
    ///   - repeatability: Why the operation may be made again.
    ///   - operation: One attempt. It is `Sendable`, and runs on the caller's actor.
    /// - Throws: ``PolicyError`` if the policy hedges and the operation is ``Repeatability/once``; otherwise what the
    ///   stages throw: a ``CallFailure`` from a retry, a ``PolicyRejection`` from what did not admit, a ``TimeoutError``.
    @inlinable
    @_disfavoredOverload
    nonisolated(nonsending) public func run<R: Sendable>(
        repeatable repeatability: Repeatability,
        @_inheritActorContext @_implicitSelfCapture
        _ operation: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        if hedges, repeatability == .once { throw PolicyError.hedgeOfOnce }
        return try await stages.run(Attempt(repeatability: repeatability, in: context), concurrently: operation)
    }
}

extension Policy where Stages: PolicyStage {
    /// Makes one call, in the caller's own task.
    ///
    /// - Parameters:
    ///   - repeatability: Why the operation may be made again.
    ///   - operation: One attempt.
    /// - Throws: What the stages throw: a ``CallFailure`` from a retry, a ``PolicyRejection`` from what did not admit.
    @inlinable
    nonisolated(nonsending) public func run<R>(
        repeatable repeatability: Repeatability,
        _ operation: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        if hedges, repeatability == .once { throw PolicyError.hedgeOfOnce }
        return try await stages.run(Attempt(repeatability: repeatability, in: context), operation)
    }
}

/// Two stages, or groups of them, one around the other.
public struct PolicyChain<Outer: ConcurrentPolicyStage, Inner: ConcurrentPolicyStage>: ConcurrentPolicyStage {
    @usableFromInline let outer: Outer
    @usableFromInline let inner: Inner

    @usableFromInline
    init(_ outer: Outer, _ inner: Inner) {
        self.outer = outer
        self.inner = inner
    }

    public var shape: PolicyShape { outer.shape }
    public var shapes: [PolicyShape] { outer.shapes + inner.shapes }

    @inlinable
    nonisolated(nonsending) public func run<R: Sendable>(
        _ attempt: Attempt, concurrently next: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        let inner = inner
        return try await outer.run(attempt, concurrently: { try await inner.run($0, concurrently: next) })
    }
}

extension PolicyChain: PolicyStage where Outer: PolicyStage, Inner: PolicyStage {
    @inlinable
    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        try await outer.run(attempt) { try await inner.run($0, next) }
    }
}
