/// Decides whether a dependency can afford one more retry. A value without clock or lock.
public struct RetryBudgetMachine: Sendable, Hashable {
    /// What a withdrawal is for.
    public enum Use: String, Sendable, Hashable, CaseIterable {
        case retry
        /// A retry after the receiver asked for patience.
        case throttledRetry = "throttled-retry"
        case hedge
        case probe

        package init(retryAfter failure: FailureClass) {
            if case .rejected = failure { self = .throttledRetry } else { self = .retry }
        }
    }

    public let configuration: RetryBudgetConfiguration
    /// How many retries, hedges and probes were refused since the start.
    public private(set) var refused = 0
    /// What the rule of the ratio has counted; nil with the rule of the tokens.
    private var ratio: RatioBudget?
    /// The tokens left; zero with the rule of the ratio.
    private var balance = 0

    /// - Parameter configuration: Already validated by the caller.
    public init(configuration: RetryBudgetConfiguration) {
        self.configuration = configuration
        switch configuration.rule {
        case .ratio(let rule): ratio = RatioBudget(rule)
        case .tokens(let tokens): balance = tokens.capacity
        }
    }

    /// Counts real calls: first attempts of operations.
    public mutating func called(_ count: Int = 1, at now: MonotonicInstant) {
        ratio?.called(count, at: now)
    }

    /// Asks for one retry, hedge or probe. Ask before waiting, so that nobody waits for a retry that will not be made.
    ///
    /// - Returns: Whether it may be made; if so, it has been counted.
    public mutating func withdraw(_ use: RetryBudgetMachine.Use = .retry, at now: MonotonicInstant) -> Bool {
        let isGranted: Bool
        switch configuration.rule {
        case .ratio:
            isGranted = ratio?.withdraw(at: now) ?? false
        case .tokens(let tokens):
            let cost = tokens.cost(of: use)
            isGranted = cost <= balance
            if isGranted { balance -= cost }
        }
        if !isGranted { refused += 1 }
        return isGranted
    }

    /// Takes in that a call succeeded: at its first attempt, or after what was withdrawn for it.
    public mutating func refund(_ use: RetryBudgetMachine.Use?) {
        guard case .tokens(let tokens) = configuration.rule else { return }
        balance = min(tokens.capacity, balance + (use.map(tokens.cost) ?? tokens.refund))
    }

    /// How many retries could be made now.
    public mutating func balance(at now: MonotonicInstant) -> Int {
        switch configuration.rule {
        case .ratio: ratio?.balance(at: now) ?? 0
        case .tokens(let tokens): balance / tokens.retryCost
        }
    }

    /// Whether a refund would change nothing.
    package var isFull: Bool {
        guard case .tokens(let tokens) = configuration.rule else { return true }
        return balance == tokens.capacity
    }
}

extension RetryBudgetConfiguration.Tokens {
    package func cost(of use: RetryBudgetMachine.Use) -> Int { use == .throttledRetry ? throttleCost : retryCost }
}
