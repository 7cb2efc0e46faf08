import Synchronization

/// A bound on retries in proportion to real calls, shared by every caller of one dependency.
///
/// Attempts bound what one caller does; the budget bounds what all of them do together, which is what decides whether
/// a dependency that falters gets the chance to recover. Make one for each dependency, once, and hand it to every
/// retry that calls it.
public final class RetryBudget: Sendable {
    private let clock: any TimeSource
    private let machine: Mutex<RetryBudgetMachine>

    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        configuration: RetryBudgetConfiguration = RetryBudgetConfiguration(), clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.clock = clock
        machine = Mutex(RetryBudgetMachine(configuration: configuration))
    }

    /// What a budget looked like at one moment.
    public struct Snapshot: Sendable, Hashable {
        /// How many retries could be made now.
        public let balance: Int
        /// How many retries were refused since the start.
        public let refused: Int
    }

    /// Counts a real call: the first attempt of an operation.
    public func deposit() {
        let now = clock.now
        machine.withLock { $0.deposit(at: now) }
    }

    /// Asks for one retry, before waiting for it.
    ///
    /// - Returns: Whether the retry may be made; if so, it has been counted.
    public func withdraw() -> Bool {
        let now = clock.now
        return machine.withLock { $0.withdraw(at: now) }
    }

    /// What the budget looks like now.
    public func snapshot() -> Snapshot {
        let now = clock.now
        return machine.withLock { Snapshot(balance: $0.balance(at: now), refused: $0.refused) }
    }
}
