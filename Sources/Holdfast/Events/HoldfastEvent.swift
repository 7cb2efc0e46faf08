/// Something that a policy did or met. One listener hears of all of them: ``HoldfastEvents``.
public enum HoldfastEvent: Sendable {
    /// An attempt of a ``Retry`` ended: with a failure, or without one.
    ///
    /// - `call`: The name of the ``Policy`` that the call goes through; nil without one.
    /// - `number`: The attempt's, from 1.
    case attempt(call: String?, number: Int, failure: (any Error)?)
    /// The operation will be made again, as this attempt, after a wait.
    case retry(call: String?, number: Int, wait: Duration, after: any Error)
    /// A retry gives up after so many attempts.
    case stopped(call: String?, attempts: Int, reason: RetryMachine.StopReason, after: any Error)
    /// A policy of our own did not admit a call.
    case rejection(Explanation)
    /// A limit in time was met.
    case timeout(TimeLimit)
    /// Another attempt is sent, with this number, beside one that is slow.
    case hedge(call: String?, number: Int)
    /// A breaker changed its state.
    case change(breaker: String, CircuitBreaker.Change)
    /// A budget refused a retry or a hedge.
    case budgetRefused(call: String?, RetryBudget.Use)

    /// The kind of event: stable and of low cardinality, good as a metric's label.
    public var label: String {
        switch self {
        case .attempt: "attempt"
        case .retry: "retry"
        case .stopped: "stopped"
        case .rejection: "rejection"
        case .timeout: "timeout"
        case .hedge: "hedge"
        case .change: "change"
        case .budgetRefused: "budget-refused"
        }
    }
}
