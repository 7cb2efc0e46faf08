public import Holdfast

/// Why a request was answered by Holdfast and not by the service: `application/problem+json` (RFC 9457).
public struct Problem: Sendable, Error {
    /// The kinds of problem. The raw value ends the problem's type, `urn:holdfast:problem:NAME`.
    public enum Kind: String, Sendable, CaseIterable {
        /// The request breaks HTTP's rules, or could be read in two ways.
        case badRequest = "bad-request"
        case headersTooLarge = "headers-too-large"
        case targetTooLong = "target-too-long"
        case bodyTooLarge = "body-too-large"
        case requestTimeout = "request-timeout"
        case methodNotSupported = "method-not-supported"
        /// It has to be known who calls, and the request does not say it with a token.
        case tokenMissing = "token-missing"
        /// The token that says who calls is not one that is taken.
        case tokenInvalid = "token-invalid"
        /// No route takes the request.
        case noRoute = "no-route"
        /// The caller has made too many requests.
        case rateLimited = "rate-limited"
        /// As many requests are in flight as may be.
        case limitReached = "limit-reached"
        case keyMissing = "key-missing"
        case keyInvalid = "key-invalid"
        /// A request with this key executes at this moment.
        case keyInFlight = "key-in-flight"
        /// The key was used for another request.
        case keyReused = "key-reused"
        /// A request with this key began, and nobody knows how it ended. It is not run again.
        case outcomeUnknown = "outcome-unknown"
        /// A request with this key was executed; its response was too large to keep.
        case responseNotKept = "response-not-kept"
        /// The caller has as many keys, or as many bytes, as it may.
        case tooManyKeys = "too-many-keys"
        case storeUnavailable = "store-unavailable"
        /// The idempotency store holds as many keys, or as many bytes, as it may.
        case storeFull = "store-full"
        case circuitOpen = "circuit-open"
        /// Operators have taken every endpoint of the service out of service.
        case serviceDrained = "service-drained"
        case upstreamUnreachable = "upstream-unreachable"
        case upstreamReset = "upstream-reset"
        case deadline = "deadline"
        /// The request has come back to where it was: an endpoint leads to the gateway itself.
        case loopDetected = "loop-detected"

        public var status: Int {
            switch self {
            case .badRequest, .keyMissing, .keyInvalid: 400
            case .tokenMissing, .tokenInvalid: 401
            case .noRoute: 404
            case .requestTimeout: 408
            case .keyInFlight, .outcomeUnknown, .responseNotKept: 409
            case .bodyTooLarge: 413
            case .keyReused: 422
            case .tooManyKeys, .rateLimited: 429
            case .headersTooLarge: 431
            case .targetTooLong: 414
            case .methodNotSupported: 501
            case .upstreamUnreachable, .upstreamReset: 502
            case .circuitOpen, .serviceDrained, .limitReached, .storeFull, .storeUnavailable: 503
            case .deadline: 504
            // RFC 5842, section 7.2: whoever gets it gives up, and does not try again.
            case .loopDetected: 508
            }
        }

        public var title: String {
            switch self {
            case .badRequest: "The request is malformed"
            case .headersTooLarge: "The header fields are too large"
            case .targetTooLong: "The request's target is too long"
            case .bodyTooLarge: "The body is too large"
            case .requestTimeout: "The request did not arrive in time"
            case .methodNotSupported: "The method is not supported"
            case .tokenMissing: "A token is required"
            case .tokenInvalid: "The token is not valid"
            case .noRoute: "No route takes the request"
            case .rateLimited: "Too many requests"
            case .limitReached: "Too many requests are in flight"
            case .keyMissing: "An Idempotency-Key is required"
            case .keyInvalid: "The Idempotency-Key is not valid"
            case .keyInFlight: "A request with this Idempotency-Key is in flight"
            case .keyReused: "The Idempotency-Key was used for another request"
            case .outcomeUnknown: "The outcome of the request is unknown"
            case .responseNotKept: "The request was executed, but its response was not kept"
            case .tooManyKeys: "The caller has too many idempotency keys"
            case .storeUnavailable: "The idempotency store is not available"
            case .storeFull: "The idempotency store is full"
            case .circuitOpen: "The circuit is open"
            case .serviceDrained: "The service is out of service"
            case .upstreamUnreachable: "The service cannot be reached"
            case .upstreamReset: "The service broke the connection"
            case .deadline: "The service did not answer in time"
            case .loopDetected: "The request goes in a circle"
            }
        }
    }

    /// What is behind a problem, for those who operate the service: addresses, reasons, names of their own.
    public struct Cause: Sendable {
        /// What happened, in place of ``Problem/detail``.
        public var detail: String
        /// The explanation as its policy gave it; nil where ``Problem/explanation`` is that.
        public var explanation: Explanation?

        public init(_ detail: String, explanation: Explanation? = nil) {
            self.detail = detail
            self.explanation = explanation
        }
    }

    public let kind: Kind
    /// What the answer's status is: as the kind says, unless a profile's clients would take that for something else.
    public var status: Int
    /// What happened in this case, and what to do about it. Callers read it.
    public let detail: String
    /// The explanation of the policy that rejected, if one did. Callers read it.
    public let explanation: Explanation?
    /// With a 401, how to come again: the value of `WWW-Authenticate` (RFC 6750, section 3).
    package var challenge: String? {
        switch kind {
        case .tokenMissing: "Bearer"
        case .tokenInvalid: "Bearer error=\"invalid_token\""
        default: nil
        }
    }
    /// What operators are told instead, if there is more to it; nil by default. It is no part of ``body``.
    public var cause: Cause?
    /// How many attempts were made.
    public var attempts: Int?
    /// How long to wait before coming back.
    public let retryAfter: Duration?
    /// The record of the request's idempotency key, for whoever asks the operators about it. It says nothing of the key.
    public var record: String?
    /// What the request is called, for whoever asks why it went as it did.
    public var request: String?

    public init(
        _ kind: Kind, _ detail: String, explanation: Explanation? = nil, attempts: Int? = nil,
        retryAfter: Duration? = nil
    ) {
        self.kind = kind
        status = kind.status
        self.detail = detail
        self.explanation = explanation
        self.attempts = attempts
        self.retryAfter = retryAfter ?? explanation?.retryAfter
    }

    /// The problem as JSON, for the caller: without its ``cause``.
    public var body: [UInt8] {
        var json = JSONText()
        json.object { json in
            json.member("type", "urn:holdfast:problem:\(kind.rawValue)")
            json.member("title", kind.title)
            json.member("status", status)
            json.member("detail", detail)
            if let attempts { json.member("attempts", attempts) }
            if let explanation {
                json.name("explanation")
                explanation.write(to: &json)
            }
            if let record { json.member("record", record) }
            if let request { json.member("request", request) }
            if let retryAfter { json.member("retryAfterSeconds", retryAfter.inSeconds) }
        }
        return json.bytes
    }
}

extension Explanation {
    /// The same under another name.
    package func named(_ name: String) -> Explanation {
        Explanation(
            policy: policy, name: name, state: state, generation: generation, evidence: evidence,
            retryAfter: retryAfter)
    }

    /// As it stands in problems, in the access log and in `GET /api/explain`.
    package func write(to json: inout JSONText) {
        json.object { json in
            json.member("policy", policy.rawValue)
            json.member("name", name)
            json.member("state", state)
            json.member("generation", Int(generation))
            json.member("count", evidence.count)
            json.member("threshold", evidence.threshold)
            json.member("retryAfterSeconds", retryAfter.inSeconds)
        }
    }
}
