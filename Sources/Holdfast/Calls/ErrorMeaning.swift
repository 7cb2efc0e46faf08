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
///
/// Other libraries wrap errors too, and do not know ``WrappingError``: gRPC Swift makes an `RPCError` of whatever an
/// interceptor throws, and Swift OpenAPI a `ClientError` of what a middleware throws. Where such an error keeps a
/// rejection or a ``TimeoutError`` of Holdfast's in a property with the name `cause`, `underlyingError` or `underlying`,
/// it means that. Whatever else it keeps there is its own affair: a connection that broke because a task inside a client
/// was cancelled is no cancellation of the caller's.
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
        // A wrapping that leads in a circle is some caller's fault, and must not hang the one who judges it.
        core(of: error, depth: 16)
    }

    private static func core(of error: any Error, depth: Int) -> any Error {
        guard depth > 0, !isOwn(error) else { return error }
        if let wrapping = error as? any WrappingError {
            return wrapping.underlyingError.map { core(of: $0, depth: depth - 1) } ?? error
        }
        guard let cause = cause(keptBy: error) else { return error }
        let inner = core(of: cause, depth: depth - 1)
        return isOwn(inner) ? inner : error
    }

    /// Whether Holdfast itself made it: a rejection, a limit that was met, or what stands for a result.
    private static func isOwn(_ error: any Error) -> Bool {
        error is TimeoutError || error is any PolicyRejection || error is any JudgedFailure
    }

    /// What an error of another library's keeps as what it came from.
    private static func cause(keptBy error: any Error) -> (any Error)? {
        if error is CancellationError { return nil }
        for child in Mirror(reflecting: error).children {
            guard let label = child.label, ["cause", "underlyingError", "underlying"].contains(label) else { continue }
            if let cause = child.value as? any Error { return cause }
        }
        return nil
    }

    /// Whether Holdfast itself made what an error stands for.
    static func isMadeHere(_ error: any Error) -> Bool { isOwn(core(of: error)) }

    /// What a rejection or a limit of Holdfast's own proves; nil for any other, of which the operation knows more.
    static func proof(byOwn error: any Error) -> FailureClass? {
        switch ErrorMeaning(of: error) {
        // Of several attempts, all count.
        case .rejection(let rejection): (error as? any RetriedError)?.failureClass ?? rejection.failureClass
        case .timeout(let timeout): (error as? any RetriedError)?.failureClass ?? timeout.failureClass
        case .cancellation, .classified, .unclassified: nil
        }
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
