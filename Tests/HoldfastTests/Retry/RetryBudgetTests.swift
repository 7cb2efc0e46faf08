import Holdfast
import HoldfastTesting
import Synchronization
import Testing

@Suite struct RetryBudgetTests {
    private let clock = ManualClock()

    private func budget(ratio: Double, reserve: Int = 0, window: Duration = .seconds(10)) throws -> RetryBudget {
        try RetryBudget(configuration: .ratio(ratio, reservePerSecond: reserve, over: window), clock: clock)
    }

    @Test func `five calls at a fifth are one retry`() throws {
        let budget = try budget(ratio: 0.2)
        for call in 1...5 {
            budget.called()
            #expect(budget.snapshot().balance == call / 5)
        }
        #expect(budget.withdraw())
        #expect(!budget.withdraw())
        #expect(budget.snapshot().refused == 1)
    }

    @Test func `a refusal costs nothing`() throws {
        let budget = try budget(ratio: 1)
        for _ in 0..<10 { #expect(!budget.withdraw()) }
        budget.called()
        #expect(budget.withdraw())
    }

    @Test func `the reserve lets a quiet caller retry and is not refilled within the window`() throws {
        let budget = try budget(ratio: 0, reserve: 2)
        for _ in 0..<20 { #expect(budget.withdraw()) }
        #expect(!budget.withdraw())
        clock.advance(by: .seconds(9))
        #expect(!budget.withdraw())
        clock.advance(by: .seconds(1))
        #expect(budget.withdraw())
    }

    @Test func `without a ratio and a reserve nothing is made again`() throws {
        let budget = try budget(ratio: 0)
        for _ in 0..<1_000 { budget.called() }
        #expect(!budget.withdraw())
        #expect(budget.snapshot().balance == 0)
    }

    @Test func `calls leave the window bucket by bucket`() throws {
        let budget = try budget(ratio: 1)
        for _ in 0..<10 {
            budget.called()
            // Calls are told to the machine in bunches; whoever asks for the balance has them told at once.
            _ = budget.snapshot()
            clock.advance(by: .seconds(1))
        }
        for left in stride(from: 9, through: 0, by: -1) {
            #expect(budget.snapshot().balance == left)
            clock.advance(by: .seconds(1))
        }
    }

    @Test func `retries that leave the window are available again and calls do not outlive them`() throws {
        let budget = try budget(ratio: 0, reserve: 1, window: .seconds(1))
        #expect(budget.withdraw())
        #expect(!budget.withdraw())
        clock.advance(by: .seconds(1_000_000))
        #expect(budget.withdraw())
        #expect(!budget.withdraw())
    }

    @Test func `the balance is never negative although the calls have left`() throws {
        let budget = try budget(ratio: 1)
        budget.called()
        clock.advance(by: .seconds(5))
        #expect(budget.withdraw())
        clock.advance(by: .seconds(5))
        #expect(budget.snapshot().balance == 0)
    }

    @Test func `eight threads withdraw as much as there is and no more`() throws {
        let budget = try budget(ratio: 0.5)
        let granted = Mutex(0)
        onThreads(8) { _ in
            for _ in 0..<500 { budget.called() }
        }
        onThreads(8) { _ in
            let mine = (0..<1_000).count { _ in budget.withdraw() }
            granted.withLock { $0 += mine }
        }
        #expect(granted.withLock { $0 } == 2_000)
        #expect(budget.snapshot().refused == 6_000)
    }

    @Test func `retries and hedges and probes draw on one budget`() throws {
        var tokens = RetryBudgetConfiguration.Tokens()
        tokens.capacity = 3 * tokens.retryCost
        let budget = try RetryBudget(configuration: .tokens(tokens), clock: clock)
        #expect(budget.withdraw(.retry) && budget.withdraw(.hedge) && budget.withdraw(.probe))
        #expect(RetryBudgetMachine.Use.allCases.allSatisfy { !budget.withdraw($0) })
        #expect(budget.snapshot().refused == 4)
        budget.succeeded(after: .hedge)
        #expect(budget.snapshot().balance == 1)
    }

    @Test func `tokens that were never used cost a success nothing`() throws {
        let budget = try RetryBudget(configuration: .tokens(), clock: clock)
        for _ in 0..<10 { budget.succeeded() }
        #expect(budget.snapshot().balance == 500 / 14)
    }
}
