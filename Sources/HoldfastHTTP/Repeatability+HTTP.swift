public import HTTPTypes
public import Holdfast

extension Repeatability {
    /// What HTTP says about making a request again: GET, HEAD, OPTIONS, TRACE, PUT and DELETE repeat by their method
    /// (RFC 9110, section 9.2.2); everything else does not.
    public init(method: HTTPRequest.Method) {
        switch method {
        case .get, .head, .options, .trace, .put, .delete: self = .idempotent
        default: self = .once
        }
    }
}

/// What a response's status says about the attempt.
public enum StatusMeaning {
    /// Whether the status counts as a failure of the service: 5xx, but 501, which says what the service is, not how
    /// it fares; and what is no status, which RFC 9110, section 15, has treated as 5xx.
    public static func isServiceFailure(_ status: Int) -> Bool {
        !(100...499).contains(status) && status != 501
    }

    /// What a status proves, if it is worth another attempt: 502, 503 and 504, which speak of a moment. A 500 speaks of
    /// the request, and would speak so again.
    public static func failureWorthRetrying(_ status: Int, retryAfter: Duration?) -> FailureClass? {
        switch status {
        case 503: .rejected(retryAfter: retryAfter)
        case 502, 504: .failed
        default: nil
        }
    }

    /// Whether HTTP says by this status that the request was not acted upon, so that its key may be executed again.
    ///
    /// A bare 503 is not among them: proxies in between answer so when a connection broke *after* sending. With a
    /// `Retry-After` it is the service's own word that it declined.
    public static func wasNotActedUpon(_ status: Int, hasRetryAfter: Bool) -> Bool {
        switch status {
        case 401, 407, 408, 413, 425, 429, 431: true
        case 503: hasRetryAfter
        default: false
        }
    }
}
