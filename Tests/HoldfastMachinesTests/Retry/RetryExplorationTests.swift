import TestSupport
import Testing

@testable import HoldfastMachines

/// Walks every schedule that a call can have, and every history that a small budget can have.
@Suite struct RetryExplorationTests {
    private struct Schedule: Hashable {
        var machine: RetryMachine
        var now = MonotonicInstant(nanoseconds: 0)
        /// Whether the failure that came last allows no repetition, or a bound was met.
        var isOver = false
    }

    private static let failures: [FailureClass] = [
        .notSent(), .notSent(retryAfter: .seconds(1)), .notSent(retryAfter: .seconds(60)), .rejected(),
        .rejected(retryAfter: .seconds(2)), .rejected(retryAfter: .seconds(Int64.max)), .failed, .unknown,
    ]

    private static let configuration = {
        var configuration = RetryConfiguration()
        configuration.attempts = 4
        configuration.backoff = .exponential(from: .milliseconds(500), cap: .seconds(2), jitter: .full)
        configuration.retryAfterLimit = .seconds(5)
        return configuration
    }()

    private func follow(_ schedule: Schedule, _ failure: FailureClass, took: Duration, grants: Bool) -> Schedule {
        var next = schedule
        var generator = SplitMix64(seed: UInt64(schedule.machine.attempt))
        var asked = 0
        let now = schedule.now.advanced(by: took)
        let decision = next.machine.next(after: failure, at: now, using: &generator) {
            asked += 1
            return grants
        }
        switch decision {
        case .again(let wait):
            next.now = now.advanced(by: wait)
            #expect(schedule.machine.repeatability.allows(repeatAfter: failure), "what acts twice is made again")
            #expect(next.machine.attempt == schedule.machine.attempt + 1 && next.machine.attempt <= 4)
            #expect(asked == 1 && grants, "the budget is asked once for each retry")
            #expect(wait >= .zero && wait <= .seconds(2 + 5), "a wait of \(wait)")
            if let deadline = schedule.machine.deadline { #expect(next.now < deadline, "it sleeps past the deadline") }
        case .stop(let reason):
            next.isOver = true
            #expect(asked == (reason == .budgetExhausted ? 1 : 0), "what is not made costs nothing")
            #expect(next.machine.attempt == schedule.machine.attempt)
        }
        return next
    }

    @Test(arguments: [nil, Duration.seconds(3)], [Repeatability.once, .idempotent])
    func `no schedule breaks a bound`(deadline: Duration?, repeatability: Repeatability) {
        let start = Schedule(
            machine: RetryMachine(
                configuration: Self.configuration, repeatability: repeatability,
                deadline: deadline.map(MonotonicInstant(nanoseconds: 0).advanced)))
        let walk = Walk(from: start, shape: { $0 }) { schedule in
            guard !schedule.isOver else { return [] }
            return Self.failures.flatMap { failure in
                [Duration.zero, .seconds(1), .seconds(Int64.max)].flatMap { took in
                    [true, false].map { (follow(schedule, failure, took: took, grants: $0), true) }
                }
            }
        }
        print("walked all \(walk.nodes.count) schedules of a retry")
        #expect(walk.nodes.allSatisfy { $0.machine.attempt <= 4 })
        #expect(walk.stuck { $0.isOver }.isEmpty, "every call ends")
    }

    // MARK: Budget

    private struct Account: Hashable {
        var budget: RetryBudgetMachine
        /// When there was a call, and when a retry, in tenths of the window.
        var calls: [Int] = []
        var retries: [Int] = []
        var tenth = 0
        var now: MonotonicInstant { MonotonicInstant(nanoseconds: Int64(tenth) * 100_000_000) }
    }

    @Test func `the ratio's budget grants what a list of all calls would and never more`() {
        let configuration = RetryBudgetConfiguration.ratio(0.5, reservePerSecond: 1, over: .seconds(1))
        let start = Account(budget: RetryBudgetMachine(configuration: configuration))
        let walk = Walk(from: start, depth: 7, shape: { $0 }) { account in
            func isRecent(_ tenth: Int) -> Bool { tenth > account.tenth - 10 }
            let (calls, retries) = (account.calls.count(where: isRecent), account.retries.count(where: isRecent))
            var called = account
            called.budget.called(at: account.now)
            called.calls.append(account.tenth)
            var withdrawn = account
            let isGranted = withdrawn.budget.withdraw(at: account.now)
            #expect(isGranted == (0.5 * Double(calls) + 1 - Double(retries) >= 1))
            if isGranted { withdrawn.retries.append(account.tenth) }
            return [called, withdrawn].map { ($0, true) }
                + [1, 9, 1_000].map { step in
                    var moved = account
                    moved.tenth += step
                    return (moved, true)
                }
        }
        print("walked \(walk.nodes.count) histories of a ratio's budget")
        #expect(walk.nodes.count > 10_000)
    }

    @Test func `the tokens never leave their range and every grant is paid`() {
        var tokens = RetryBudgetConfiguration.Tokens()
        (tokens.capacity, tokens.retryCost, tokens.throttleCost, tokens.refund) = (30, 14, 5, 3)
        let configuration = RetryBudgetConfiguration.tokens(tokens)
        struct Purse: Hashable {
            var budget: RetryBudgetMachine
            var tokens = 30
        }
        let now = MonotonicInstant(nanoseconds: 0)
        let uses: [RetryBudgetMachine.Use] = [.retry, .throttledRetry, .hedge, .probe]
        let walk = Walk(
            from: Purse(budget: RetryBudgetMachine(configuration: configuration)), depth: 40, shape: \.tokens
        ) { purse in
            var next: [Purse] = []
            for use in uses {
                let cost = use == .throttledRetry ? 5 : 14
                var withdrawn = purse
                let isGranted = withdrawn.budget.withdraw(use, at: now)
                #expect(isGranted == (purse.tokens >= cost))
                if isGranted { withdrawn.tokens -= cost }
                var refunded = withdrawn
                refunded.budget.refund(use)
                refunded.tokens = min(30, refunded.tokens + cost)
                next += [withdrawn, refunded]
            }
            var succeeded = purse
            succeeded.budget.refund(nil)
            succeeded.tokens = min(30, purse.tokens + 3)
            next.append(succeeded)
            for var purse in next { expectBalance(of: &purse.budget, purse.tokens / 14) }
            return next.map { ($0, true) }
        }
        print("walked all \(walk.nodes.count) balances of a budget of tokens")
        #expect(walk.nodes.allSatisfy { (0...30).contains($0.tokens) })
        #expect(walk.stuck { $0.tokens >= 14 }.isEmpty, "successes always bring it back")

        func expectBalance(of budget: inout RetryBudgetMachine, _ expected: Int) {
            let balance = budget.balance(at: now)
            #expect(balance == expected)
        }
    }
}
