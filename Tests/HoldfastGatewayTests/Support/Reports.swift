#if Gateway
import Holdfast
import HoldfastHTTP

@testable import HoldfastGateway

extension RequestReport {
    /// A report of a test's own.
    static func of(
        _ bits: UInt64 = 1, path: String = "/charges", status: Int = 200, attempts: [Attempt] = [],
        outcome: Outcome = .served, problem: Problem.Kind? = nil, detail: String = "",
        explanation: Explanation? = nil, record: String? = nil, traceparent: String? = nil, client: String? = nil,
        wouldHave: [RequestReport.WouldHave] = [], time: Int64 = 1_795_552_025_123
    ) -> RequestReport {
        RequestReport(
            id: RequestID(bits: bits), route: "charges", service: "payments", method: "POST", path: path,
            status: status, duration: .milliseconds(12), attempts: attempts, outcome: outcome, problem: problem,
            detail: detail, explanation: explanation, record: record, traceparent: traceparent, bytesIn: 8,
            bytesOut: 16, client: client, wouldHave: wouldHave, time: time)
    }

    /// One that a breaker has rejected.
    static func rejected(_ bits: UInt64 = 1) -> RequestReport {
        .of(
            bits, status: 503, outcome: .rejected, problem: .circuitOpen, detail: "the breaker is open",
            explanation: Explanation(
                policy: .circuitBreaker, name: "10.0.0.1:80", state: "open", generation: 3,
                evidence: .consecutiveFailures(5, threshold: 5), retryAfter: .milliseconds(4_200)))
    }
}
#endif
