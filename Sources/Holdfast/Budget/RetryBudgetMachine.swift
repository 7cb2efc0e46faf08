/// Decides whether a dependency can afford one more retry. A value without clock or lock.
public struct RetryBudgetMachine: Sendable, Hashable {
    private enum Rule: Sendable, Hashable {
        case ratio(RatioBudget)
        case tokens(RetryBudgetConfiguration.Tokens, balance: Int)
    }

    public let configuration: RetryBudgetConfiguration
    /// How many retries, hedges and probes were refused since the start.
    public private(set) var refused = 0
    private var rule: Rule

    /// - Parameter configuration: Already validated by the caller.
    public init(configuration: RetryBudgetConfiguration) {
        self.configuration = configuration
        switch configuration.rule {
        case .ratio(let ratio): rule = .ratio(RatioBudget(ratio))
        case .tokens(let tokens): rule = .tokens(tokens, balance: tokens.capacity)
        }
    }

    /// Counts real calls: first attempts of operations.
    public mutating func called(_ count: Int = 1, at now: MonotonicInstant) {
        guard case .ratio(var budget) = rule else { return }
        budget.called(count, at: now)
        rule = .ratio(budget)
    }

    /// Asks for one retry, hedge or probe. Ask before waiting, so that nobody waits for a retry that will not be made.
    ///
    /// - Returns: Whether it may be made; if so, it has been counted.
    public mutating func withdraw(_ use: RetryBudget.Use = .retry, at now: MonotonicInstant) -> Bool {
        let isGranted: Bool
        switch rule {
        case .ratio(var budget):
            isGranted = budget.withdraw(at: now)
            rule = .ratio(budget)
        case .tokens(let tokens, let balance):
            let cost = tokens.cost(of: use)
            isGranted = cost <= balance
            if isGranted { rule = .tokens(tokens, balance: balance - cost) }
        }
        if !isGranted { refused += 1 }
        return isGranted
    }

    /// Takes in that a call succeeded: at its first attempt, or after what was withdrawn for it.
    public mutating func refund(_ use: RetryBudget.Use?) {
        guard case .tokens(let tokens, let balance) = rule else { return }
        let refund = use.map(tokens.cost) ?? tokens.refund
        rule = .tokens(tokens, balance: min(tokens.capacity, balance + refund))
    }

    /// How many retries could be made now.
    public mutating func balance(at now: MonotonicInstant) -> Int {
        switch rule {
        case .ratio(var budget):
            defer { rule = .ratio(budget) }
            return budget.balance(at: now)
        case .tokens(let tokens, let balance):
            return balance / tokens.retryCost
        }
    }

    /// Whether a refund would change nothing.
    var isFull: Bool {
        guard case .tokens(let tokens, let balance) = rule else { return true }
        return balance == tokens.capacity
    }
}

extension RetryBudgetConfiguration.Tokens {
    func cost(of use: RetryBudget.Use) -> Int { use == .throttledRetry ? throttleCost : retryCost }
}
