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

    /// Whether HTTP says by this status that the request was not acted upon, so that its key may be executed again: it is
    /// to be sent again as somebody else, later, smaller, another way or under a condition.
    ///
    /// A bare 503 is not among them: proxies in between answer so when a connection broke *after* sending. With a
    /// `Retry-After` it is the service's own word that it declined. So is 529, as others write "overloaded".
    public static func wasNotActedUpon(_ status: Int, hasRetryAfter: Bool) -> Bool {
        switch status {
        case 401, 407, 408, 413, 421, 425, 426, 428, 429, 431, 511: true
        case 503, 529: hasRetryAfter
        default: false
        }
    }

    /// Whether the status says that somebody did not get an answer, and nothing about the work: a proxy says so when a
    /// connection broke or took too long, before the request was sent or after it was carried out (RFC 9110, sections
    /// 15.6.3 to 15.6.5). Besides 502, 503 and 504 these are the statuses that large proxies have made for it.
    public static func isUnanswered(_ status: Int) -> Bool {
        switch status {
        case 502, 503, 504, 520...527, 529, 530, 598, 599: true
        default: false
        }
    }

    /// Whether a response with this status has content, if it answers no HEAD (RFC 9110, section 6.4.1). A 205 has a length
    /// of zero, and the others have none.
    public static func mayHaveContent(_ status: Int) -> Bool {
        status >= 200 && status != 204 && status != 205 && status != 304
    }
}
