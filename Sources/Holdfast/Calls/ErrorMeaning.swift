/// An error that stands for another: whoever judges errors looks through it.
///
/// ``CallFailure`` and ``FallbackFailure`` are such. An error type of your own that wraps what a policy or a client
/// threw conforms, so that a breaker, a retry or a fallback above it sees what really happened.
public protocol WrappingError: Error {
    /// What really happened; nil if this error is the last to know.
    var underlyingError: (any Error)? { get }
}

/// What an error says happened, whatever it is wrapped in.
///
/// Breakers, limits, throttles, retries and fallbacks all ask this, so that a cancellation is a cancellation, a deadline
/// a deadline and a rejection of our own a rejection, whatever stages the error passed.
public enum ErrorMeaning: Sendable {
    /// The caller gave up, or is gone. It says nothing about the dependency.
    case cancellation
    /// A limit in time was met.
    case timeout(TimeoutError)
    /// A policy of our own did not admit the call.
    case rejection(any PolicyRejection)
    /// An error that says itself what it proves.
    case classified(FailureClass)
    /// Any other error.
    case unclassified

    /// Reads an error through its wrapping.
    public init(of error: any Error) {
        let core = Self.core(of: error)
        switch core {
        case let error as TimeoutError: self = .timeout(error)
        case let error as any PolicyRejection: self = .rejection(error)
        case let error as any ClassifiedError: self = .classified(error.failureClass)
        default: self = Self.isCancellation(core) ? .cancellation : .unclassified
        }
    }

    /// The innermost error that a wrapped one stands for; the error itself if it is not wrapped.
    public static func core(of error: any Error) -> any Error {
        var core = error
        // A wrapping that leads in a circle is some caller's fault, and must not hang the one who judges it.
        for _ in 0..<16 {
            guard let inner = (core as? any WrappingError)?.underlyingError else { break }
            core = inner
        }
        return core
    }

    /// Whether it is a cancellation.
    public var isCancellation: Bool { if case .cancellation = self { true } else { false } }

    /// Whether it is a limit in time.
    public var isTimeout: Bool { if case .timeout = self { true } else { false } }

    /// `CancellationError`, and `URLError.cancelled`, which is known by its domain and code without Foundation.
    private static func isCancellation(_ error: any Error) -> Bool {
        error is CancellationError || (error._code == -999 && error._domain == "NSURLErrorDomain")
    }

    /// Whether an error that a task threw after it had been cancelled is its word for that. Clients have errors of their
    /// own for it (`HTTPClientError.cancelled`, `RPCError` with the code `cancelled`) which this library cannot name,
    /// and wrap `CancellationError` in others; what they print says so.
    static func tellsOfCancellation(_ error: any Error) -> Bool {
        switch ErrorMeaning(of: error) {
        case .cancellation: true
        case .timeout, .rejection, .classified: false
        case .unclassified: saysCancelled(core(of: error))
        }
    }

    private static func saysCancelled(_ error: any Error) -> Bool {
        // Some clients say little where it could reach a user, and the truth where a developer looks.
        for words in [String(describing: error).lowercased(), String(reflecting: error).lowercased()] {
            if ["cancelled", "canceled", "cancellationerror"].contains(where: { words.contains($0) }) { return true }
        }
        return false
    }
}
