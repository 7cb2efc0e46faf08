import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast
@testable import HoldfastMachines

/// Every number of a breaker that is kept in fewer bits than it may grow to, walked past its end: the generation (32
/// bits; 8 in a bucket), a bucket's number (20), a bucket's counts (18), a probe's number (32).
@Suite struct PackedWordTests {
    private let start = MonotonicInstant(nanoseconds: 0)
    private static let rates: [Trip] = [
        .failureRate(0.5, over: .seconds(30)), .failureRate(0.5, over: .seconds(3_600), atLeast: 5),
        .failureRate(0.5, ofLast: 20), .slowCallRate(0.5, slowerThan: .seconds(1), over: .seconds(30)),
        .slowCallRate(0.5, slowerThan: .seconds(1), ofLast: 20),
        .any(.consecutiveFailures(1_000), .failureRate(0.5, over: .seconds(10))),
    ]
    /// Around each power of two: where a number of few bits begins again, or half of it is another sign.
    private static let rounds = (0...11).flatMap { bit in [(1 << bit) - 1, 1 << bit, (1 << bit) + 1] }

    private func configuration(_ trip: Trip) -> CircuitBreakerConfiguration {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = trip
        configuration.cooldown = .fixed(.milliseconds(1), jitter: 0)
        return configuration
    }

    /// Makes one call that is bad by any measure, or good.
    private func call(_ breaker: CircuitBreaker, isBad: Bool) throws {
        let permit = try breaker.admit()
        permit.ended(isBad ? .failed : .succeeded, took: isBad ? .seconds(2) : .zero)
    }

    /// - Returns: How many bad calls it took.
    private func trip(_ breaker: CircuitBreaker) throws -> Int {
        for count in 1...1_000 {
            try call(breaker, isBad: true)
            if breaker.snapshot().state == .open { return count }
        }
        return .max
    }

    // MARK: Generations

    @Test(arguments: rates)
    func `a rate trips after any number of failed probes`(trip: Trip) throws {
        let clock = ManualClock()
        let breaker = try CircuitBreaker("x", configuration: configuration(trip), clock: clock)
        let usual = try self.trip(breaker)
        #expect(usual <= 20)
        for rounds in Self.rounds {
            for _ in 0..<rounds {
                clock.advance(by: .milliseconds(1))
                try call(breaker, isBad: true)
            }
            clock.advance(by: .milliseconds(1))
            try call(breaker, isBad: false)
            #expect(breaker.snapshot().state == .closed)
            try expectEqual(self.trip(breaker), usual, "after \(rounds) failed probes")
        }
    }

    @Test(arguments: rates)
    func `what was counted never returns after any number of changes`(trip: Trip) throws {
        let clock = ManualClock()
        let breaker = try CircuitBreaker("x", configuration: configuration(trip), clock: clock)
        let usual = try self.trip(breaker)
        for changes in Self.rounds {
            breaker.reset()
            for _ in 1..<usual { try call(breaker, isBad: true) }
            for _ in 0..<max(1, changes) { breaker.reset() }
            try expectEqual(self.trip(breaker), usual, "after \(changes) changes")
        }
    }

    @Test(arguments: rates)
    func `a generation that is any distance ahead counts and the one before it does not`(trip: Trip) {
        let slow = Duration.seconds(2)
        for bit in 0..<32 {
            let statistics = SharedStatistics(trip)
            let (old, new) = (UInt32.max - 1, (UInt32.max - 1) &+ (1 << UInt32(bit)))
            statistics.begin(old)
            for _ in 0..<3 { _ = statistics.record(.failed, took: slow, generation: old, at: start) }
            statistics.begin(new)
            _ = statistics.record(.failed, took: slow, generation: old, at: start)
            #expect(statistics.evidence(generation: new, at: start)?.count == 0, "late, by 2^\(bit) changes")
            _ = statistics.record(.failed, took: slow, generation: new, at: start)
            #expect(statistics.evidence(generation: new, at: start)?.count == 1, "2^\(bit) changes ahead")
        }
    }

    @Test(arguments: rates + [.consecutiveFailures(3)])
    func `a breaker goes on as ever where its generation begins again`(trip: Trip) throws {
        let clock = ManualClock()
        var machine = CircuitBreakerMachine(configuration: configuration(trip))
        machine.generation = .max - 10
        let breaker = CircuitBreaker("x", machine: machine, clock: clock)
        let usual = try self.trip(breaker)
        var late: [CircuitBreakerMachine.Ticket] = []
        for round in 0..<20 {
            clock.advance(by: .milliseconds(1))
            let probe = try breaker.ticket()
            #expect(breaker.snapshot().state == .halfOpen)
            for ticket in late { breaker.record(.succeeded, for: ticket) }
            breaker.record(.succeeded, for: probe)
            #expect(breaker.snapshot().state == .closed, "round \(round)")
            late.append(probe)
            late.append(try breaker.ticket())
            try expectEqual(self.trip(breaker), usual, "round \(round)")
        }
        #expect(breaker.snapshot().generation < 100, "it has begun again")
    }

