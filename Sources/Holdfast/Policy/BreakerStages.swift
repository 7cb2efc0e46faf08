extension CircuitBreaker: PolicyStage {
    public var shape: PolicyShape { PolicyShape(.circuitBreaker, "'\(name)' \(configuration)", instance: self) }

    @inlinable
    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        try await run { try await next(attempt) }
    }
}

/// As a stage of a ``Policy``, the breaker of the call's ``CallOptions/key`` is asked, and the one above all keys.
extension CircuitBreakers: PolicyStage {
    public var shape: PolicyShape {
        PolicyShape(.circuitBreaker, "'\(name)', one for each \(Key.self)", instance: self)
    }

    /// - Throws: ``PolicyError`` when the call has no key, or one of another type.
    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        guard let key = attempt.options.key as? Key else {
            throw PolicyError.keyMissing(of: name, found: attempt.options.key, wanted: Key.self)
        }
        return try await run(key) { try await next(attempt) }
    }
}
