import Synchronization

/// Sends a second attempt beside one that is slow, and takes the first that succeeds.
///
/// The gate is that of a retry: what is sent twice must be repeatable, and each hedge draws on the budget, so that a
/// dependency which is slow because it drowns is not given twice the load. The attempts that lose are cancelled and
/// waited for.
///
/// The attempts of one call run side by side, so the operation is `Sendable`: what two attempts share, the compiler checks.
/// Called on an actor, they run there, one at a time between their waits.
public final class Hedge: Sendable {
    public let configuration: HedgeConfiguration
    private let budget: RetryBudget
    private let clock: any TimeSource
    private let latency = Mutex(LatencyQuantile())

    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        configuration: HedgeConfiguration = HedgeConfiguration(), budget: RetryBudget,
        clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
        self.budget = budget
        self.clock = clock
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
    /// - Parameter repeatability: Why the operation may be sent twice.
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
        switch configuration.delay {
        case .fixed(let duration): duration
        case .observed(let quantile, let minimum, let until):
            latency.withLock { $0.seen >= minimum ? $0.value(at: quantile) : until }
        }
    }

    /// Takes in how long an attempt took that succeeded, for drivers other than this class.
    package func observe(_ duration: Duration) {
        if observes { latency.withLock { $0.record(duration) } }
    }

    private var observes: Bool { if case .observed = configuration.delay { true } else { false } }

    private enum Event<R: Sendable>: Sendable {
        case succeeded(R, after: Duration)
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
        return try await withThrowingTaskGroup(of: Event<R>.self) { group in
            func send(_ number: Int) {
                var attempt = attempt
                if number > 1 { attempt.number = number }
                let numbered = attempt
                group.addTask {
                    guard let isolation else { return await Self.event(of: numbered, clock, operation) }
                    return await Self.event(on: isolation, of: numbered, clock, operation)
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
                    guard case .send(let number) = machine.delayPassed(withdraw: { budget.withdraw(.hedge) }) else {
                        continue
                    }
                    send(number)
                    if machine.mayHedge { startTimer() }
                case .timerEnded:
                    continue
                case .succeeded(let value, let duration):
                    group.cancelAll()
                    if observes { latency.withLock { $0.record(duration) } }
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

    private static func event<R: Sendable>(
        on actor: isolated any Actor, of attempt: Attempt, _ clock: any TimeSource,
        _ operation: nonisolated(nonsending) @Sendable (Attempt) async throws -> R
    ) async -> Event<R> {
        await event(of: attempt, clock, operation)
    }

    nonisolated(nonsending) private static func event<R: Sendable>(
        of attempt: Attempt, _ clock: any TimeSource,
        _ operation: nonisolated(nonsending) @Sendable (Attempt) async throws -> R
    ) async -> Event<R> {
        let began = clock.now
        do {
            let value = try await operation(attempt)
            return .succeeded(value, after: began.duration(to: clock.now))
        } catch {
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
