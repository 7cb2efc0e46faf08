import HoldfastMachines
import TestSupport
import Testing

@Suite struct RetryBudgetMachineTests {
    private func machine(ratio: Double, reserve: Int) -> RetryBudgetMachine {
        RetryBudgetMachine(configuration: .ratio(ratio, reservePerSecond: reserve))
    }

    private func at(_ seconds: Int64) -> MonotonicInstant { MonotonicInstant(nanoseconds: seconds * 1_000_000_000) }

    @Test func `retries are a share of the calls plus the reserve`() {
        var machine = machine(ratio: 0.2, reserve: 1)
        for _ in 0..<50 { machine.called(at: at(0)) }
        let granted = (0..<100).count { _ in machine.withdraw(at: at(0)) }
        #expect(granted == 20, "a fifth of 50, and 1 a second for 10 seconds")
        #expect(machine.refused == 80)
    }

    @Test func `old calls leave the window even after a long gap`() {
        var machine = machine(ratio: 1, reserve: 0)
        for _ in 0..<5 { machine.called(at: at(0)) }
        expectEqual(machine.balance(at: at(9)), 5)
        expectEqual(machine.balance(at: at(10)), 0)
        machine.called(at: at(11))
        expectEqual(machine.balance(at: at(1_000_000_000)), 0)
    }

    @Test func `time that goes back neither traps nor refunds`() {
        var machine = machine(ratio: 1, reserve: 0)
        machine.called(at: at(100))
        expectEqual(machine.withdraw(at: at(50)), true)
        expectEqual(machine.withdraw(at: at(100)), false)
    }

    @Test func `extreme instants do not trap`() {
        var machine = machine(ratio: 10, reserve: 100_000)
        for instant in [Int64.min, 0, .max, .min] {
            machine.called(at: MonotonicInstant(nanoseconds: instant))
            expectEqual(machine.withdraw(at: MonotonicInstant(nanoseconds: instant)), true)
        }
    }
}
