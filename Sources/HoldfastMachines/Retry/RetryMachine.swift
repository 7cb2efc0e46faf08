/// Decides, for one call, what follows a failed attempt. A value without clock, task or I/O.
///
/// A call is bounded three ways: by attempts, by its deadline, by the budget. The budget is asked last and before the
/// wait, so that nothing is withdrawn for a retry that another bound forbids, and nobody waits for a retry that the
/// budget forbids.
public struct RetryMachine: Sendable, Hashable {
    /// Why a call ended without success.
    public enum StopReason: String, Sendable, Hashable {
        /// The failure does not prove that the operation may be made again.
        case notRepeatable = "not-repeatable"
        /// The classifier does not know the error, so it is not worth another attempt. Hand the retry a classifier that
        /// does (`on:`).
        case notClassified = "not-classified"
        /// All attempts were made.
        case attemptsExhausted = "attempts-exhausted"
        /// The wait would have ended past the deadline.
        case deadline
        /// The dependency's callers have made too many retries.
        case budgetExhausted = "budget-exhausted"
        /// A policy of our own rejected the attempt, and asks for a longer wait than the backoff's cap.
        case rejected
        /// A retry above is making the call again already, or one below has given up on it.
        case nested
        /// The caller gave up during the wait.
        case cancelled
    }

    public enum Decision: Sendable, Hashable {
        case again(after: Duration)
        case stop(StopReason)
    }

    public let configuration: RetryConfiguration
    public let repeatability: Repeatability
    public let deadline: MonotonicInstant?
    /// Whether a retry above is at work on the call, and has made it again.
    public let isRetriedAbove: Bool
    /// The attempt in progress, from 1.
    public private(set) var attempt = 1
    /// The wait before the attempt in progress; nil before the first.
    private var previousWait: Duration?

    /// - Parameters:
    ///   - configuration: Already validated by the caller.
    ///   - repeatability: Why the operation may be made again.
    ///   - deadline: When the call ends at the latest.
    ///   - isRetriedAbove: Whether a retry above is at work on the call. Default: no.
    public init(
        configuration: RetryConfiguration, repeatability: Repeatability, deadline: MonotonicInstant?,
        isRetriedAbove: Bool = false
    ) {
        self.configuration = configuration
        self.repeatability = repeatability
        self.deadline = deadline
        self.isRetriedAbove = isRetriedAbove
    }

    /// Takes in that the attempt in progress failed.
    ///
    /// - Parameters:
    ///   - failure: What the failure proves.
    ///   - wasRetriedBelow: Whether a retry below has made the operation again, and has given up on it. Default: no.
    ///   - now: The time.
    ///   - earliest: How long until a policy of our own would admit another attempt. The wait is no shorter, so that a
    ///     breaker that is open is not asked in vain.
    ///   - own: How long a rule of the caller's own would wait (`Backoff.Rule`), in place of the backoff; nil: as the
    ///     backoff says. It is held to 0 to 1 hour, and `Retry-After`, the deadline and the budget bound it as they bound
    ///     the backoff's.
    ///   - generator: What the jitter is drawn from.
    ///   - withdraw: Asks the budget for one retry. Called at most once, and only when all else allows the retry.
    public mutating func next(
        after failure: FailureClass, wasRetriedBelow: Bool = false, at now: MonotonicInstant,
        admittedAfter earliest: @autoclosure () -> Duration = .zero, waiting own: @autoclosure () -> Duration? = nil,
        using generator: inout some RandomNumberGenerator, withdraw: () -> Bool
    ) -> Decision {
        guard !configuration.isMultiplied(above: isRetriedAbove, below: wasRetriedBelow) else { return .stop(.nested) }
        guard repeatability.allows(repeatAfter: failure) else { return .stop(.notRepeatable) }
        guard attempt < configuration.attempts else { return .stop(.attemptsExhausted) }
        let own = own().map { min(max($0, .zero), Backoff.longest) }
        var wait =
            own ?? configuration.backoff.wait(afterAttempt: attempt, previous: previousWait, using: &generator)
        previousWait = wait
        var earliest = earliest()
        switch failure {
        case .notSent(let retryAfter?):
            earliest = max(earliest, retryAfter)
        case .rejected(let retryAfter?):
            wait = min(max(wait, retryAfter), wait + configuration.retryAfterLimit)
        case .notSent(nil), .rejected(nil), .failed, .unknown:
            break
        }
        guard earliest <= max(configuration.backoff.cap, own ?? .zero) else { return .stop(.rejected) }
        wait = max(wait, earliest)
        if let deadline, now.advanced(by: wait) >= deadline { return .stop(.deadline) }
        guard withdraw() else { return .stop(.budgetExhausted) }
        attempt += 1
        return .again(after: wait)
    }
}
