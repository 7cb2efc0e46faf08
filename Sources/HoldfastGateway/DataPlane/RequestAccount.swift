#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import Logging
import NIOCore
import NIOHTTP1

/// What is told of a request at its end. While nothing about it is notable, it costs no allocation.
struct RequestAccount {
    private(set) var attempts: [RequestReport.Attempt] = []
    private(set) var wouldHave: [(decision: RouteMetrics.ShadowDecision, told: RequestReport.WouldHave)] = []
    private(set) var problem: Problem?
    /// What the client was answered; 0 while nothing.
    private(set) var status = 0
    private(set) var isReplay = false
    private var isRetried = false
    private var isHedged = false
    private var isProbed = false
    private var isBroken = false
    /// Whether the attempts ask what became of the key.
    var isProbing = false { didSet { if isProbing { isProbed = true } } }
    /// The answer broke off, or the client left.
    var isAborted = false
    /// Of the body that is written for the client.
    var bytesOut = 0
    /// From the end of the request to the head of the service's answer.
    var latency: Duration?
    /// Why nothing was tried again.
    var stopped: RetryMachine.StopReason?

    /// Whether somebody may ask why.
    var isNotable: Bool {
        isRetried || isHedged || isProbed || isReplay || isBroken || problem != nil || !wouldHave.isEmpty
    }

    mutating func retried() { isRetried = true }
    mutating func hedged() { isHedged = true }

    mutating func replayed(_ status: Int) {
        isReplay = true
        self.status = status
    }

    mutating func answered(_ status: Int) { self.status = status }

    mutating func answered(_ problem: Problem) {
        self.problem = problem
        status = problem.status
    }

    /// - Parameter attempts: How many had been made by then.
    mutating func wouldHave(_ decision: RouteMetrics.ShadowDecision, _ words: String, after attempts: Int) {
        wouldHave.append((decision, RequestReport.WouldHave(words: words, after: attempts)))
    }

    /// - Parameter reason: Why it ended so, for operators, where the words do not say it.
    mutating func ended(
        _ attempt: UpstreamAttempt, _ words: String, status: Int? = nil, because reason: String = ""
    ) {
        attempt.isTold = true
        let duration = Duration.nanoseconds((.now() - attempt.began).nanoseconds)
        attempts.append(
            RequestReport.Attempt(
                endpoint: attempt.endpoint.name, ended: words, status: status, duration: duration, wait: attempt.wait,
                isHedge: attempt.isHedge, isProbe: isProbing, reason: reason))
    }

    /// The answer ended before it was whole. What stands of its attempt may be that it answered.
    mutating func brokeOff(_ attempt: UpstreamAttempt, status: Int?, because reason: String) {
        isBroken = true
        // Nothing is told after the attempt whose answer is relayed or gathered: there is no other beside it.
        if attempt.isTold { attempts.removeLast() }
        ended(attempt, "broke off", status: status, because: reason)
    }

    /// That of the problem, as its policy gave it.
    var explanation: Explanation? { problem?.cause?.explanation ?? problem?.explanation }

    /// What an adaptive limit learns.
    var verdict: Verdict {
        switch problem?.kind {
        case .deadline?, .upstreamReset?, .upstreamUnreachable?: .failed
        case nil where isAborted || isReplay: .abandoned
        case nil: status >= 500 ? .failed : status == 429 ? .declined : .succeeded
        default: .abandoned
        }
    }

    var outcome: RequestReport.Outcome {
        switch problem?.kind {
        case .deadline?, .upstreamReset?, .upstreamUnreachable?, .outcomeUnknown?: .failed
        case nil: isReplay ? .replayed : isAborted ? (status == 0 ? .abandoned : .failed) : .served
        default: .rejected
        }
    }
}

extension Problem {
    /// What operators are told.
    var fullDetail: String { cause?.detail ?? detail }
}

extension Exchange {
    /// What the service and the client are told that it is called; nil where they are not.
    var fieldID: RequestID? { plan.configuration.requestID ? requestID : nil }

    /// Tells how it ended: in numbers always, in words when it is notable or sampled.
    func tellEnd() {
        let duration = Duration.nanoseconds((loop.turn.now - started).nanoseconds)
        let metrics = route.metrics
        metrics.ended(status: account.isAborted ? 0 : account.status, duration: duration)
        if let problem = account.problem { metrics.rejected(problem.kind) }
        if account.isReplay { metrics.replayed() }
        for (decision, _) in account.wouldHave {
            metrics.wouldHave(decision, succeeded: (200...399).contains(account.status))
        }
        let isSampled = shared.observer.isSampled(loop.generator.next())
        guard isSampled || account.isNotable else { return }
        shared.observer.report(
            RequestReport(
                id: requestID, route: route.name, service: route.service.name,
                method: request.method.rawValue, host: (origin.host ?? target.authority)?.text ?? "",
                path: String(target.path), status: account.status, duration: duration,
                endpoint: account.attempts.last?.endpoint ?? tried.latest?.name,
                attempts: account.attempts, outcome: account.outcome, problem: account.problem?.kind,
                detail: detail, explanation: account.explanation, record: claimed?.id.description,
                traceparent: request.headers.first(name: "traceparent"), bytesIn: receivedBytes,
                bytesOut: account.bytesOut, client: origin.client,
                wouldHave: account.wouldHave.map(\.told)))
    }

    /// What a line of the log says of the request that it is about.
    func logged(error: (any Error)? = nil) -> Logger.Metadata {
        var told: Logger.Metadata = [
            "route": "\(route.name)", "service": "\(route.service.name)", "request": "\(requestID)",
        ]
        if let id = claimed?.id { told["record"] = "\(id)" }
        if let error { told["error"] = "\(error)" }
        return told
    }

    /// The answer of an attempt breaks off, for a reason that operators are told.
    func brokeOff(_ attempt: UpstreamAttempt?, _ reason: String) {
        guard let attempt else { return }
        account.brokeOff(attempt, status: responseHead.map { Int($0.status.code) }, because: reason)
    }

    private var detail: String {
        let problem = account.problem?.fullDetail ?? ""
        guard let stopped = account.stopped else { return problem }
        return problem.isEmpty
            ? "not tried again: \(stopped.rawValue)" : "\(problem); not tried again: \(stopped.rawValue)"
    }
}
#endif
