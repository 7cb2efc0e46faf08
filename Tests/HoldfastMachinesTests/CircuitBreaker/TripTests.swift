import HoldfastTesting
import TestSupport
import Testing

@testable import HoldfastMachines

@Suite struct TripTests {
    private let start = MonotonicInstant(nanoseconds: 0)

    private func at(_ seconds: Double) -> MonotonicInstant { MonotonicInstant(nanoseconds: Int64(seconds * 1e9)) }

    private func machine(_ trip: Trip) throws -> CircuitBreakerMachine {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = trip
        configuration.cooldown = .fixed(.seconds(5), jitter: 0)
        try configuration.validate()
        return CircuitBreakerMachine(configuration: configuration)
    }

    /// Makes one call that takes so long.
    private func call(
        _ machine: inout CircuitBreakerMachine, _ verdict: Verdict, at now: MonotonicInstant, took: Duration = .zero
    ) -> CircuitBreakerMachine.Change? {
        guard case .admitted(let ticket) = machine.admit(at: now).admission else { return nil }
        return machine.record(verdict, for: ticket, at: now.advanced(by: took))
    }

    @Test func `half of the last calls trips and less does not`() throws {
        var machine = try machine(.failureRate(0.5, ofLast: 10))
        for verdict in [Verdict.failed, .succeeded, .succeeded, .failed, .succeeded, .failed, .succeeded, .failed] {
            expectEqual(call(&machine, verdict, at: start), nil)
        }
        expectEqual(call(&machine, .succeeded, at: start), nil)
        let change = call(&machine, .failed, at: start)
        #expect(change?.reason == .tripped(.failureRate(failed: 5, of: 10, threshold: 0.5)))
    }

    @Test func `below the minimum nothing trips`() throws {
        var machine = try machine(.failureRate(0.1, over: .seconds(10), atLeast: 20))
        for _ in 0..<19 { expectEqual(call(&machine, .failed, at: start), nil) }
        expectEqual(call(&machine, .failed, at: start)?.to, .open)
    }

    @Test func `a call that has left the window of calls does not count`() throws {
        var machine = try machine(.failureRate(0.75, ofLast: 4))
        for verdict in [Verdict.failed, .failed, .succeeded, .succeeded, .failed, .failed] {
            expectEqual(call(&machine, verdict, at: start), nil)
        }
        expectEqual(call(&machine, .failed, at: start)?.to, .open)
    }

    @Test func `a large gap clears the whole window`() throws {
        for gap in [10.0, 11, 1_000, 1e9] {
            var machine = try machine(.failureRate(0.5, over: .seconds(10), atLeast: 10))
            for _ in 0..<9 { expectEqual(call(&machine, .failed, at: start), nil) }
            expectEqual(call(&machine, .failed, at: at(gap)), nil, "9 failures of long ago")
        }
    }

    @Test func `sparse traffic does not trip on stale counts`() throws {
        var machine = try machine(.failureRate(0.5, over: .seconds(10), atLeast: 3))
        for second in stride(from: 0.0, to: 600, by: 6) {
            expectEqual(call(&machine, .failed, at: at(second)), nil, "never 3 calls within 10 s")
        }
    }

    @Test func `calls leave the window of time bucket by bucket and are counted exactly`() throws {
        var window = TimeWindow(.seconds(10))
        for second in 0..<10 {
            for call in 0..<(second + 1) { window.record(isBad: call == 0, at: at(Double(second))) }
        }
        #expect(window.tally(at: at(9.9)) == Tally(bad: 10, calls: 55))
        for second in 10..<20 {
            let left = (second - 9)..<10
            let calls = left.reduce(0) { $0 + $1 + 1 }
            #expect(window.tally(at: at(Double(second))) == Tally(bad: left.count, calls: calls))
        }
    }

    @Test func `a bucket that is full keeps its share`() {
        var window = TimeWindow(.seconds(10))
        for call in 0..<600_000 { window.record(isBad: call % 4 == 0, at: start) }
        let tally = window.tally(at: start)
        #expect(tally.calls > 100_000)
        #expect(abs(Double(tally.bad) / Double(tally.calls) - 0.25) < 0.001)
    }

