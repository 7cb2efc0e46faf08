/// Says what an error tells about the dependency, as far as a breaker or a limit is concerned.
public struct Judge: Sendable {
    @usableFromInline let judge: (@Sendable (any Error) -> Verdict?)?

    @usableFromInline let results: (@Sendable (Any) -> Verdict?)?

    @usableFromInline let timeouts: Verdict

    @usableFromInline
    init(
        judge: (@Sendable (any Error) -> Verdict?)?,
        results: (@Sendable (Any) -> Verdict?)? = nil, timeouts: Verdict = .failed
    ) {
        self.judge = judge
        self.results = results
        self.timeouts = timeouts
    }

    /// Each error is a failure, but:
    /// - a cancellation is evidence of nothing, unless the deadline of the call has passed (``TimeoutError``);
    /// - so is an error that does not say what it proves, in a task that has been cancelled: clients have errors of
    ///   their own for that;
    /// - a rejection by a policy of our own (``PolicyRejection``) is evidence of nothing: the dependency was not asked;
    /// - so is a ``PolicyError``: the caller used the policy wrongly;
    /// - what the dependency declined (``FailureClass/rejected(retryAfter:)``) counts towards rates, not as a streak.
    ///
    /// An error is read through its wrapping (``ErrorMeaning``): of a ``CallFailure``, what the last attempt met.
    @inlinable public static var standard: Judge { Judge(judge: nil) }

    /// Judges some errors by a rule of your own, and the others by ``standard``. The rule is for the errors of the
    /// operation: it is not asked about a cancellation or a ``PolicyRejection``, which are no evidence by any rule, nor
    /// about a ``TimeoutError``.
    ///
    /// - Parameters:
    ///   - timeouts: The verdict on a limit in time of Holdfast's that was met. Default: a failure.
    ///   - judge: The verdict; nil for an error that the standard is to judge. It is asked about a wrapped error first as
    ///     it is, and then about what it stands for.
    public static func custom(
        timeouts: Verdict = .failed, _ judge: @escaping @Sendable (any Error) -> Verdict?
    ) -> Judge {
        Judge(judge: judge, timeouts: timeouts)
    }

    @usableFromInline
    func verdict(on error: any Error) -> Verdict {
        let meaning = ErrorMeaning(of: error)
        switch meaning {
        case .rejection: return .abandoned
        case .unclassified where error is PolicyError: return .abandoned
        case .timeout: return timeouts
        case .cancellation: return Lineage.current.hasExpired ? timeouts : .abandoned
        case .classified, .unclassified: break
        }
        // What stands for a result was judged already.
        if let judge, !ErrorMeaning.isMadeHere(error) {
            if let verdict = judge(error) { return verdict }
            if error is any WrappingError, let verdict = judge(ErrorMeaning.core(of: error)) { return verdict }
        }
        switch meaning {
        case .classified(.rejected): return .declined
        case .classified: return .failed
        case _ where !Task.isCancelled: return .failed
        default: return Lineage.current.hasExpired ? timeouts : .abandoned
        }
    }
}
