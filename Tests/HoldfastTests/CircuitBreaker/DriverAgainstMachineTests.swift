import Foundation
import HoldfastTesting
import Synchronization
import Testing

@testable import Holdfast

/// The driver's fast paths, counters and packed words against the machine, which is plain and was explored.
@Suite struct DriverAgainstMachineTests {
    private static func configuration(_ trip: Trip, ramp: Duration = .zero) -> CircuitBreakerConfiguration {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = trip
        configuration.cooldown = .growing(from: .seconds(2), cap: .seconds(30), jitter: 0.3)
        configuration.probes = 2
        configuration.successesToClose = 2
        configuration.probeHold = .seconds(6)
        configuration.ramp = ramp
        return configuration
    }

    // MARK: One thread

    @Test(arguments: [
        configuration(.consecutiveFailures(3)), configuration(.failureRate(0.5, ofLast: 6, atLeast: 4)),
        configuration(.failureRate(0.5, over: .seconds(5), atLeast: 4), ramp: .seconds(3)),
        configuration(.slowCallRate(0.4, slowerThan: .seconds(1), ofLast: 5)),
        configuration(.any(.consecutiveFailures(3), .failureRate(0.6, over: .seconds(9), atLeast: 5))),
    ])
    func `call for call the driver decides as the machine does`(configuration: CircuitBreakerConfiguration) throws {
        for seed in 0..<60 as Range<UInt64> {
            let clock = ManualClock()
            let breaker = try CircuitBreaker("x", configuration: configuration, clock: clock, seed: seed)
            var machine = CircuitBreakerMachine(configuration: configuration, seed: seed)
            var generator = SeededGenerator(seed: seed)
            var tickets: [(driver: CircuitBreakerMachine.Ticket, machine: CircuitBreakerMachine.Ticket)] = []
            var isolation: [CircuitBreaker.Isolation] = []
            for step in 0..<400 {
                let place: Comment = "seed \(seed), step \(step)"
                switch Int.random(in: 0..<40, using: &generator) {
                case 0..<16:
                    let expected = machine.admit(at: clock.now).admission
                    do throws(CircuitBreaker.Rejection) {
                        let ticket = try breaker.ticket()
                        guard case .admitted(let machines) = expected else {
                            Issue.record("the machine rejects, \(place)")
                            return
                        }
                        #expect(ticket.generation == machines.generation && ticket.probe == machines.probe, place)
                        tickets.append((ticket, machines))
                    } catch {
                        #expect(expected == .rejected(retryAfter: error.explanation.retryAfter), place)
                    }
                case 16..<32 where !tickets.isEmpty:
                    let ticket = tickets.remove(at: Int.random(in: tickets.indices, using: &generator))
                    let verdicts: [Verdict] = [
                        .succeeded, .succeeded, .failed, .failed, .declined, .abandoned,
                    ]
                    guard let verdict = verdicts.randomElement(using: &generator) else { continue }
                    breaker.record(verdict, for: ticket.driver)
                    _ = machine.record(verdict, for: ticket.machine, at: clock.now)
                case 32..<38:
                    clock.advance(by: .milliseconds(Int.random(in: 0...1_500, using: &generator)))
                case 38 where isolation.isEmpty:
                    isolation.append(breaker.isolate())
                    _ = machine.isolate()
                case 38:
                    isolation.removeAll()
                    _ = machine.release()
                default:
                    if step.isMultiple(of: 7) {
                        breaker.reset()
                        _ = machine.reset()
                    }
                }
                let (now, seen) = (clock.now, breaker.snapshot())
                #expect(seen.state == machine.state && seen.generation == machine.generation, place)
                #expect(seen.evidence == machine.evidence(at: now), place)
                #expect(seen.retryAfter == machine.retryAfter(at: now), place)
                #expect(seen.probesInFlight == machine.probesInFlight(at: now), place)
            }
        }
    }

    // MARK: Many threads

    /// What one thread did, and when: numbers that one counter gave out before and after.
    private struct Step {
        enum Event: Hashable {
            case admitted(CircuitBreakerMachine.Ticket)
            case rejected(Duration)
            case recorded(Verdict, CircuitBreakerMachine.Ticket)
        }
        let event: Event
        let began: Int
        let ended: Int
    }

