#if Gateway
import Holdfast
import HoldfastIdempotency
import NIOHTTP1

/// What is found out about a key whose outcome is unknown: a question to the service, and the turn to ask it.
///
/// The turn is a claim of a record of its own beside the key's, under a lease as any: so of all gateways that share a
/// store, one asks at a time, and if it is killed meanwhile, the next one asks when the lease is over. Nothing depends on
/// the turn but that: what is found is written under the fence of the execution that was asked about, and is refused if
/// the record has moved on.
final class OutcomeProbe {
    /// What a service was found to know. The raw values are those of the metric.
    enum Finding: String, Sendable, CaseIterable {
        /// It happened.
        case completed
        /// It did not happen, and will not.
        case nothing
        /// That cannot be told now.
        case unknown
    }

    let configuration: RouteConfiguration.Idempotency.Probe
    /// The execution that is asked about.
    let fence: Int64
    /// What is asked, before the fields that the gateway adds.
    let request: HTTPRequestHead
    let fields: RequestFields
    /// The record of the turn.
    let turnID: RecordID
    /// Whether the exchange's attempts are at the question, and not at the request.
    var isAsking = false {
        didSet { if isAsking { isUncounted = true } }
    }
    /// Whether what was found has not been counted yet.
    private var isUncounted = false
    private var turn: Claim?

    init(
        _ configuration: RouteConfiguration.Idempotency.Probe, fence: Int64, request: HTTPRequestHead, turnID: RecordID
    ) {
        self.configuration = configuration
        self.fence = fence
        self.request = request
        fields = RequestFields(request)
        self.turnID = turnID
    }

    func take(_ turn: consuming Claim) { self.turn = consume turn }

    /// Counts what the question found, once.
    func found(_ finding: Finding, in metrics: RouteMetrics) {
        if isUncounted { metrics.probed(finding) }
        isUncounted = false
    }

    /// Lets another ask.
    func endTurn() { turn.take()?.release() }

    /// The question that a request's repeat asks: with its fields, but those that speak of its body, set conditions on it,
    /// or make a key of the question itself.
    static func question(_ target: String, for request: HTTPRequestHead) -> HTTPRequestHead {
        var headers = HTTPHeaders()
        headers.reserveCapacity(request.headers.count)
        for (name, value) in request.headers where !isLeftOut(name.lowercased()) {
            headers.add(name: name, value: value)
        }
        return HTTPRequestHead(version: request.version, method: .GET, uri: target, headers: headers)
    }

    private static func isLeftOut(_ name: String) -> Bool {
        ["content-", "if-"].contains { name.hasPrefix($0) }
            || ["transfer-encoding", "trailer", "expect", "range", "digest", "repr-digest", "idempotency-key"]
                .contains(name)
    }

    /// How long a 404 must not be believed yet, by the record's history.
    ///
    /// - Parameter deadline: That of the execution: after it, it sent nothing.
    static func unsettled(_ record: ClaimSummary, fence: Int64, deadline: Duration, settle: Duration) -> Duration {
        let entries = record.history.entries.filter { $0.fence == fence }
        // Whoever gave up had sent it until then. Whose lease had ended when somebody looked, until its own deadline.
        var sent = entries.first { $0.event == .claimed }.map { $0.at.advanced(by: deadline) } ?? record.now
        if let end = entries.last(where: { $0.event == .abandoned }) {
            sent = end.at
        } else if let end = entries.last(where: { $0.event == .leaseEnded }) {
            sent = min(sent, end.at)
        }
        return record.now.duration(to: sent.advanced(by: settle))
    }
}
#endif
