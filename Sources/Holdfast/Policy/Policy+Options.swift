extension Policy {
    /// Makes one call with options of its own.
    ///
    /// - Parameters:
    ///   - repeatability: Why the operation may be made again.
    ///   - options: What this call does otherwise.
    ///   - judgeResult: Which results are failures. One that is left when the call ends is returned, as the result that
    ///     it is. Default: none is.
    ///   - operation: One attempt.
    /// - Throws: ``ConfigurationError`` for an option out of its range; otherwise as what the stages throw.
    @_disfavoredOverload
    nonisolated(nonsending) public func run<R: Sendable>(
        repeatable repeatability: Repeatability, with options: CallOptions = CallOptions(),
        judgingResult judgeResult: (@Sendable (R) -> ResultVerdict)? = nil,
        @_inheritActorContext @_implicitSelfCapture
        _ operation: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        if hedges, repeatability == .once { throw PolicyError.hedgeOfOnce }
        try options.validate()
        let attempt = Attempt(repeatability: repeatability, in: CallContext(name: name, options: options))
        guard let judgeResult else { return try await stages.run(attempt, concurrently: operation) }
        return try await judgingConcurrently(judgeResult, operation) {
            try await stages.run(attempt, concurrently: $0)
        }
    }
}

extension Policy where Stages: PolicyStage {
    /// Makes one call with options of its own, in the caller's own task.
    ///
    /// - Parameters:
    ///   - repeatability: Why the operation may be made again.
    ///   - options: What this call does otherwise.
    ///   - judgeResult: Which results are failures. One that is left when the call ends is returned, as the result that
    ///     it is. Default: none is.
    ///   - operation: One attempt.
    /// - Throws: ``ConfigurationError`` for an option out of its range; otherwise what the stages throw.
    nonisolated(nonsending) public func run<R>(
        repeatable repeatability: Repeatability, with options: CallOptions = CallOptions(),
        judgingResult judgeResult: (R) -> ResultVerdict = { _ in .succeeded },
        _ operation: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        if hedges, repeatability == .once { throw PolicyError.hedgeOfOnce }
        try options.validate()
        let attempt = Attempt(repeatability: repeatability, in: CallContext(name: name, options: options))
        var held: R?
        do {
            return try await stages.run(attempt) { attempt in
                try kept(try await operation(attempt), ifFailed: judgeResult, in: &held)
            }
        } catch {
            return try result(held: held, insteadOf: error)
        }
    }
}
