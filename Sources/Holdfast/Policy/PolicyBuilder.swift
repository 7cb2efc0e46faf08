/// Lists stages, the outermost first. `if`, `else`, `switch` and `for` are decided once, when the policy is made. A
/// policy without any stage does not compile.
@resultBuilder
public enum PolicyBuilder {
    /// A policy without a stage would run its calls as if there were none, and seem to protect them. One whose stages
    /// depend on an `if` may come out empty.
    @available(*, unavailable, message: "a policy has at least one stage: list what calls go through, outermost first")
    public static func buildBlock() -> StageList<AnyStage> { StageList([]) }

    public static func buildPartialBlock<Stage: ConcurrentPolicyStage>(first: Stage) -> Stage { first }

    public static func buildPartialBlock<Outer: ConcurrentPolicyStage, Inner: ConcurrentPolicyStage>(
        accumulated: Outer, next: Inner
    ) -> PolicyChain<Outer, Inner> {
        PolicyChain(accumulated, next)
    }

    public static func buildOptional<Stage: ConcurrentPolicyStage>(_ stage: Stage?) -> StageList<Stage> {
        StageList(stage.map { [$0] } ?? [])
    }

    public static func buildEither<First: ConcurrentPolicyStage, Second: ConcurrentPolicyStage>(
        first: First
    ) -> EitherStage<First, Second> { .first(first) }

    public static func buildEither<First: ConcurrentPolicyStage, Second: ConcurrentPolicyStage>(
        second: Second
    ) -> EitherStage<First, Second> { .second(second) }

    public static func buildArray<Stage: ConcurrentPolicyStage>(_ stages: [Stage]) -> StageList<Stage> {
        StageList(stages)
    }
}

/// Stages of one type around each other, the outermost first: what a `for` makes, and an `if` without an `else`.
public struct StageList<Stage: ConcurrentPolicyStage>: ConcurrentPolicyStage {
    private let stages: [Stage]

    init(_ stages: [Stage]) {
        self.stages = stages
    }

    public var shape: PolicyShape { stages.first?.shape ?? PolicyShape(.custom, "no stage") }
    public var shapes: [PolicyShape] { stages.flatMap(\.shapes) }

    nonisolated(nonsending) public func run<R: Sendable>(
        _ attempt: Attempt, concurrently next: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        try await run(from: 0, attempt, concurrently: next)
    }

    nonisolated(nonsending) private func run<R: Sendable>(
        from index: Int, _ attempt: Attempt,
        concurrently next: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        guard index < stages.count else { return try await next(attempt) }
        return try await stages[index].run(
            attempt, concurrently: { try await run(from: index + 1, $0, concurrently: next) })
    }
}

extension StageList: PolicyStage where Stage: PolicyStage {
    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        try await run(from: 0, attempt, next)
    }

    nonisolated(nonsending) private func run<R>(
        from index: Int, _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        guard index < stages.count else { return try await next(attempt) }
        return try await stages[index].run(attempt) { try await run(from: index + 1, $0, next) }
    }
}

/// One of two stages: what an `if` with an `else` makes.
public enum EitherStage<First: ConcurrentPolicyStage, Second: ConcurrentPolicyStage>: ConcurrentPolicyStage {
    case first(First)
    case second(Second)

    public var shape: PolicyShape {
        switch self {
        case .first(let stage): stage.shape
        case .second(let stage): stage.shape
        }
    }

    public var shapes: [PolicyShape] {
        switch self {
        case .first(let stage): stage.shapes
        case .second(let stage): stage.shapes
        }
    }

    nonisolated(nonsending) public func run<R: Sendable>(
        _ attempt: Attempt, concurrently next: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        switch self {
        case .first(let stage): try await stage.run(attempt, concurrently: next)
        case .second(let stage): try await stage.run(attempt, concurrently: next)
        }
    }
}

extension EitherStage: PolicyStage where First: PolicyStage, Second: PolicyStage {
    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        switch self {
        case .first(let stage): try await stage.run(attempt, next)
        case .second(let stage): try await stage.run(attempt, next)
        }
    }
}
