/// An error that knows what it proves.
public protocol ClassifiedError: Error {
    var failureClass: FailureClass { get }
}
