import Synchronization

/// Sends a second attempt beside one that is slow, and takes the first that succeeds.
///
/// The gate is that of a retry: what is sent twice must be repeatable, and each hedge draws on the budget, so that a
/// dependency which is slow because it drowns is not given twice the load. The calls that it makes earn for the budget,
/// and one whose hedge answers gives back what the hedge cost. Under a ``Retry`` of the same policy, with the same budget,
/// the retry has counted the call, and the hedge does not count it again. The attempts that lose are cancelled and
/// waited for.
///
/// The attempts of one call run side by side, so the operation is `Sendable`: what two attempts share, the compiler checks.
/// Called on an actor, they run there, one at a time between their waits.
public final class Hedge: Sendable {
    public let configuration: HedgeConfiguration
    private let budget: RetryBudget
    private let clock: any TimeSource
    private let learnt: Mutex<HedgeDelayMachine>

    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        configuration: HedgeConfiguration = HedgeConfiguration(), budget: RetryBudget,
        clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
        self.budget = budget
        self.clock = clock
        learnt = Mutex(HedgeDelayMachine(configuration: configuration))
    }

    /// Hedges after a fixed time.
    public convenience init(
        after delay: Duration, budget: RetryBudget, clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        var configuration = HedgeConfiguration()
        configuration.delay = .fixed(delay)
        try self.init(configuration: configuration, budget: budget, clock: clock)
    }

    /// Makes one call.
    ///
    /// - Parameters:
    ///   - repeatability: Why the operation may be sent twice.
    ///   - operation: One attempt.
    /// - Throws: ``PolicyError`` when it is ``Repeatability/once``; otherwise the last attempt's error.
    nonisolated(nonsending) public func run<R: Sendable>(
        repeatable repeatability: Repeatability,
        @_inheritActorContext @_implicitSelfCapture
        _ operation: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        try await run(Attempt(repeatability: repeatability), concurrently: operation)
    }

    /// How long an attempt may take before another is sent beside it.
    public var delay: Duration {
        if case .fixed(let duration) = configuration.delay { return duration }
        return learnt.withLock(\.delay)
    }

    /// Takes in that a call's first attempt ended: ``HedgeDelayMachine/firstEnded(after:succeeded:)``.
    package func firstEnded(after age: Duration, succeeded: Bool) {
        if case .fixed = configuration.delay { return }
        learnt.withLock { $0.firstEnded(after: age, succeeded: succeeded) }
    }

    private enum Event<R: Sendable>: Sendable {
        case succeeded(R, number: Int)
        case failed(any Error)
        case delayPassed
        case timerEnded
    }

    private func race<R: Sendable>(
        isolation: isolated (any Actor)?, _ attempt: Attempt,
        _ operation: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        var machine = HedgeMachine(hedges: configuration.hedges)
        let (clock, delay) = (clock, delay)
        // A retry above that draws on the same budget has told it of the call.
        let isTold = attempt.budget == ObjectIdentifier(budget)
        if !isTold, attempt.number == 1 { budget.called() }
        return try await withThrowingTaskGroup(of: Event<R>.self) { group in
            func send(_ number: Int) {
                var attempt = attempt
                if number > 1 { attempt.number = number }
                let numbered = attempt
                group.addTask {
                    guard let isolation else { return await self.event(number, numbered, operation) }
                    return await self.event(on: isolation, number, numbered, operation)
                }
            }
            func startTimer() {
                group.addTask {
                    do {
                        try await clock.sleep(for: delay, as: .hedge)
                        return .delayPassed
                    } catch {
                        return .timerEnded
                    }
                }
            }
            send(1)
            startTimer()
            while let event = try await group.next() {
                switch event {
                case .delayPassed:
                    // A caller may leave as the delay ends.
                    guard !Task.isCancelled else { continue }
                    let name = attempt.context?.name
                    let decision = machine.delayPassed {
                        if budget.withdraw(.hedge) { return true }
                        HoldfastEvents.tell(.budgetRefused(call: name, .hedge))
                        return false
                    }
                    guard case .send(let number) = decision else { continue }
                    HoldfastEvents.tell(.hedge(call: name, number: number))
                    send(number)
                    if machine.mayHedge { startTimer() }
                case .timerEnded:
                    continue
                case .succeeded(let value, let number):
                    group.cancelAll()
                    if number > 1 || !isTold { budget.succeeded(after: number > 1 ? .hedge : nil) }
                    return value
                case .failed(let error):
                    guard machine.ended(succeeded: false) == .end else { continue }
                    group.cancelAll()
                    throw error
                }
            }
            throw CancellationError()
        }
    }

    private func event<R: Sendable>(
        on actor: isolated any Actor, _ number: Int, _ attempt: Attempt,
        _ operation: nonisolated(nonsending) @Sendable (Attempt) async throws -> R
    ) async -> Event<R> {
        await event(number, attempt, operation)
    }

    nonisolated(nonsending) private func event<R: Sendable>(
        _ number: Int, _ attempt: Attempt,
        _ operation: nonisolated(nonsending) @Sendable (Attempt) async throws -> R
    ) async -> Event<R> {
        let began = clock.now
        do {
            let value = try await operation(attempt)
            if number == 1 { firstEnded(after: began.duration(to: clock.now), succeeded: true) }
            return .succeeded(value, number: number)
        } catch {
            if number == 1 { firstEnded(after: began.duration(to: clock.now), succeeded: false) }
            return .failed(error)
        }
    }
}

extension Hedge: ConcurrentPolicyStage {
    public var shape: PolicyShape { PolicyShape(.hedge, "\(configuration)", instance: self) }

    nonisolated(nonsending) public func run<R: Sendable>(
        _ attempt: Attempt, concurrently next: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
    ) async throws -> R {
        guard attempt.repeatability != .once else { throw PolicyError.hedgeOfOnce }
        return try await race(isolation: #isolation, attempt, next)
    }
}