    /// Whether the steps could have been made one at a time, each between its beginning and its end, with the machine
    /// answering as the driver did (Herlihy and Wing, "Linearizability", 1990; searched as Wing and Gong do).
    private func isLinearizable(
        _ steps: [Step], from machine: CircuitBreakerMachine, at now: MonotonicInstant,
        to end: (state: CircuitBreaker.State, generation: UInt32, evidence: Evidence)
    ) -> Bool {
        struct Point: Hashable {
            let done: UInt64
            let machine: CircuitBreakerMachine
        }
        var seen: Set<Point> = []
        func search(_ point: Point) -> Bool {
            guard seen.insert(point).inserted else { return false }
            let left = steps.indices.filter { point.done & 1 << UInt64($0) == 0 }
            guard let horizon = left.map({ steps[$0].ended }).min() else {
                let machine = point.machine
                return machine.state == end.state && machine.generation == end.generation
                    && machine.evidence(at: now) == end.evidence
            }
            return left.contains { index in
                guard steps[index].began < horizon else { return false }
                var machine = point.machine
                switch steps[index].event {
                case .admitted(let ticket):
                    guard case .admitted(ticket) = machine.admit(at: now).admission else { return false }
                case .rejected(let wait):
                    guard case .rejected(wait) = machine.admit(at: now).admission else { return false }
                case .recorded(let verdict, let ticket):
                    _ = machine.record(verdict, for: ticket, at: now)
                }
                return search(Point(done: point.done | 1 << UInt64(index), machine: machine))
            }
        }
        return search(Point(done: 0, machine: machine))
    }

    @Test func `what threads do at once could have been done one at a time`() throws {
        let (threads, rounds, calls) = (3, 1_500, 4)
        let configuration = Self.configuration(.consecutiveFailures(2))
        let clock = ManualClock()
        // Each round has a breaker of its own: every other one begins with its cooldown over.
        let breakers = try (0..<rounds).map { round in
            let breaker = try CircuitBreaker("x", configuration: configuration, clock: clock, seed: UInt64(round))
            for _ in 0..<2 where round.isMultiple(of: 2) { try breaker.admit().failed() }
            return breaker
        }
        clock.advance(by: .seconds(60))
        let machines = (0..<rounds).map { round in
            var machine = CircuitBreakerMachine(configuration: configuration, seed: UInt64(round))
            let start = MonotonicInstant(nanoseconds: 0)
            for _ in 0..<2 where round.isMultiple(of: 2) {
                guard case .admitted(let ticket) = machine.admit(at: start).admission else { break }
                _ = machine.record(.failed, for: ticket, at: start)
            }
            return machine
        }
        let histories = Mutex([[Step]](repeating: [], count: rounds))
        let stamp = Atomic(0)
        let arrived = Atomic(0)
        onThreads(threads) { thread in
            var generator = SeededGenerator(seed: UInt64(thread))
            for round in 0..<rounds {
                let breaker = breakers[round]
                var steps: [Step] = []
                arrived.add(1, ordering: .acquiringAndReleasing)
                // They set off together only if they wait awake; where there are more of them than cores, not for ever.
                var spins = 0
                while arrived.load(ordering: .acquiring) < (round + 1) * threads {
                    spins += 1
                    if spins.isMultiple(of: 20_000) { sched_yield() }
                }
                for _ in 0..<calls {
                    let began = stamp.add(1, ordering: .sequentiallyConsistent).newValue
                    let event: Step.Event
                    do throws(CircuitBreaker.Rejection) {
                        event = .admitted(try breaker.ticket())
                    } catch { event = .rejected(error.explanation.retryAfter) }
                    let ended = stamp.add(1, ordering: .sequentiallyConsistent).newValue
                    steps.append(Step(event: event, began: began, ended: ended))
                    guard case .admitted(let ticket) = event else { continue }
                    let verdict: Verdict =
                        Int.random(in: 0..<3, using: &generator) == 0 ? .succeeded : .failed
                    let handing = stamp.add(1, ordering: .sequentiallyConsistent).newValue
                    breaker.record(verdict, for: ticket)
                    let handed = stamp.add(1, ordering: .sequentiallyConsistent).newValue
                    steps.append(Step(event: .recorded(verdict, ticket), began: handing, ended: handed))
                }
                histories.withLock { $0[round] += steps }
            }
        }
        var overlaps = 0
        for (round, steps) in histories.withLock({ $0 }).enumerated() {
            let end = breakers[round].snapshot()
            let isOrdered = isLinearizable(
                steps, from: machines[round], at: clock.now, to: (end.state, end.generation, end.evidence))
            #expect(isOrdered, "round \(round): \(steps)")
            for step in steps {
                overlaps += steps.count { $0.began > step.began && $0.began < step.ended }
            }
        }
        print("checked \(rounds) histories of \(threads) threads, with \(overlaps) overlaps")
        #expect(overlaps > rounds / 10, "the threads did not meet")
    }
}
