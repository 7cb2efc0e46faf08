/// How a call ended that never succeeded: the last real failure, those before it, and what stopped the call.
public struct CallFailure<Failure: Error>: RetriedError, CustomStringConvertible {
    /// The last failure that came from the operation itself. A rejection by one of our own policies takes this place
    /// only when there was nothing else: what the caller wants to know is why the dependency failed.
    public let last: Failure
    /// Every attempt's failure, in order.
    public let all: [Failure]
    /// What stopped the call.
    public let reason: RetryMachine.StopReason

    public var wasRepeated: Bool {
        all.count > 1 || all.contains { ($0 as? any RetriedError)?.wasRepeated == true }
    }

    /// What all the failures prove together: unknown if any of them proves nothing, since an attempt that timed out may
    /// have run, whatever came after it; failed if any of them ran; otherwise what the last says.
    public var failureClass: FailureClass {
        let classes = all.map(Self.proof)
        if classes.contains(.unknown) { return .unknown }
        if classes.contains(.failed) { return .failed }
        return Self.proof(by: last)
    }

    private static func proof(by error: Failure) -> FailureClass {
        ErrorMeaning.proof(byOwn: error) ?? (error as? any ClassifiedError)?.failureClass
            ?? (ErrorMeaning.core(of: error) as? any ClassifiedError)?.failureClass ?? .unknown
    }

    /// - Parameter failures: At least one.
    init(_ failures: [Failure], because reason: RetryMachine.StopReason) {
        all = failures
        last =
            failures.last { if case .rejection = ErrorMeaning(of: $0) { false } else { true } }
            ?? failures[failures.count - 1]
        self.reason = reason
    }

    public var description: String {
        "\(last) (\(all.count) \(all.count == 1 ? "attempt" : "attempts"), stopped: \(reason.rawValue))"
    }
}

extension CallFailure: Sendable {}

extension CallFailure: WrappingError {
    /// A cancellation, if that is what stopped the call; otherwise ``last``.
    public var underlyingError: (any Error)? { reason == .cancelled ? CancellationError() : last }
}

/// An error that comes from a retry.
public protocol RetriedError: ClassifiedError {
    /// Whether the retry, or one below it, made more than one attempt. A retry above makes nothing again then: layers do not multiply.
    var wasRepeated: Bool { get }
}
