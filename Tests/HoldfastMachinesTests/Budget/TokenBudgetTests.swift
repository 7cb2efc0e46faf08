import HoldfastMachines
import TestSupport
import Testing

@Suite struct TokenBudgetTests {
    private let now = MonotonicInstant(nanoseconds: 0)

    private func machine(capacity: Int = 100) -> RetryBudgetMachine {
        var tokens = RetryBudgetConfiguration.Tokens()
        tokens.capacity = capacity
        return RetryBudgetMachine(configuration: .tokens(tokens))
    }

    @Test func `a retry costs more than one after a throttle`() {
        var machine = machine()
        #expect((0..<100).count { _ in machine.withdraw(.retry, at: now) } == 7, "7 × 14 of 100")
        var throttled = self.machine()
        #expect((0..<100).count { _ in throttled.withdraw(.throttledRetry, at: now) } == 20, "20 × 5 of 100")
        #expect(throttled.refused == 80)
    }

    @Test func `a success gives back what its retry cost`() {
        var machine = machine(capacity: 14)
        expectEqual(machine.withdraw(.retry, at: now), true)
        expectEqual(machine.withdraw(.retry, at: now), false)
        machine.refund(.retry)
        expectEqual(machine.withdraw(.retry, at: now), true)
    }

    @Test func `successes at the first attempt refill it slowly and never beyond its capacity`() {
        var machine = machine(capacity: 14)
        expectEqual(machine.withdraw(.retry, at: now), true)
        for _ in 0..<13 { machine.refund(nil) }
        expectEqual(machine.withdraw(.retry, at: now), false)
        machine.refund(nil)
        for _ in 0..<1_000 { machine.refund(nil) }
        expectEqual(machine.withdraw(.retry, at: now), true)
        expectEqual(machine.withdraw(.retry, at: now), false)
    }

    @Test func `time refills no tokens`() {
        var machine = machine(capacity: 14)
        expectEqual(machine.withdraw(.hedge, at: now), true)
        expectEqual(machine.withdraw(.probe, at: MonotonicInstant(nanoseconds: .max)), false)
    }
}
