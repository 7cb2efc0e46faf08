// What is missing in a call that may be made again: the compiler says what to write, and not only which label is absent.
// None of these can be called, so what they throw is never seen.

extension Policy {
    @available(
        *, unavailable,
        message:
            "say why the operation may be made again: run(repeatable: .idempotent), .keyed(key), or .once if it may not"
    )
    nonisolated(nonsending) public func run<R>(
        _ operation: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R { throw PolicyError.hedgeOfOnce }

    @available(
        *, unavailable,
        message:
            "say why the operation may be made again: run(repeatable: .idempotent), .keyed(key), or .once if it may not"
    )
    nonisolated(nonsending) public func run<R>(
        _ operation: nonisolated(nonsending) () async throws -> R
    ) async throws -> R { throw PolicyError.hedgeOfOnce }
}

extension Hedge {
    @available(
        *, unavailable, message: "say why the operation may be sent twice: run(repeatable: .idempotent), or .keyed(key)"
    )
    nonisolated(nonsending) public func run<R>(
        _ operation: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R { throw PolicyError.hedgeOfOnce }

    @available(
        *, unavailable, message: "say why the operation may be sent twice: run(repeatable: .idempotent), or .keyed(key)"
    )
    nonisolated(nonsending) public func run<R>(
        _ operation: nonisolated(nonsending) () async throws -> R
    ) async throws -> R { throw PolicyError.hedgeOfOnce }
}

extension Retry {
    @available(
        *, unavailable,
        message:
            "say why the operation may be made again, and after which errors: run(repeatable: .idempotent, on: .anyError)"
    )
    nonisolated(nonsending) public func run<R>(
        on classifier: FailureClassifier = .anyError, deadline: MonotonicInstant? = nil,
        _ operation: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R { throw PolicyError.hedgeOfOnce }

    @available(
        *, unavailable,
        message:
            "say why the operation may be made again, and after which errors: run(repeatable: .idempotent, on: .anyError)"
    )
    nonisolated(nonsending) public func run<R>(
        on classifier: FailureClassifier = .anyError, deadline: MonotonicInstant? = nil,
        _ operation: nonisolated(nonsending) () async throws -> R
    ) async throws -> R { throw PolicyError.hedgeOfOnce }

    @available(
        *, unavailable,
        message:
            "say which errors are worth another attempt: run(repeatable:on:) with .anyError, or a classifier of yours"
    )
    nonisolated(nonsending) public func run<R>(
        repeatable repeatability: Repeatability, deadline: MonotonicInstant? = nil,
        _ operation: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R { throw PolicyError.hedgeOfOnce }
}
