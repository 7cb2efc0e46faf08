public import Synchronization

/// A bound on retries in proportion to real calls, shared by every caller of one dependency.
///
/// Attempts bound what one caller does; the budget bounds what all of them do together, which is what decides whether
/// a dependency that falters gets the chance to recover. Make one for each dependency, once, and hand it to every
/// retry and every hedge that calls it.
public final class RetryBudget: Sendable {
    /// What a withdrawal is for.
    public typealias Use = RetryBudgetMachine.Use

    /// What a budget looked like at one moment.
    public struct Snapshot: Sendable, Hashable {
        /// How many retries could be made now.
        public let balance: Int
        /// How many were refused since the start.
        public let refused: Int
    }

    public let configuration: RetryBudgetConfiguration
    private let clock: any TimeSource
    private let machine: Mutex<RetryBudgetMachine>

    /// Calls that have not been told to the machine yet. Each call would have to read the clock, which costs ten times
    /// what the counting does, so they are told in bunches: at most `bunch - 1` calls count a little later than made.
    @usableFromInline let untold = Atomic<Int>(0)
    @usableFromInline static var bunch: Int { 16 }
    @usableFromInline let isRatio: Bool
    /// Under the rule of tokens: whether a success has something to give back.
    @usableFromInline let isFull = Atomic(true)

    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        configuration: RetryBudgetConfiguration = RetryBudgetConfiguration(), clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
        self.clock = clock
        machine = Mutex(RetryBudgetMachine(configuration: configuration))
        if case .ratio = configuration.rule { isRatio = true } else { isRatio = false }
    }

    /// Counts a real call: the first attempt of an operation.
    @inlinable
    public func called() {
        if isRatio, untold.wrappingAdd(1, ordering: .relaxed).newValue >= Self.bunch { tellAll() }
    }

    @usableFromInline
    func tellAll() {
        let now = clock.now
        machine.withLock { tell(&$0, at: now) }
    }

    /// Asks for one retry, hedge or probe, before waiting for it.
    ///
    /// - Returns: Whether it may be made; if so, it has been counted.
    public func withdraw(_ use: Use = .retry) -> Bool {
        let now = clock.now
        return machine.withLock { machine in
            tell(&machine, at: now)
            let isGranted = machine.withdraw(use, at: now)
            isFull.store(machine.isFull, ordering: .relaxed)
            return isGranted
        }
    }

    /// Counts that a call succeeded.
    ///
    /// - Parameter use: What the attempt that succeeded was withdrawn for; nil if it was the first.
    @inlinable
    public func succeeded(after use: Use? = nil) {
        if !isRatio, !isFull.load(ordering: .relaxed) { refund(use) }
    }

    @usableFromInline
    func refund(_ use: Use?) {
        machine.withLock { machine in
            machine.refund(use)
            isFull.store(machine.isFull, ordering: .relaxed)
        }
    }

    /// What the budget looks like now.
    public func snapshot() -> Snapshot {
        let now = clock.now
        return machine.withLock { machine in
            tell(&machine, at: now)
            return Snapshot(balance: machine.balance(at: now), refused: machine.refused)
        }
    }

    private func tell(_ machine: inout RetryBudgetMachine, at now: MonotonicInstant) {
        let count = untold.exchange(0, ordering: .relaxed)
        if count > 0 { machine.called(count, at: now) }
    }
}
