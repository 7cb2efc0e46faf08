/// How a call ended that never succeeded: the last real failure, those before it, and what stopped the call.
public struct CallFailure<Failure: Error>: Error, CustomStringConvertible {
    /// The last failure that came from the operation itself. A rejection by one of our own policies takes this place
    /// only when there was nothing else: what the caller wants to know is why the dependency failed.
    public let last: Failure
    /// Every attempt's failure, in order.
    public let all: [Failure]
    /// What stopped the call.
    public let reason: RetryMachine.StopReason

    /// - Parameter failures: At least one.
    init(_ failures: [Failure], because reason: RetryMachine.StopReason) {
        all = failures
        last = failures.last { !($0 is CircuitBreaker.Rejection) } ?? failures[failures.count - 1]
        self.reason = reason
    }

    public var description: String {
        "\(last) (\(all.count) \(all.count == 1 ? "attempt" : "attempts"), stopped: \(reason.rawValue))"
    }
}

extension CallFailure: Sendable {}
