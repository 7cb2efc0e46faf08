/// Makes an operation again after a failure, when there is a reason to believe that this is safe, and bounded by
/// attempts, a deadline and a budget.
///
/// ```swift
/// let budget = try RetryBudget()
/// let retry = try Retry(.exponential(from: .milliseconds(50), cap: .seconds(2)), attempts: 4, budget: budget)
/// let receipt = try await retry.run(repeatable: .keyed(key), on: .anyError) { attempt in
///     try await client.charge(order, key: key)
/// }
/// ```
public struct Retry: Sendable {
    public let configuration: RetryConfiguration
    @usableFromInline let budget: RetryBudget
    private let classifier: FailureClassifier
    private let clock: any TimeSource
    private let jitter: JitterSource

    /// - Parameters:
    ///   - classifier: As a stage of a ``Policy``, which errors are worth another attempt. Default: those that say
    ///     themselves what they prove. ``run(repeatable:on:deadline:_:)`` is told for each call.
    ///   - jitter: What waits are drawn from.
    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        configuration: RetryConfiguration, budget: RetryBudget, on classifier: FailureClassifier = .classifiedErrors,
        clock: any TimeSource = MonotonicClock(), jitter: JitterSource = JitterSource()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
        self.budget = budget
        self.classifier = classifier
        self.clock = clock
        self.jitter = jitter
    }

    /// Builds a retry from the options that matter most; the others keep their defaults.
    public init(
        _ backoff: Backoff, attempts: Int = 3, budget: RetryBudget,
        on classifier: FailureClassifier = .classifiedErrors, clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        var configuration = RetryConfiguration()
        configuration.backoff = backoff
        configuration.attempts = attempts
        try self.init(configuration: configuration, budget: budget, on: classifier, clock: clock)
    }

    /// Makes the operation until it succeeds or a bound is met.
    ///
    /// - Parameters:
    ///   - repeatability: Why the operation may be made again.
    ///   - classifier: What each error proves, and which errors are not worth another attempt.
    ///   - deadline: When the call ends at the latest. No wait goes past it, nor past a limit of the ``Lineage``; an
    ///     attempt in progress is not cut.
    ///   - operation: One attempt. It is told its number, and the failures before it.
    /// - Throws: ``CallFailure``, which holds the last real failure and those before it.
    @inlinable
    nonisolated(nonsending) public func run<R, Failure: Error>(
        repeatable repeatability: Repeatability, on classifier: FailureClassifier, deadline: MonotonicInstant? = nil,
        _ operation: nonisolated(nonsending) (_ attempt: Attempt) async throws(Failure) -> R
    ) async throws(CallFailure<Failure>) -> R {
        budget.called()
        let failure: Failure
        do throws(Failure) {
            let result = try await operation(Attempt(repeatability: repeatability))
            budget.succeeded()
            return result
        } catch {
            failure = error
        }
        return try await again(
            after: failure, Attempt(repeatability: repeatability), on: classifier, deadline: deadline, operation)
    }

    /// All that follows a first attempt that failed.
    @usableFromInline
    nonisolated(nonsending) func again<R, Failure: Error>(
        after first: Failure, _ attempt: Attempt, on classifier: FailureClassifier, deadline: MonotonicInstant?,
        _ operation: nonisolated(nonsending) (_ attempt: Attempt) async throws(Failure) -> R
    ) async throws(CallFailure<Failure>) -> R {
        let above = Lineage.current
        // A limit on another clock ends when what is left of it has passed on this one.
        let limit = above.limit?.instant(on: clock)
        var machine = RetryMachine(
            configuration: configuration, repeatability: attempt.repeatability,
            deadline: [deadline, limit].compactMap { $0 }.min())
        var generator = jitter.generator
        var attempt = attempt
        var failures = [first]
        while true {
            let failure = failures[failures.count - 1]
            attempt.failures.append(failure)
            if Task.isCancelled || ErrorMeaning(of: failure).isCancellation {
                throw CallFailure(failures, because: .cancelled)
            }
            guard let failureClass = classifier.classify(failure) else {
                throw CallFailure(failures, because: .notClassified)
            }
            if configuration.nesting == .oneLayer, above.retriesAbove > 0 || failure is any RetriedError {
                throw CallFailure(failures, because: .nested)
            }
            let use = RetryBudget.Use(retryAfter: failureClass)
            let decision = machine.next(after: failureClass, at: clock.now, using: &generator) { budget.withdraw(use) }
            switch decision {
            case .stop(let reason):
                throw CallFailure(failures, because: reason)
            case .again(let wait):
                do {
                    if wait > .zero {
                        try await clock.sleep(for: wait, as: .backoff)
                    } else {
                        try Task.checkCancellation()
                    }
                } catch {
                    throw CallFailure(failures, because: .cancelled)
                }
            }
            attempt.number = machine.attempt
            do throws(Failure) {
                // Below it, it is known that a retry is at work.
                let below = LineageFrame.Fact.attempt(attempt.number, budget)
                let result = try await LineageFrame.run(below) { () async throws(Failure) -> R in
                    try await operation(attempt)
                }
                budget.succeeded(after: use)
                return result
            } catch {
                failures.append(error)
            }
        }
    }
}

extension Retry: PolicyStage {
    public var shape: PolicyShape { PolicyShape(.retry, "\(configuration)") }

    @inlinable
    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        try await run(repeatable: attempt.repeatability, on: stageClassifier, deadline: nil, next)
    }

    @usableFromInline var stageClassifier: FailureClassifier { classifier }
}
