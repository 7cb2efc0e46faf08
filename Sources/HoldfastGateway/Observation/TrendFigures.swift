#if Gateway
import Holdfast
import HoldfastHTTP

/// What a trend is made of, at one moment: what a route has counted since it was made, by the definitions of the metrics.
/// Those of a service are the sums of its routes'.
struct TrendFigures: Sendable, Equatable {
    /// By class of status, in the order of ``RouteMetrics/classes``.
    var statuses = [Int](repeating: 0, count: RouteMetrics.classes.count)
    /// By problem, in the order of its cases.
    var rejections = [Int](repeating: 0, count: Problem.Kind.allCases.count)
    var latency = Histogram.Values(
        bounds: LatencyHistogram.ofRequests, buckets: [Int](repeating: 0, count: LatencyHistogram.ofRequests.count + 1),
        sum: 0)
    var retries = 0
    var claims = 0
    var replays = 0
    /// Executions that ended so that nobody knows their effect.
    var unknown = 0
    /// Retries that the budget would allow now. It is told as it is, and not what was added.
    var budget = 0

    init() {}

    /// - Parameter budget: What is left of the route's retry budget: its own, or its service's.
    init(_ route: RouteMetrics, budget: Int) {
        statuses = route.requests.map(\.count)
        rejections = route.rejectionCounts.map(\.count)
        latency = route.latency.values
        (retries, claims, replays, unknown) = (route.retries, route.claims, route.replays, route.unknownOutcomes)
        self.budget = budget
    }

    /// Adds what another route has counted. The budget stays: it may be the same one.
    mutating func add(_ other: TrendFigures) {
        for place in statuses.indices { statuses[place] += other.statuses[place] }
        for place in rejections.indices { rejections[place] += other.rejections[place] }
        latency = latency.plus(other.latency)
        retries += other.retries
        claims += other.claims
        replays += other.replays
        unknown += other.unknown
    }
}

extension Histogram.Values {
    func plus(_ other: Self) -> Self { combined(with: other, by: +) }

    /// What came since; nothing where it was more.
    func since(_ former: Self) -> Self { combined(with: former) { max(0, $0 - $1) } }

    private func combined(with other: Self, by operation: (Int, Int) -> Int) -> Self {
        Self(bounds: bounds, buckets: zip(buckets, other.buckets).map(operation), sum: operation(sum, other.sum))
    }

    /// The value that this share of them does not exceed: within its bucket by interpolation, as Prometheus'
    /// `histogram_quantile` finds it, so that page and alert show the same. What is beyond the last bound counts as that.
    ///
    /// - Parameter share: 0 to 1.
    /// - Returns: nil if there is none.
    func quantile(_ share: Double) -> Double? {
        let total = buckets.reduce(0, +)
        guard total > 0, let last = bounds.last else { return nil }
        let rank = share * Double(total)
        var below = 0
        for (place, count) in buckets.enumerated() where count > 0 {
            guard Double(below + count) >= rank else {
                below += count
                continue
            }
            guard place < bounds.count else { break }
            let lower = place == 0 ? 0 : Double(bounds[place - 1])
            return lower + (Double(bounds[place]) - lower) * max(0, rank - Double(below)) / Double(count)
        }
        return Double(last)
    }
}
#endif
