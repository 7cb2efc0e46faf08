/// Makes an operation again after a failure, when there is a reason to believe that this is safe, and bounded by
/// attempts, a deadline and a budget.
///
/// ```swift
/// let budget = try RetryBudget()
/// let retry = try Retry(.exponential(from: .milliseconds(50), cap: .seconds(2)), attempts: 4, budget: budget)
/// let receipt = try await retry.run(repeatable: .keyed(key), on: .anyError) { attempt in
///     try await client.charge(order, idempotencyKey: key)
/// }
/// ```
public struct Retry: Sendable {
    public let configuration: RetryConfiguration
    private let budget: RetryBudget
    private let clock: any TimeSource

    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        configuration: RetryConfiguration, budget: RetryBudget, clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
        self.budget = budget
        self.clock = clock
    }

    /// Builds a retry from the options that matter most; the others keep their defaults.
    public init(
        _ backoff: Backoff, attempts: Int = 3, budget: RetryBudget, clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        var configuration = RetryConfiguration()
        configuration.backoff = backoff
        configuration.attempts = attempts
        try self.init(configuration: configuration, budget: budget, clock: clock)
    }

    /// Makes the operation until it succeeds or a bound is met.
    ///
    /// - Parameters:
    ///   - repeatability: Why the operation may be made again.
    ///   - classifier: What each error proves, and which errors are not worth another attempt.
    ///   - deadline: When the call ends at the latest. No wait goes past it; an attempt in progress is not cut.
    ///   - operation: One attempt. It is given the attempt's number, from 1.
    /// - Throws: ``CallFailure``, which holds the last real failure and those before it.
    nonisolated(nonsending) public func run<R, Failure: Error>(
        repeatable repeatability: Repeatability, on classifier: FailureClassifier, deadline: MonotonicInstant? = nil,
        _ operation: nonisolated(nonsending) (_ attempt: Int) async throws(Failure) -> R
    ) async throws(CallFailure<Failure>) -> R {
        var machine = RetryMachine(configuration: configuration, repeatability: repeatability, deadline: deadline)
        var generator = SystemRandomNumberGenerator()
        var failures: [Failure] = []
        budget.deposit()
        while true {
            do throws(Failure) {
                return try await operation(machine.attempt)
            } catch {
                failures.append(error)
            }
            // The loop's every round that gets here has just added a failure.
            let failure = failures[failures.count - 1]
            guard let failureClass = classifier.classify(failure) else {
                throw CallFailure(failures, because: failure is CancellationError ? .cancelled : .notRepeatable)
            }
            let decision = machine.next(after: failureClass, at: clock.now, using: &generator) { budget.withdraw() }
            switch decision {
            case .stop(let reason):
                throw CallFailure(failures, because: reason)
            case .again(let wait):
                do {
                    try await clock.sleep(for: wait)
                } catch {
                    throw CallFailure(failures, because: .cancelled)
                }
            }
        }
    }
}
