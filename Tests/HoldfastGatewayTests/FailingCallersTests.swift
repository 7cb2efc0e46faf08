#if Gateway
import Holdfast
import NIOCore
import Testing

@testable import HoldfastGateway

/// Whose failures count, and whom an open breaker rejects.
@Suite struct FailingCallersTests {
    private func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(UInt64(seconds) * 1_000_000_000) }

    /// Callers that have called and were well.
    private func machine(well callers: Range<Int>) -> FailingCallersMachine {
        var machine = FailingCallersMachine(at: at(0))
        for caller in callers { machine.succeeded(caller, at: at(1)) }
        return machine
    }

    private func failed(_ machine: inout FailingCallersMachine, _ caller: Int, at second: Int64) -> Bool {
        machine.failed(caller, at: at(second))
    }

    @Test func `one caller's failures count for nothing while others are there`() {
        var machine = machine(well: 0..<5)
        for second in 1...29 {
            #expect(!failed(&machine, 9, at: Int64(second)))
            machine.succeeded(0, at: at(Int64(second)))
        }
    }

    @Test(arguments: [(1, 1), (2, 2), (3, 3), (40, 3)])
    func `failures count from the third caller on, or from all that there are`(callers: Int, needed: Int) {
        var machine = machine(well: 0..<callers)
        let counted = (0..<callers).map { machine.failed($0, at: at(2)) }
        #expect(counted == (0..<callers).map { $0 >= needed - 1 })
    }

    @Test func `of each caller the last word counts`() {
        var machine = machine(well: 0..<5)
        _ = (machine.failed(0, at: at(2)), machine.failed(1, at: at(2)))
        machine.succeeded(1, at: at(3))
        #expect(!failed(&machine, 2, at: 4))
        #expect(failed(&machine, 1, at: 5))
    }

    @Test func `who has not called for two periods is not there, and its word is forgotten`() {
        var machine = machine(well: 0..<5)
        _ = (machine.failed(0, at: at(2)), machine.failed(1, at: at(2)))
        // Somebody calls in each period.
        for second in [31, 62, 93] { machine.succeeded(7, at: at(Int64(second))) }
        #expect(machine.failing == 0)
        #expect(!failed(&machine, 8, at: 94), "one of two")
        #expect(failed(&machine, 8, at: 300), "the only one")
    }

    @Test func `a connection that cannot be made is everybody's failure`() {
        var machine = machine(well: 0..<40)
        machine.unreachable()
        #expect(failed(&machine, 0, at: 2))
        machine.breakerChanged(to: .open)
        for caller in 0..<FailingCallersMachine.places { #expect(!machine.spares(caller)) }
    }

    @Test func `a breaker that few have opened spares the others until they fail too`() {
        var machine = machine(well: 0..<0)
        #expect(failed(&machine, 5, at: 2))
        machine.breakerChanged(to: .open)
        #expect(!machine.spares(5) && machine.spares(6))
        machine.breakerChanged(to: .halfOpen)
        #expect(!machine.spares(5) && machine.spares(6))
        _ = machine.failed(6, at: at(3))
        #expect(!machine.spares(6) && machine.spares(7))
        _ = machine.failed(7, at: at(3))
        #expect(!machine.spares(7) && !machine.spares(8), "it is the service")
        machine.breakerChanged(to: .closed)
        #expect(!machine.spares(8), "nobody is rejected, so nobody is spared")
    }

    @Test(arguments: [CircuitBreaker.State.isolated, .disabled, .closed])
    func `nobody is spared what operators do`(state: CircuitBreaker.State) {
        var machine = machine(well: 0..<0)
        _ = machine.failed(5, at: at(2))
        machine.breakerChanged(to: .open)
        machine.breakerChanged(to: state)
        #expect(!machine.spares(6))
        // Released, it is open again for a reason that nobody knows any more.
        machine.breakerChanged(to: .open)
        #expect(!machine.spares(6))
    }

    @Test func `while a breaker probes, one caller's failure keeps nobody else out`() {
        var machine = machine(well: 0..<0)
        for caller in 0..<10 { _ = machine.failed(caller, at: at(2)) }
        machine.breakerChanged(to: .open)
        machine.breakerChanged(to: .halfOpen)
        // The service is well again, and one of them goes on as before.
        for _ in 0..<5 { #expect(!failed(&machine, 0, at: 8)) }
        // Where it is not, others say so.
        #expect(!failed(&machine, 1, at: 8))
        #expect(failed(&machine, 2, at: 8))
    }

    @Test func `whoever was rejected is there`() {
        var machine = machine(well: 0..<0)
        #expect(failed(&machine, 0, at: 2))
        machine.rejected(1, at: at(3))
        machine.breakerChanged(to: .halfOpen)
        #expect(!failed(&machine, 0, at: 4))
    }

    // MARK: What a verdict counts for

    @Test func `what a request may have provoked is nothing, or a share, and never one in a row`() {
        let evidence = CallerEvidence(for: .consecutiveFailures(1), at: at(0))
        func weighed(_ verdict: Verdict, _ caller: Int) -> Verdict {
            evidence.weighed(verdict, isUnreachable: false, of: caller, at: at(1))
        }
        for caller in 0..<5 { #expect(weighed(.succeeded, caller) == .succeeded) }
        for verdict in [Verdict.failed, .declined] {
            #expect(weighed(verdict, 0) == .abandoned)
            #expect(weighed(verdict, 1) == .abandoned)
            #expect(weighed(verdict, 2) == .declined)
            for caller in 0..<3 { #expect(weighed(.succeeded, caller) == .succeeded) }
        }
        #expect(weighed(.abandoned, 0) == .abandoned)
        #expect(evidence.weighed(.failed, isUnreachable: true, of: 0, at: at(1)) == .failed)
    }

    @Test func `a caller is an IPv4 address, or an IPv6 network of 48 bits`() throws {
        func place(_ address: String) throws -> Int {
            let read: IPAddress = try #require(IPAddress(text: address.utf8))
            return IPAddress.callerPlace(of: read)
        }
        #expect(try place("192.0.2.1") == place("192.0.2.1"))
        #expect(try place("::ffff:192.0.2.1") == place("192.0.2.1"))
        #expect(try place("2001:db8:1::1") == place("2001:db8:1:ffff::2"))
        // Of a hundred networks two may share a place, and not many do.
        let fours = try Set((0..<100).map { try place("192.0.2.\($0)") })
        let sixes = try Set((0..<100).map { try place("2001:db8:\($0)::1") })
        #expect(fours.count > 30 && sixes.count > 30)
        #expect((fours.union(sixes)).allSatisfy { (0..<FailingCallersMachine.places).contains($0) })
        #expect(IPAddress.callerPlace(of: nil) == IPAddress.callerPlace(of: nil))
    }
}
#endif
