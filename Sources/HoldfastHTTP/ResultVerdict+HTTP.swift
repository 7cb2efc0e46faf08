public import HTTPTypes
public import Holdfast

extension ResultVerdict {
    /// What a response's status says to the client that got it, for `judgingResult:` of a `Policy` or a `Retry`.
    ///
    /// | status | verdict |
    /// |---|---|
    /// | 429, and 503 or 529 with a `Retry-After` | a failure; the service declined, and is asked again after the wait that it names |
    /// | 408, 425 | a failure; the request was not acted upon, and is worth another attempt |
    /// | 502, 504, and 503 without a `Retry-After` | a failure that speaks of a moment, worth another attempt |
    /// | every other failure of the service, such as 500 | a failure that counts, and is not repeated: the answer would be the same |
    /// | all others, 501 and the other 4xx among them | an answer |
    ///
    /// What the service declined counts towards a breaker's rates and not towards its streak. A bare 503 is no word of the
    /// service's: a proxy answers so for one that is dead, and a breaker has to see that.
    ///
    /// Whether another attempt may be made is the operation's `Repeatability`: what is `once` is not sent again after any
    /// of these. The gateway leaves the wait after a 429 to the client, unless `routes[].retry.statuses` has it.
    ///
    /// - Parameters:
    ///   - status: The response's status.
    ///   - retryAfter: The response's `Retry-After`, as ``RetryAfter/parse(_:date:)`` reads it.
    public init(status: Int, retryAfter: Duration? = nil) {
        switch status {
        case 408, 425, 429: self = .failed(.rejected(retryAfter: retryAfter))
        case 503 where retryAfter != nil, 529 where retryAfter != nil:
            self = .failed(.rejected(retryAfter: retryAfter))
        case 502, 503, 504: self = .failed(.failed)
        default: self = StatusMeaning.isServiceFailure(status) ? .failedForGood : .succeeded
        }
    }

    /// What a response says to the client that got it: ``init(status:retryAfter:)``, with the response's own
    /// `Retry-After`.
    public init(of response: HTTPResponse) {
        let fields = response.headerFields
        let retryAfter = fields[.retryAfter].flatMap { RetryAfter.parse($0, date: fields[.date]) }
        self.init(status: response.status.code, retryAfter: retryAfter)
    }
}

extension Repeatability {
    /// Why a request may be made again: its method, or else the key that it carries and its receiver honours.
    ///
    /// - Parameters:
    ///   - method: The request's method.
    ///   - key: The key in its `Idempotency-Key`; nil if it has none, or if the receiver does not know keys.
    public init(method: HTTPRequest.Method, key: IdempotencyKey?) {
        let byMethod = Repeatability(method: method)
        if byMethod == .once, let key { self = .keyed(key) } else { self = byMethod }
    }
}
