import HoldfastMachines
import TestSupport
import Testing

@Suite struct CircuitBreakerMachineTests {
    private let start = MonotonicInstant(nanoseconds: 0)

    private func machine(trip: Int = 3, probes: Int = 1, successesToClose: Int = 1) -> CircuitBreakerMachine {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(trip)
        configuration.cooldown = .fixed(.seconds(5), jitter: 0)
        configuration.probes = probes
        configuration.successesToClose = successesToClose
        configuration.probeHold = .seconds(10)
        return CircuitBreakerMachine(configuration: configuration)
    }

    private func admit(
        _ machine: inout CircuitBreakerMachine, at now: MonotonicInstant
    ) throws -> CircuitBreakerMachine.Ticket {
        guard case .admitted(let ticket) = machine.admit(at: now).admission else {
            throw Unexpected(what: "rejected at \(now)")
        }
        return ticket
    }

    private func tripped() throws -> CircuitBreakerMachine {
        var machine = machine()
        for _ in 0..<3 {
            let ticket = try admit(&machine, at: start)
            _ = machine.record(.failed, for: ticket, at: start)
        }
        return machine
    }

    private struct Unexpected: Error { let what: String }

    @Test func `trips at the threshold and not before`() throws {
        var machine = machine()
        for _ in 0..<2 {
            let ticket = try admit(&machine, at: start)
            expectEqual(machine.record(.failed, for: ticket, at: start), nil)
        }
        let ticket = try admit(&machine, at: start)
        let change = machine.record(.failed, for: ticket, at: start)
        #expect(change?.reason == .tripped(.consecutiveFailures(3, threshold: 3)))
        #expect(machine.state == .open)
    }

    @Test func `a success starts the count again`() throws {
        var machine = machine()
        for verdict in [Verdict.failed, .failed, .succeeded, .failed, .failed] {
            let ticket = try admit(&machine, at: start)
            _ = machine.record(verdict, for: ticket, at: start)
        }
        #expect(machine.state == .closed)
    }

    @Test func `a cancellation is neither success nor failure`() throws {
        var machine = machine()
        for verdict in [Verdict.failed, .failed, .abandoned] {
            let ticket = try admit(&machine, at: start)
            _ = machine.record(verdict, for: ticket, at: start)
        }
        #expect(machine.failures == 2)
    }

    @Test func `rejects until the cooldown is over and says how long`() throws {
        var machine = try tripped()
        let almost = start.advanced(by: .milliseconds(4_999))
        expectEqual(machine.admit(at: almost).admission, .rejected(retryAfter: .milliseconds(1)))
        #expect(machine.state == .open)
    }

    @Test func `exactly one probe goes through after the cooldown`() throws {
        var machine = try tripped()
        let later = start.advanced(by: .seconds(5))
        let probe = try admit(&machine, at: later)
        #expect(probe.probe == 1)
        for _ in 0..<100 {
            guard case .rejected = machine.admit(at: later).admission else {
                Issue.record("a second probe was admitted")
                return
            }
        }
    }

    @Test func `a probe that succeeds closes and one that fails reopens`() throws {
        var machine = try tripped()
        let later = start.advanced(by: .seconds(5))
        let failing = try admit(&machine, at: later)
        expectEqual(machine.record(.failed, for: failing, at: later)?.to, .open)
        let latest = later.advanced(by: .seconds(5))
        let succeeding = try admit(&machine, at: latest)
        expectEqual(machine.record(.succeeded, for: succeeding, at: latest)?.to, .closed)
        #expect(machine.failures == 0)
    }

    @Test func `a late result decides nothing`() throws {
        var machine = machine()
        let late = try admit(&machine, at: start)
        for _ in 0..<3 {
            let ticket = try admit(&machine, at: start)
            _ = machine.record(.failed, for: ticket, at: start)
        }
        let later = start.advanced(by: .seconds(5))
        _ = try admit(&machine, at: later)
        let before = machine
        for verdict in [Verdict.succeeded, .failed, .abandoned] {
            expectEqual(machine.record(verdict, for: late, at: later), nil)
        }
        #expect(machine == before)
    }

    @Test func `a probe that hangs gives its place back`() throws {
        var machine = try tripped()
        let later = start.advanced(by: .seconds(5))
        let hung = try admit(&machine, at: later)
        let lapsed = later.advanced(by: .seconds(10))
        let next = try admit(&machine, at: lapsed)
        expectEqual(machine.record(.succeeded, for: hung, at: lapsed), nil, "the hung probe has lost its say")
        expectEqual(machine.record(.succeeded, for: next, at: lapsed)?.to, .closed)
    }

    @Test func `a cancelled probe gives its place back at once`() throws {
        var machine = try tripped()
        let later = start.advanced(by: .seconds(5))
        let cancelled = try admit(&machine, at: later)
        expectEqual(machine.record(.abandoned, for: cancelled, at: later), nil)
        #expect(machine.state == .halfOpen)
        try expectEqual(admit(&machine, at: later).probe, 2)
    }

    @Test func `one ticket counts once`() throws {
        var machine = machine(probes: 1, successesToClose: 2)
        for _ in 0..<3 {
            let ticket = try admit(&machine, at: start)
            _ = machine.record(.failed, for: ticket, at: start)
        }
        let later = start.advanced(by: .seconds(5))
        let probe = try admit(&machine, at: later)
        expectEqual(machine.record(.succeeded, for: probe, at: later), nil)
        expectEqual(machine.record(.succeeded, for: probe, at: later), nil)
        #expect(machine.state == .halfOpen)
    }
}
