/// Says what an error proves, and which errors are worth another attempt. A retry has to be given one: to make an
/// operation again after just any error hides faults of the caller's own.
public struct FailureClassifier: Sendable {
    let classify: @Sendable (any Error) -> FailureClass?

    /// - Parameter classify: What the error proves; nil for an error after which the operation is not made again.
    public init(_ classify: @escaping @Sendable (any Error) -> FailureClass?) {
        self.classify = classify
    }

    /// Only errors that say themselves what they prove (``ClassifiedError``), and never a cancellation.
    public static let classifiedErrors = FailureClassifier(proven)

    /// Every error but a cancellation. What does not say what it proves proves nothing, so it is ``FailureClass/unknown``.
    public static let anyError = FailureClassifier { error in
        ErrorMeaning(of: error).isCancellation ? nil : proven(error) ?? .unknown
    }

    /// What an error says itself, or else what it stands for.
    private static func proven(_ error: any Error) -> FailureClass? {
        if ErrorMeaning(of: error).isCancellation { return nil }
        return ((error as? any ClassifiedError) ?? (ErrorMeaning.core(of: error) as? any ClassifiedError))?.failureClass
    }
}
