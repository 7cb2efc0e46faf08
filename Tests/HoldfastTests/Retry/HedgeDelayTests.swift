import Foundation
import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

/// What a hedge learns its delay from, and what it earns and spends.
@Suite struct HedgeDelayTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    enum Latency: CaseIterable {
        case exponential, uniform, longTail, twoKinds

        func draw(_ generator: inout SeededGenerator) -> Duration {
            let random = Double.random(in: 0.000_001..<1, using: &generator)
            let milliseconds =
                switch self {
                case .exponential: -log(random) * 10
                case .uniform: 5 + 10 * random
                // A Pareto with the exponent 1.5.
                case .longTail: 5 / pow(random, 1 / 1.5)
                case .twoKinds: random < 0.9 ? 5 : 200 * random
                }
            return .nanoseconds(Int64(milliseconds * 1_000_000))
        }
    }

    /// Makes calls that are hedged after the machine's delay, and hands in what a driver knows of their first attempts.
    ///
    /// - Returns: The share of the last half that was hedged.
    private func hedged(
        _ latency: Latency, quantile: Double, calls: Int = 40_000, failing: Double = 0,
        cutAt limit: Duration = .seconds(Int64.max)
    ) -> Double {
        var configuration = HedgeConfiguration()
        configuration.delay = .observed(quantile: quantile, atLeast: 100, until: .seconds(1))
        var machine = HedgeDelayMachine(configuration: configuration)
        var generator = SeededGenerator(seed: 9)
        var hedged = 0
        for call in 0..<calls {
            let (delay, first) = (machine.delay, latency.draw(&generator))
            // A failure is quick.
            if Double.random(in: 0..<1, using: &generator) < failing {
                machine.firstEnded(after: .microseconds(10), succeeded: false)
                continue
            }
            let answer = min(first, delay + latency.draw(&generator), limit)
            if first > delay, delay < limit, call >= calls / 2 { hedged += 1 }
            machine.firstEnded(after: min(first, answer), succeeded: first <= answer)
        }
        return Double(hedged) / (Double(calls / 2) * (1 - failing))
    }

    @Test(arguments: Latency.allCases, [0.9, 0.95, 0.99])
    func `as many calls are hedged as the quantile says`(latency: Latency, quantile: Double) {
        let share = hedged(latency, quantile: quantile)
        // The histogram answers up to an eighth above the truth, so somewhat fewer are; where all slow calls take nearly
        // the same, none may be.
        #expect(share < (1 - quantile) * 1.25, "\(latency): \(share)")
        if latency == .exponential || latency == .longTail {
            #expect(share > (1 - quantile) * 0.5, "\(latency): \(share)")
        }
    }

    @Test(arguments: [Latency.exponential, .uniform, .longTail])
    func `quick failures and calls that are cut off do not have more hedged`(latency: Latency) {
        for share in [
            hedged(latency, quantile: 0.95, failing: 0.6),
            hedged(latency, quantile: 0.95, cutAt: .milliseconds(40)),
        ] {
            #expect(share < 0.065, "\(latency): \(share)")
        }
    }

    @Test func `a first attempt that loses counts and the one that wins in its place does not`() async throws {
        var configuration = HedgeConfiguration()
        configuration.delay = .observed(quantile: 0.5, atLeast: 10, until: .seconds(1))
        let (clock, hedge) = (
            clock, try Hedge(configuration: configuration, budget: RetryBudget(clock: clock), clock: clock)
        )
        for _ in 0..<10 {
            async let value: Void = hedge.run(repeatable: .idempotent) { attempt in
                try await clock.sleep(for: attempt.number == 1 ? .seconds(100) : .milliseconds(1))
            }
            await clock.sleepers(2)
            clock.advance(by: .seconds(1))
            await clock.sleepers(2)
            clock.advance(by: .milliseconds(1))
            try await value
        }
        #expect(hedge.delay >= .seconds(1), "each first attempt took longer than a second: \(hedge.delay)")
    }

    // MARK: The budget

    /// Makes a call whose first attempt is slow, and whose hedge answers at once.
    ///
    /// - Returns: Whether the budget allowed a hedge.
    private func slowCall(_ hedge: Hedge, _ budget: RetryBudget) async throws -> Bool {
        let (clock, sent, refused) = (clock, Counter(), budget.snapshot().refused)
        async let value: Void = hedge.run(repeatable: .idempotent) { attempt in
            sent.add()
            if attempt.number == 1 { try await clock.sleep(for: .seconds(2)) }
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        while sent.value == 1, budget.snapshot().refused == refused { await Task.yield() }
        let isHedged = budget.snapshot().refused == refused
        if !isHedged { clock.advance(by: .seconds(1)) }
        try await value
        return isHedged
    }

    private func hedge(_ budget: RetryBudgetConfiguration) throws -> (Hedge, RetryBudget) {
        let budget = try RetryBudget(configuration: budget, clock: clock)
        return (try Hedge(after: .seconds(1), budget: budget, clock: clock), budget)
    }

    @Test func `a hedge that is used alone earns by its calls`() async throws {
        for budget in [RetryBudgetConfiguration.ratio(0.2, reservePerSecond: 0, over: .seconds(60)), .tokens()] {
            let (hedge, budget) = try hedge(budget)
            var hedges = 0
            for call in 0..<2_000 {
                if call.isMultiple(of: 20) {
                    if try await slowCall(hedge, budget) { hedges += 1 }
                } else {
                    _ = try await hedge.run(repeatable: .idempotent) { _ in }
                }
            }
            #expect(hedges > 95, "\(hedges) of 100 slow calls were hedged, by \(budget.configuration)")
        }
    }

    @Test func `under a retry with the same budget a call is counted once`() async throws {
        let shared = try RetryBudget(
            configuration: .ratio(1, reservePerSecond: 0, over: .seconds(60)), clock: clock)
        let other = try RetryBudget(
            configuration: .ratio(1, reservePerSecond: 0, over: .seconds(60)), clock: clock)
        for (budget, expected) in [(shared, 32), (other, 64)] {
            let policy = try Policy {
                try Retry(.constant(.zero), budget: shared, clock: clock)
                try Hedge(after: .seconds(1), budget: budget, clock: clock)
            }
            for _ in 0..<32 { try await policy.run(repeatable: .idempotent) { _ in } }
            #expect(shared.snapshot().balance == expected)
        }
        #expect(other.snapshot().balance == 32)
    }
}
