/// Says what an error proves, and which errors are worth another attempt. A retry has to be given one: to make an
/// operation again after just any error hides faults of the caller's own.
public struct FailureClassifier: Sendable {
    let classify: @Sendable (any Error) -> FailureClass?

    /// - Parameter classify: What the error proves; nil for an error after which the operation is not made again.
    public init(_ classify: @escaping @Sendable (any Error) -> FailureClass?) {
        self.classify = classify
    }

    /// Only errors that say themselves what they prove (``ClassifiedError``).
    public static let classifiedErrors = FailureClassifier { ($0 as? any ClassifiedError)?.failureClass }

    /// Every error but a cancellation. What does not say what it proves proves nothing, so it is ``FailureClass/unknown``.
    public static let anyError = FailureClassifier { error in
        if error is CancellationError { return nil }
        return (error as? any ClassifiedError)?.failureClass ?? .unknown
    }
}