    // MARK: Time

    @Test(arguments: [Duration.milliseconds(100), .seconds(10), .seconds(3_600)])
    func `after a gap of any length nothing of before is counted`(window: Duration) throws {
        let trip = Trip.failureRate(0.5, over: window, atLeast: 10)
        let width = window.saturatingNanoseconds / 10
        for bit in 4..<60 {
            for near in [-9, -1, 0, 1, 9] as [Int64] {
                let (gap, overflow) = width.multipliedReportingOverflow(by: (Int64(1) << Int64(bit)) + near)
                if overflow || gap < window.saturatingNanoseconds { continue }
                let clock = ManualClock()
                let breaker = try CircuitBreaker("x", configuration: configuration(trip), clock: clock)
                var machine = CircuitBreakerMachine(configuration: configuration(trip))
                func machineFails() {
                    guard case .admitted(let ticket) = machine.admit(at: clock.now).admission else { return }
                    _ = machine.record(.failed, for: ticket, at: clock.now)
                }
                for _ in 0..<9 {
                    try call(breaker, isBad: true)
                    machineFails()
                }
                clock.advance(by: .nanoseconds(gap))
                #expect(breaker.snapshot().evidence.count == 0, "2^\(bit) \(near) buckets later")
                #expect(machine.evidence(at: clock.now).count == 0, "2^\(bit) \(near) buckets later")
                try call(breaker, isBad: true)
                machineFails()
                #expect(breaker.snapshot().evidence.count == 1, "2^\(bit) \(near) buckets later")
                #expect(machine.evidence(at: clock.now).count == 1, "2^\(bit) \(near) buckets later")
            }
        }
    }

    @Test func `a call that is timed a window late takes nothing from the bucket of now`() {
        var window = TimeWindow(.seconds(10))
        let now = start.advanced(by: .seconds(100))
        for _ in 0..<5 { window.record(isBad: true, at: now) }
        window.record(isBad: true, at: start.advanced(by: .seconds(90)))
        #expect(window.tally(at: now) == Tally(bad: 5, calls: 5))
    }

    @Test func `threads that meet behind a gap lose no call`() throws {
        let clock = ManualClock()
        let trip = Trip.failureRate(1, over: .seconds(1), atLeast: 1_000_000)
        let breaker = try CircuitBreaker("x", configuration: configuration(trip), clock: clock)
        for round in 1...200 {
            clock.advance(by: .seconds(round))
            onThreads(4) { _ in for _ in 0..<50 { if let permit = try? breaker.admit() { permit.failed() } } }
            #expect(breaker.snapshot().evidence.count == 200, "round \(round)")
        }
    }

    // MARK: Probes

    @Test func `probes are told apart where their number begins again`() {
        var configuration = configuration(.consecutiveFailures(1))
        configuration.probes = 3
        configuration.successesToClose = 3
        for issued in [UInt32.max - 4, .max - 3, .max - 2, .max - 1, .max] {
            var machine = CircuitBreakerMachine(configuration: configuration)
            machine.phase = .halfOpen(inFlight: [], issued: 0, successes: 0)
            guard case .admitted(let first) = machine.admit(at: start).admission,
                case .halfOpen(let inFlight, _, _) = machine.phase
            else {
                Issue.record("not admitted")
                return
            }
            // The first is still in flight when all numbers have been used.
            machine.phase = .halfOpen(inFlight: inFlight, issued: issued, successes: 0)
            var tickets = [first]
            for _ in 0..<20 {
                while case .admitted(let ticket) = machine.admit(at: start).admission { tickets.append(ticket) }
                #expect(tickets.count == 3 && Set(tickets.map(\.probe)).count == 3, "\(tickets)")
                for ticket in tickets { #expect(ticket.probe != 0 && ticket.probe != .max, "\(ticket)") }
                let last = tickets.removeLast()
                #expect(machine.record(.abandoned, for: last, at: start) == nil)
                #expect(machine.probesInFlight(at: start) == 2, "its place came back")
            }
        }
    }

    // MARK: Evidence

    @Test func `what tripped is told whole by an open breaker at the ends of its ranges`() {
        let trip = Trip.any(
            .consecutiveFailures(1_000_000), .failureRate(0.5, over: .seconds(3_600), atLeast: 1_000_000),
            .slowCallRate(1, slowerThan: .seconds(1), ofLast: 10_000))
        for evidence in [
            Evidence.consecutiveFailures(1_000_000, threshold: 1_000_000),
            .failureRate(failed: 2_621_430, of: 2_621_430, threshold: 0.5),
            .slowCallRate(slow: 10_000, of: 10_000, threshold: 1),
        ] {
            #expect(PackedEvidence(evidence, of: trip).evidence(of: trip) == evidence)
        }
        let most = PackedEvidence(.failureRate(failed: .max, of: .max, threshold: 0.5), of: trip).evidence(of: trip)
        #expect(most.count == 1 << 30 - 1, "it stays at the end, and does not begin again")
    }
}
