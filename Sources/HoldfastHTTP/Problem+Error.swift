public import Holdfast
public import HoldfastIdempotency

/// What an error of Holdfast's is called towards a client: one place for all who answer requests.
extension Problem {
    /// Why a request with a key was not answered by its handler, in the words that the gateway uses. What is for operators
    /// alone (a store's own words, an error's) is the ``cause``, and no part of the answer.
    ///
    /// - Parameters:
    ///   - error: Why the call under the key was not answered.
    ///   - retention: How long the handler's outcomes are kept. With it, a caller who has too many keys is told when
    ///     some of them will be gone: after a 24th of it.
    public init(_ error: IdempotencyError, retention: Duration? = nil) {
        switch error {
        case .inFlight:
            self.init(.keyInFlight, "a request with this key is being executed", retryAfter: .seconds(1))
        case .mismatched: self.init(.keyReused, Self.keyReusedDetail)
        case .unknown(let id, _):
            self.init(.outcomeUnknown, Self.outcomeUnknownDetail)
            record = id.description
        case .notKept: self.init(.responseNotKept, Self.notKeptDetail)
        case .unreadable(let why):
            self.init(.responseNotKept, Self.unreadableDetail)
            cause = Cause(why)
        case .failed(let why):
            self.init(.responseNotKept, "it was executed once, and failed, and is not executed again")
            cause = Cause(why)
        case .limited: self.init(.tooManyKeys, Self.tooManyKeysDetail, retryAfter: retention.map { $0 / 24 })
        case .unavailable(let error) where error.code == .full:
            self.init(.storeFull, Self.storeFullDetail, retryAfter: Self.storeFullPause)
            cause = Cause(error.description)
        case .unavailable(let error):
            self.init(
                .storeUnavailable, "nothing was executed: \(error.code.rawValue)", retryAfter: .seconds(1))
            cause = Cause(error.description)
        }
    }

    /// The problem that an error of Holdfast's is, whatever retries it has passed: an `IdempotencyError`, a rejection by a
    /// policy, or a limit in time. Nil for every other error, which is its framework's to answer.
    public init?(of error: any Error, retention: Duration? = nil) {
        switch error {
        case let error as IdempotencyError: self.init(error, retention: retention)
        case let rejection as any PolicyRejection: self.init(rejection)
        case is TimeoutError: self.init(.deadline, "what the request needs was not done in time")
        case let failure as any FailureInPassing: self.init(of: failure.error, retention: retention)
        default: return nil
        }
    }

    /// A rejection by a policy inside the service, which is a 503 whichever it was: what is too much there is no one caller's
    /// doing. Who limits callers by a policy of their own says ``Kind/rateLimited``.
    public init(_ rejection: any PolicyRejection) {
        let explanation = rejection.explanation
        let kind = explanation.policy == .circuitBreaker ? Kind.circuitOpen : .limitReached
        self.init(kind, "what the request needs cannot be asked for now", retryAfter: explanation.retryAfter)
        // Its names and its figures are the service's own affair.
        cause = Cause(rejection.description, explanation: explanation)
    }

    package static let keyReusedDetail = "this key was used for another request: use a new key"
    package static let outcomeUnknownDetail =
        "a request with this key began, and nobody knows how it ended: find out before using a new key"
    package static let notKeptDetail = "it was executed once, and is not executed again"
    package static let unreadableDetail = "it was executed once, and its response cannot be read"
    package static let tooManyKeysDetail =
        "nothing was executed: within the retention of keys, a caller may have only so many, and an address too"
    package static let storeFullDetail = "nothing was executed: the store takes new keys when old ones have expired"
    package static let storeFullPause = Duration.seconds(60)
}

/// An error around the one that really happened.
private protocol FailureInPassing: Error {
    var error: any Error { get }
}

extension CallFailure: FailureInPassing {
    fileprivate var error: any Error { last }
}
