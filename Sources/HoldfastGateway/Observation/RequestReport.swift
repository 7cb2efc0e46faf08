#if Gateway
import Foundation
import Holdfast
import HoldfastHTTP

/// What became of one request, told once, at its end. It is built only when it is notable or sampled for the access log.
///
/// It holds no header field, no query, no body and no idempotency key, because reports are read by more people than
/// requests are. Whatever the client chose is cut to a bound, so that what is kept has one, too.
struct RequestReport: Sendable {
    /// How it ended. The raw values are those of the access log.
    enum Outcome: String, Sendable, CaseIterable {
        /// The service answered, and the client has the answer.
        case served
        /// The gateway answered in the service's place, and the service was not asked, or declined.
        case rejected
        /// Answered from a stored outcome.
        case replayed
        /// No attempt brought an answer, or the answer broke off.
        case failed
        /// The client left before it was answered.
        case abandoned
    }

    /// One try.
    struct Attempt: Sendable {
        /// The endpoint's name.
        var endpoint: String
        /// How it ended, in words: `answered`, `broke off`, or the problem that it was.
        var ended: String
        /// What the endpoint answered, if it did.
        var status: Int?
        var duration: Duration
        /// From the end of the attempt before.
        var wait: Duration
        /// Whether it was made beside another, and not after it.
        var isHedge: Bool
        /// Whether it was not the request, but asked what became of an earlier one with its key.
        var isProbe: Bool
        /// Why it ended so, where that is known and not said yet.
        var reason: String

        init(
            endpoint: String, ended: String, status: Int? = nil, duration: Duration, wait: Duration = .zero,
            isHedge: Bool = false, isProbe: Bool = false, reason: String = ""
        ) {
            self.endpoint = endpoint
            self.ended = ended
            self.status = status
            self.duration = duration
            self.wait = wait
            self.isHedge = isHedge
            self.isProbe = isProbe
            self.reason = RequestReport.cut(reason)
        }
    }

    /// What policies that only watch would have done.
    struct WouldHave: Sendable, Hashable {
        let words: String
        /// How many attempts had been made by then.
        let after: Int
    }

    /// The most bytes of a path that are kept, and of any other text, and the most attempts.
    static let pathBound = 1_024
    static let textBound = 512
    static let attemptsBound = 32

    let id: RequestID
    /// Milliseconds since 1970, for people to read. No decision looks at it.
    let time: Int64
    let route: String
    let service: String
    let method: String
    /// Which the client asked for: what a trusted hop says of it, or else `Host`. Empty where neither names one.
    let host: String
    /// Without its query: queries hold secrets.
    let path: String
    /// What the client was answered; 0 when nothing.
    let status: Int
    let duration: Duration
    /// The last one that the request was sent to, or would have been; nil where it went nowhere.
    let endpoint: String?
    let attempts: [Attempt]
    let outcome: Outcome
    let problem: Problem.Kind?
    /// What happened in this case. Empty when there is nothing to say.
    let detail: String
    let explanation: Explanation?
    /// The record of the request's key, which says nothing of the key.
    let record: String?
    /// A valid one; nil when there was none.
    let traceparent: String?
    /// Of the bodies that came from the client, and that were written for it: the service's, a replay's, a problem's.
    let bytesIn: Int
    let bytesOut: Int
    /// The address that the connection came from.
    let client: String?
    /// On a route that only watches: what the policies would have done.
    let wouldHave: [WouldHave]

    /// - Parameters:
    ///   - path: The request's target, as it came. What is not its path is left out.
    ///   - detail: A problem's. That of an invalid key is left out, since it quotes the key.
    init(
        id: RequestID, route: String, service: String, method: String, host: String = "", path: String, status: Int,
        duration: Duration, endpoint: String? = nil, attempts: [Attempt] = [], outcome: Outcome,
        problem: Problem.Kind? = nil,
        detail: String = "", explanation: Explanation? = nil, record: String? = nil, traceparent: String? = nil,
        bytesIn: Int = 0, bytesOut: Int = 0, client: String? = nil, wouldHave: [WouldHave] = [],
        time: Int64 = Self.now
    ) {
        self.id = id
        self.time = time
        self.route = route
        self.service = service
        self.method = Self.cut(method, to: 32)
        self.host = Self.cut(host)
        self.path = Self.cut(Self.path(of: path), to: Self.pathBound)
        self.status = status
        self.duration = duration
        self.endpoint = endpoint
        self.attempts = attempts.count > Self.attemptsBound ? Array(attempts.prefix(Self.attemptsBound)) : attempts
        self.outcome = outcome
        self.problem = problem
        self.detail = problem == .keyInvalid ? "the key is not as the route's rules have it" : Self.cut(detail)
        self.explanation = explanation
        self.record = record.map { Self.cut($0) }
        self.traceparent = traceparent.map { Self.cut($0) }
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
        self.client = client.map { Self.cut($0) }
        self.wouldHave = wouldHave
    }

    /// For how many of its kind its line stands in the access log; nil where each has one.
    var sampled: Int?

    /// Whether somebody may ask why.
    var isNotable: Bool {
        switch outcome {
        case .rejected, .replayed, .failed: true
        case .served, .abandoned: attempts.count > 1 || problem != nil || !wouldHave.isEmpty
        }
    }

    /// The trace's name alone.
    var traceID: String? { traceparent.flatMap { TraceParent($0)?.traceID } }

    static var now: Int64 { Int64(Date.now.timeIntervalSince1970 * 1_000) }

    /// What of a target is its path: neither scheme and authority, in which there may be a password, nor the query.
    private static func path(of target: String) -> String {
        var path = target[...]
        if let end = path.utf8.firstIndex(where: { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") }) {
            path = path[..<end]
        }
        guard path.utf8.first != UInt8(ascii: "/"), let scheme = path.firstRange(of: "://") else { return String(path) }
        path = path[scheme.upperBound...]
        guard let start = path.utf8.firstIndex(of: UInt8(ascii: "/")) else { return "/" }
        return String(path[start...])
    }

    fileprivate static func cut(_ text: String, to bound: Int = textBound) -> String {
        let text = text.readable
        guard text.utf8.count > bound else { return text }
        return String(decoding: text.utf8.prefix(bound), as: UTF8.self) + "…"
    }
}
#endif
