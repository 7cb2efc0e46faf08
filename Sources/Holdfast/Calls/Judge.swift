/// Says what an error tells about the dependency, as far as a breaker or a limit is concerned.
public struct Judge: Sendable {
    @usableFromInline let judge: (@Sendable (any Error) -> CircuitBreakerMachine.Verdict?)?

    @usableFromInline let results: (@Sendable (Any) -> CircuitBreakerMachine.Verdict?)?

    @usableFromInline
    init(
        judge: (@Sendable (any Error) -> CircuitBreakerMachine.Verdict?)?,
        results: (@Sendable (Any) -> CircuitBreakerMachine.Verdict?)? = nil
    ) {
        self.judge = judge
        self.results = results
    }

    /// Each error is a failure, but:
    /// - a cancellation is evidence of nothing, unless the deadline of the call has passed (``TimeoutError``);
    /// - a rejection by a policy of our own (``PolicyRejection``) is evidence of nothing: the dependency was not asked;
    /// - what the dependency declined (``FailureClass/rejected(retryAfter:)``) counts towards rates, not as a streak.
    @inlinable public static var standard: Judge { Judge(judge: nil) }

    /// Judges some errors by a rule of your own, and the others by ``standard``. It is not asked about a
    /// ``PolicyRejection``, which is no evidence by any rule.
    ///
    /// - Parameter judge: The verdict; nil for an error that the standard is to judge.
    public static func custom(_ judge: @escaping @Sendable (any Error) -> CircuitBreakerMachine.Verdict?) -> Judge {
        Judge(judge: judge)
    }

    @usableFromInline
    func verdict(on error: any Error) -> CircuitBreakerMachine.Verdict {
        if error is any PolicyRejection { return .abandoned }
        if let verdict = judge?(error) { return verdict }
        switch error {
        case let error as any ClassifiedError:
            if case .rejected = error.failureClass { return .declined }
            return .failed
        case is CancellationError: return Lineage.current.hasExpired ? .failed : .abandoned
        default: return .failed
        }
    }
}
