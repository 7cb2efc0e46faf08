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
    private let rule: Backoff.Rule?

    /// - Parameters:
    ///   - configuration: The options.
    ///   - budget: What retries are paid from: one for each dependency, shared by its callers.
    ///   - classifier: As a stage of a ``Policy``, which errors are worth another attempt (<doc:Retries>). Default:
    ///     ``FailureClassifier/anyError``. ``run(repeatable:on:deadline:_:)`` is told for each call.
    ///   - rule: How long to wait, by the failure and the attempt, in place of the backoff. Default: as the backoff
    ///     says.
    ///   - clock: What time is measured on.
    ///   - jitter: What waits are drawn from.
    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        configuration: RetryConfiguration, budget: RetryBudget, on classifier: FailureClassifier = .anyError,
        waiting rule: Backoff.Rule? = nil, clock: any TimeSource = MonotonicClock(),
        jitter: JitterSource = JitterSource()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
        self.budget = budget
        self.classifier = classifier
        self.clock = clock
        self.jitter = jitter
        self.rule = rule
    }

    /// Builds a retry from the options that matter most; the others keep their defaults.
    public init(
        _ backoff: Backoff, attempts: Int = 3, budget: RetryBudget,
        on classifier: FailureClassifier = .anyError, clock: any TimeSource = MonotonicClock()
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
        try await run(Attempt(repeatability: repeatability), on: classifier, deadline: deadline, operation)
    }

    /// Makes the operation until its result is a success or a bound is met.
    ///
    /// ```swift
    /// let balance = try await retry.run(
    ///     repeatable: .idempotent, on: .anyError, judgingResult: { $0 < 0 ? .failed(.failed) : .succeeded }
    /// ) { _ in try await client.balance() }
    /// print(balance)
    /// ```
    ///
    /// - Parameters:
    ///   - repeatability: Why the operation may be made again.
    ///   - classifier: What each error proves, and which errors are not worth another attempt.
    ///   - deadline: When the call ends at the latest.
    ///   - judgeResult: Which results are failures. One that is left when a bound is met is returned, as the result
    ///     that it is.
    ///   - operation: One attempt.
    /// - Throws: ``CallFailure`` if the last attempt threw.
    nonisolated(nonsending) public func run<R>(
        repeatable repeatability: Repeatability, on classifier: FailureClassifier, deadline: MonotonicInstant? = nil,
        judgingResult judgeResult: (R) -> ResultVerdict,
        _ operation: nonisolated(nonsending) (_ attempt: Attempt) async throws -> R
    ) async throws -> R {
        var held: R?
        do {
            return try await run(Attempt(repeatability: repeatability), on: classifier, deadline: deadline) { attempt in
                try kept(try await operation(attempt), ifFailed: judgeResult, in: &held)
            }
        } catch {
            return try result(held: held, insteadOf: error)
        }
    }

    @inlinable
    nonisolated(nonsending) func run<R, Failure: Error>(
        _ attempt: Attempt, on classifier: FailureClassifier, deadline: MonotonicInstant?,
        _ operation: nonisolated(nonsending) (_ attempt: Attempt) async throws(Failure) -> R
    ) async throws(CallFailure<Failure>) -> R {
        budget.called()
        var attempt = attempt
        attempt.budget = ObjectIdentifier(budget)
        let failure: Failure
        do throws(Failure) {
            let result = try await operation(attempt)
            budget.succeeded()
            if HoldfastEvents.isHeard { tell(of: attempt, failure: nil) }
            return result
        } catch {
            failure = error
        }
        return try await again(after: failure, attempt, on: classifier, deadline: deadline, operation)
    }

    @usableFromInline
    func tell(of attempt: Attempt, failure: (any Error)?) {
        HoldfastEvents.tell(.attempt(call: attempt.context?.name, number: attempt.number, failure: failure))
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
        var configuration = configuration
        if let attempts = attempt.options.attempts { configuration.attempts = attempts }
        var machine = RetryMachine(
            configuration: configuration, repeatability: attempt.repeatability,
            deadline: [deadline, limit].compactMap { $0 }.min(), isRetriedAbove: above.retriesAbove > 0)
        var generator = jitter.generator
        var attempt = attempt
        var failures = [first]
        while true {
            let failure = failures[failures.count - 1]
            tell(of: attempt, failure: failure)
            attempt.add(failure)
            let use: RetryBudget.Use
            switch decision(after: failure, &machine, &generator, on: classifier) {
            case .stop(let reason, let refused):
                throw gaveUp(failures, because: reason, refused, attempt)
            case .again(let wait, let isFor):
                use = isFor
                let (name, number) = (attempt.context?.name, machine.attempt)
                HoldfastEvents.tell(.retry(call: name, number: number, wait: wait, after: failure))
                do {
                    if wait > .zero { try await clock.sleep(for: wait, as: .backoff) }
                    // A caller may leave as the wait ends.
                    try Task.checkCancellation()
                } catch {
                    throw gaveUp(failures, because: .cancelled, nil, attempt)
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
                tell(of: attempt, failure: nil)
                return result
            } catch {
                failures.append(error)
            }
        }
    }

    private enum Decision {
        case again(after: Duration, for: RetryBudget.Use)
        case stop(RetryMachine.StopReason, refused: RetryBudget.Use? = nil)
    }

    /// What follows a failure: what the machine says, if there is anything to ask it.
    private func decision(
        after failure: any Error, _ machine: inout RetryMachine, _ generator: inout JitterSource.Generator,
        on classifier: FailureClassifier
    ) -> Decision {
        if Task.isCancelled || ErrorMeaning(of: failure).isCancellation { return .stop(.cancelled) }
        let judged = failure as? any JudgedFailure
        if let judged, judged.isFinal { return .stop(.notRepeatable) }
        // The caller used the policy wrongly, and would do so again.
        if failure is PolicyError { return .stop(.notClassified) }
        guard let failureClass = judged?.failureClass ?? classifier.classify(failure) else {
            return .stop(.notClassified)
        }
        let wasRepeated = (failure as? any RetriedError)?.wasRepeated ?? false
        let use = RetryBudget.Use(retryAfter: failureClass)
        let (rule, attempt) = (rule, machine.attempt)
        let decision = machine.next(
            after: failureClass, wasRetriedBelow: wasRepeated, at: clock.now, waiting: rule?(failure, attempt),
            using: &generator
        ) { budget.withdraw(use) }
        switch decision {
        case .stop(let reason): return .stop(reason, refused: reason == .budgetExhausted ? use : nil)
        case .again(let wait): return .again(after: wait, for: use)
        }
    }

    private func gaveUp<Failure: Error>(
        _ failures: [Failure], because reason: RetryMachine.StopReason, _ refused: RetryBudget.Use?, _ attempt: Attempt
    ) -> CallFailure<Failure> {
        let failure = CallFailure(failures, because: reason)
        if HoldfastEvents.isHeard {
            let name = attempt.context?.name
            if let refused { HoldfastEvents.tell(.budgetRefused(call: name, refused)) }
            HoldfastEvents.tell(
                .stopped(call: name, attempts: failures.count, reason: reason, after: failure.last))
        }
        return failure
    }
}

extension Retry: PolicyStage {
    public var shape: PolicyShape { PolicyShape(.retry, "\(configuration)") }

    @inlinable
    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        do {
            return try await run(attempt, on: stageClassifier, deadline: nil, next)
        } catch {
            throw misuse(in: error) ?? error
        }
    }

    /// A policy that is used wrongly is no failure of the call, and is thrown as it is.
    @usableFromInline
    func misuse(in failure: CallFailure<any Error>) -> (any Error)? { failure.last as? PolicyError }

    @usableFromInline var stageClassifier: FailureClassifier { classifier }
}