    @Test func `instants at the ends of the range do not trap`() {
        var window = TimeWindow(.milliseconds(100))
        for nanoseconds in [Int64.min, -1, 0, 1, .max] {
            window.record(isBad: true, at: MonotonicInstant(nanoseconds: nanoseconds))
            #expect(window.tally(at: MonotonicInstant(nanoseconds: nanoseconds)).calls > 0)
        }
    }

    @Test func `slow calls trip although they succeed`() throws {
        var machine = try machine(.slowCallRate(0.5, slowerThan: .seconds(1), ofLast: 4))
        for _ in 0..<3 { expectEqual(call(&machine, .succeeded, at: start, took: .milliseconds(1_001)), nil) }
        let change = call(&machine, .succeeded, at: start, took: .milliseconds(1_001))
        #expect(change?.reason == .tripped(.slowCallRate(slow: 4, of: 4, threshold: 0.5)))
        var quick = try self.machine(.slowCallRate(0.5, slowerThan: .seconds(1), ofLast: 4))
        for _ in 0..<10 { expectEqual(call(&quick, .failed, at: start, took: .seconds(1)), nil, "fails, but in time") }
    }

    @Test func `whichever condition is met first trips`() throws {
        let trip = Trip.any(.consecutiveFailures(3), .failureRate(0.5, ofLast: 10))
        var dead = try machine(trip)
        for _ in 0..<2 { expectEqual(call(&dead, .failed, at: start), nil) }
        expectEqual(
            call(&dead, .failed, at: start)?.reason, .tripped(.consecutiveFailures(3, threshold: 3)),
            "dead: the streak trips long before there are 10 calls")
        var half = try machine(trip)
        var change: CircuitBreakerMachine.Change?
        for number in 0..<10 { change = call(&half, number % 2 == 0 ? .succeeded : .failed, at: start) ?? change }
        #expect(
            change?.reason == .tripped(.failureRate(failed: 5, of: 10, threshold: 0.5)), "half dead: never two in a row"
        )
    }

    @Test func `a 429 counts towards the rate and not the streak`() throws {
        var streak = try machine(.consecutiveFailures(2))
        for verdict in [Verdict.failed, .declined, .declined, .declined] {
            expectEqual(call(&streak, verdict, at: start), nil)
        }
        expectEqual(call(&streak, .failed, at: start)?.to, .open, "nor does it start the streak again")
        var rate = try machine(.failureRate(1, ofLast: 3))
        for _ in 0..<2 { expectEqual(call(&rate, .declined, at: start), nil) }
        expectEqual(call(&rate, .declined, at: start)?.to, .open)
    }

    @Test func `a cancellation is in no window`() throws {
        var machine = try machine(.failureRate(0.5, ofLast: 2))
        for _ in 0..<10 { expectEqual(call(&machine, .abandoned, at: start), nil) }
        #expect(machine.evidence(at: start) == .failureRate(failed: 0, of: 0, threshold: 0.5))
    }

    @Test func `closing again begins with an empty window`() throws {
        var machine = try machine(.failureRate(0.5, ofLast: 2))
        for _ in 0..<2 { _ = call(&machine, .failed, at: start) }
        #expect(machine.state == .open)
        expectEqual(call(&machine, .succeeded, at: at(5))?.to, .closed)
        expectEqual(call(&machine, .failed, at: at(5)), nil)
    }

    @Test(arguments: [
        Trip.any(), .failureRate(0, ofLast: 1), .failureRate(1.1, ofLast: 1), .failureRate(.nan, ofLast: 1),
        .failureRate(.infinity, ofLast: 1), .failureRate(0.5, ofLast: 0), .failureRate(0.5, ofLast: 10_001),
        .failureRate(0.5, ofLast: 10, atLeast: 11), .failureRate(0.5, ofLast: 10, atLeast: 0),
        .failureRate(0.5, over: .zero), .failureRate(0.5, over: .seconds(3_601)),
        .failureRate(0.5, over: .seconds(1), atLeast: 0), .failureRate(0.5, over: .seconds(1), atLeast: .max),
        .slowCallRate(0.5, slowerThan: .zero, ofLast: 1), .slowCallRate(0.5, slowerThan: .seconds(-1), ofLast: 1),
        .any(.consecutiveFailures(0), .failureRate(0.5, ofLast: 1)),
    ])
    func `a trip that can never be right is refused`(trip: Trip) {
        #expect(throws: ConfigurationError.self) { try machine(trip) }
    }
}
