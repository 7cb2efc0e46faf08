/// What a policy had counted when it decided, and the bound that it held the count against.
public enum Evidence: Sendable, Hashable, CustomStringConvertible {
    /// Failures in a row.
    case consecutiveFailures(Int, threshold: Int)
    /// Failed calls among those of a window.
    case failureRate(failed: Int, of: Int, threshold: Double)
    /// Slow calls among those of a window.
    case slowCallRate(slow: Int, of: Int, threshold: Double)
    /// After closing, only a share of the calls is admitted for a while.
    case ramp(admitting: Double)
    /// Operators hold it open: this many.
    case isolated(by: Int)
    /// Calls in progress, and those that wait for their turn.
    case concurrency(inFlight: Int, limit: Int, waiting: Int)
    /// Calls within a stretch of time.
    case rate(limit: Int, per: Duration)
    /// Calls that the dependency accepted, among those that were made.
    case throttle(accepted: Int, of: Int, rejecting: Double)

    /// What was counted.
    public var count: Int {
        switch self {
        case .consecutiveFailures(let count, _), .failureRate(let count, _, _), .slowCallRate(let count, _, _),
            .isolated(let count), .concurrency(let count, _, _), .throttle(let count, _, _):
            count
        case .ramp: 0
        case .rate(let limit, _): limit
        }
    }

    /// The bound: a number of calls, or a share from 0 to 1.
    public var threshold: Double {
        switch self {
        case .consecutiveFailures(_, let threshold): Double(threshold)
        case .failureRate(_, _, let threshold), .slowCallRate(_, _, let threshold): threshold
        case .ramp(let share): share
        case .isolated: 1
        case .concurrency(_, let limit, _), .rate(let limit, _): Double(limit)
        case .throttle(_, _, let probability): probability
        }
    }

    public var description: String {
        switch self {
        case .consecutiveFailures(let count, let threshold):
            count == 1
                ? "1 failure, trips at \(threshold)" : "\(count) consecutive failures, trips at \(threshold)"
        case .failureRate(let failed, let calls, let threshold):
            "\(failed) of \(calls) calls failed, trips at \(percent(threshold))"
        case .slowCallRate(let slow, let calls, let threshold):
            "\(slow) of \(calls) calls were slow, trips at \(percent(threshold))"
        case .ramp(let share):
            "it has just closed, and admits \(percent(share)) of the calls"
        case .isolated(let handles):
            handles == 1 ? "an operator holds it open" : "\(handles) operators hold it open"
        case .concurrency(let inFlight, let limit, let waiting):
            "\(inFlight) calls in flight of \(limit), \(waiting) waiting"
        case .rate(let limit, let period):
            "\(limit) calls per \(period)"
        case .throttle(let accepted, let calls, let probability):
            "\(accepted) of \(calls) calls were accepted, so \(percent(probability)) are rejected here"
        }
    }
}
