#if Gateway
import HoldfastHTTP
import Synchronization

/// What is counted of one route's requests. Made once for each route that is configured, so that what clients send makes
/// no new series. On the path of every request it costs three relaxed additions.
final class RouteMetrics: Sendable {
    /// What a route that only watches would have done.
    enum ShadowDecision: String, Sendable, CaseIterable {
        case rejected, retried, hedged
        /// A duplicate would not have reached the service.
        case deduplicated
    }

    /// Classes of status, of which the first stands for requests without an answer.
    static let classes = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"]

    let route: String
    let latency = LatencyHistogram()
    private let statuses = AtomicCells(count: classes.count)
    private let rejections = AtomicCells(count: Problem.Kind.allCases.count)
    private let probes = AtomicCells(count: OutcomeProbe.Finding.allCases.count)
    /// Two for each decision: whether the request failed, or succeeded all the same.
    private let shadow = AtomicCells(count: ShadowDecision.allCases.count * 2)
    private let retryCount = Atomic<Int>(0)
    private let hedgeCount = Atomic<Int>(0)
    private let replayCount = Atomic<Int>(0)
    private let claimCount = Atomic<Int>(0)
    private let otherCallerCount = Atomic<Int>(0)
    private let unknownCount = Atomic<Int>(0)

    /// - Parameter route: As it is configured. Requests that match no route are counted under a name of their own.
    init(route: String) { self.route = route }

    /// Counts a request at its end.
    ///
    /// - Parameters:
    ///   - status: What the client was answered; 0 when nothing.
    ///   - duration: From its head to the end of its answer.
    func ended(status: Int, duration: Duration) {
        statuses.add(at: (1...5).contains(status / 100) ? status / 100 : 0)
        latency.record(duration)
    }

    /// Counts an attempt after the first.
    func retried() { retryCount.add(1, ordering: .relaxed) }

    /// Counts an attempt beside another.
    func hedged() { hedgeCount.add(1, ordering: .relaxed) }

    /// Counts an answer from a stored outcome.
    func replayed() { replayCount.add(1, ordering: .relaxed) }

    /// Counts a key that was claimed for execution.
    func claimed() { claimCount.add(1, ordering: .relaxed) }

    /// Counts an execution that ended so that nobody knows its effect.
    func becameUnknown() { unknownCount.add(1, ordering: .relaxed) }

    /// Counts a request that came before under another caller.
    func cameFromAnother() { otherCallerCount.add(1, ordering: .relaxed) }

    /// Counts a question to the service about a key whose outcome was unknown.
    func probed(_ finding: OutcomeProbe.Finding) {
        if let place = OutcomeProbe.Finding.allCases.firstIndex(of: finding) { probes.add(at: place) }
    }

    /// Counts an answer of the gateway's own.
    func rejected(_ reason: Problem.Kind) {
        // Every kind is among all cases.
        if let place = Self.places[reason] { rejections.add(at: place) }
    }

    /// Counts a request that the gateway has answered before any route took it.
    func refused(_ reason: Problem.Kind) {
        ended(status: reason.status, duration: .zero)
        rejected(reason)
    }

    /// Counts what the route's policies would have done.
    ///
    /// - Parameter succeeded: Whether the request succeeded all the same.
    func wouldHave(_ decision: ShadowDecision, succeeded: Bool) {
        if let place = ShadowDecision.allCases.firstIndex(of: decision) {
            shadow.add(at: place * 2 + (succeeded ? 1 : 0))
        }
    }

    var retries: Int { retryCount.load(ordering: .relaxed) }
    var hedges: Int { hedgeCount.load(ordering: .relaxed) }
    var replays: Int { replayCount.load(ordering: .relaxed) }
    var claims: Int { claimCount.load(ordering: .relaxed) }
    var unknownOutcomes: Int { unknownCount.load(ordering: .relaxed) }
    var otherCallers: Int { otherCallerCount.load(ordering: .relaxed) }

    /// Requests by class of status.
    var requests: [(status: String, count: Int)] { Array(zip(Self.classes, statuses.values)).map { ($0, $1) } }

    var probeCounts: [(finding: OutcomeProbe.Finding, count: Int)] {
        Array(zip(OutcomeProbe.Finding.allCases, probes.values)).map { ($0, $1) }
    }

    var rejectionCounts: [(reason: Problem.Kind, count: Int)] {
        Array(zip(Problem.Kind.allCases, rejections.values)).map { ($0, $1) }
    }

    var shadowCounts: [(decision: ShadowDecision, succeeded: Bool, count: Int)] {
        shadow.values.enumerated().map { (ShadowDecision.allCases[$0.offset / 2], $0.offset % 2 == 1, $0.element) }
    }

    private static let places = Dictionary(
        uniqueKeysWithValues: Problem.Kind.allCases.enumerated().map { ($0.element, $0.offset) })
}
#endif
