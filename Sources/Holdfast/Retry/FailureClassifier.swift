/// Says what an error of the operation proves, and which errors are worth another attempt. A retry has to be given one:
/// to make an operation again after just any error hides faults of the caller's own.
///
/// What Holdfast itself knows comes first, and no classifier is asked about it, however it is wrapped
/// (``ErrorMeaning``): a cancellation ends the call; a rejection by a policy of our own was certainly not sent, and the
/// next attempt waits until that policy may admit it, or is not made; a ``TimeoutError`` proves what it says.
public struct FailureClassifier: Sendable {
    private let rule: @Sendable (any Error) -> FailureClass?
    private let repeatsTimeouts: Bool

    /// - Parameters:
    ///   - repeatsTimeouts: Whether an attempt that met a limit in time of Holdfast's is worth another. Default: yes, if
    ///     the operation is repeatable.
    ///   - classify: What the error proves; nil for an error after which the operation is not made again. It is asked
    ///     about what the operation throws.
    public init(repeatsTimeouts: Bool = true, _ classify: @escaping @Sendable (any Error) -> FailureClass?) {
        rule = classify
        self.repeatsTimeouts = repeatsTimeouts
    }

    /// Only errors that say themselves what they prove (``ClassifiedError``), and never a cancellation.
    public static let classifiedErrors = FailureClassifier { proven($0) }

    /// Every error but a cancellation. What does not say what it proves proves nothing, so it is ``FailureClass/unknown``.
    public static let anyError = FailureClassifier { proven($0) ?? .unknown }

    /// What an error says itself, or else what it stands for.
    private static func proven(_ error: any Error) -> FailureClass? {
        ((error as? any ClassifiedError) ?? (ErrorMeaning.core(of: error) as? any ClassifiedError))?.failureClass
    }

    /// What an error proves; nil if it is not worth another attempt.
    func classify(_ error: any Error) -> FailureClass? {
        let meaning = ErrorMeaning(of: error)
        if meaning.isCancellation || (meaning.isTimeout && !repeatsTimeouts) { return nil }
        return ErrorMeaning.proof(byOwn: error) ?? rule(error)
    }
}
