import Foundation
import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

@Suite struct AdaptiveLimitTests {
    private let clock = ManualClock()

    /// A dependency that works at `capacity` calls at once, each for 10 ms, and lets further ones wait: callers, as many
    /// as there are, try again as soon as they may.
    private func settle(
        _ machine: inout AdaptiveLimitMachine, callers: Int, capacity: Int, rounds: Int,
        _ verdict: Verdict = .succeeded, isTimeout: Bool = false, from start: inout Duration
    ) {
        for _ in 0..<rounds {
            let now = MonotonicInstant(nanoseconds: 0).advanced(by: start)
            let tickets = (0..<callers).compactMap { _ in machine.admit(at: now) }
            for (number, ticket) in tickets.enumerated() {
                let turns = number / capacity + 1
                machine.record(
                    verdict, isTimeout: isTimeout, for: ticket, at: now.advanced(by: .milliseconds(10) * turns))
            }
            start += .milliseconds(10) * (callers / capacity + 1)
        }
    }

    private func machine(_ algorithm: AdaptiveLimitConfiguration.Algorithm) -> AdaptiveLimitMachine {
        var configuration = AdaptiveLimitConfiguration()
        configuration.algorithm = algorithm
        return AdaptiveLimitMachine(configuration: configuration)
    }

    private static let algorithms: [AdaptiveLimitConfiguration.Algorithm] = [
        .gradient(tolerance: 1.5), .aimd(threshold: .milliseconds(15)),
    ]

    @Test(arguments: algorithms)
    func `under load it settles near what the dependency takes`(
        algorithm: AdaptiveLimitConfiguration.Algorithm
    ) {
        var machine = machine(algorithm)
        var now = Duration.zero
        for capacity in [50, 10, 100] {
            settle(&machine, callers: 1_000, capacity: capacity, rounds: 400, from: &now)
            #expect(machine.limit >= capacity / 2 && machine.limit <= capacity * 4, "\(machine.limit) at \(capacity)")
        }
    }

    @Test(arguments: algorithms)
    func `steady timeouts drive it to its minimum and not to its maximum`(
        algorithm: AdaptiveLimitConfiguration.Algorithm
    ) {
        var machine = machine(algorithm)
        var now = Duration.zero
        settle(&machine, callers: 100, capacity: 100, rounds: 500, .failed, isTimeout: true, from: &now)
        #expect(machine.limit == 1)
        settle(&machine, callers: 100, capacity: 100, rounds: 500, from: &now)
        #expect(machine.limit > 20, "and it comes back from there: \(machine.limit)")
    }

    @Test(arguments: algorithms)
    func `it holds still while it does not limit`(algorithm: AdaptiveLimitConfiguration.Algorithm) {
        var machine = machine(algorithm)
        var now = Duration.zero
        settle(&machine, callers: 3, capacity: 3, rounds: 10_000, from: &now)
        #expect(machine.limit == 20)
    }

    @Test func `latency that varies by nature does not hold it down`() {
        var machine = machine(.gradient(tolerance: 1.5))
        var generator = SeededGenerator(seed: 5)
        let now = MonotonicInstant(nanoseconds: 0)
        for _ in 0..<2_000 {
            let tickets = (0..<machine.limit).compactMap { _ in machine.admit(at: now) }
            for ticket in tickets {
                // Exponentially distributed, with a mean of 10 ms: a dependency without any queue.
                let latency = -log(Double.random(in: 0.000_001..<1, using: &generator)) * 10_000_000
                machine.record(.succeeded, for: ticket, at: now.advanced(by: .nanoseconds(Int64(latency))))
            }
        }
        #expect(machine.limit > 400, "\(machine.limit)")
    }

    @Test func `a burst of timeouts is one event`() {
        var machine = machine(.aimd(threshold: .seconds(1)))
        let now = MonotonicInstant(nanoseconds: 0)
        let tickets = (0..<20).compactMap { _ in machine.admit(at: now) }
        for ticket in tickets { machine.record(.failed, isTimeout: true, for: ticket, at: now) }
        #expect(machine.limit == 18)
        #expect(machine.inFlight == 0)
    }

    @Test func `a quick failure and a cancelled call say nothing of room`() {
        var machine = machine(.gradient(tolerance: 1.5))
        var now = Duration.zero
        settle(&machine, callers: 100, capacity: 100, rounds: 100, .failed, from: &now)
        settle(&machine, callers: 100, capacity: 100, rounds: 100, .abandoned, from: &now)
        #expect(machine.limit == 20)
    }

    @Test func `after a slow hour the usual latency is learnt again`() {
        var machine = machine(.gradient(tolerance: 1.5))
        let now = MonotonicInstant(nanoseconds: 0)
        func calls(_ count: Int, taking latency: Duration) {
            for _ in 0..<count {
                guard let ticket = machine.admit(at: now) else {
                    Issue.record("rejected")
                    return
                }
                machine.record(.succeeded, for: ticket, at: now.advanced(by: latency))
            }
        }
        calls(3_000, taking: .seconds(1))
        calls(500, taking: .milliseconds(10))
        #expect(machine.latency < .milliseconds(30), "\(machine.latency)")
    }

    @Test func `latencies at the ends of the range do not trap`() {
        for algorithm in Self.algorithms {
            var machine = machine(algorithm)
            for (began, ended) in [(Int64.min, Int64.max), (.max, .min), (0, 0)] {
                for _ in 0..<100 {
                    let began = MonotonicInstant(nanoseconds: began)
                    let tickets = (0..<machine.limit).compactMap { _ in machine.admit(at: began) }
                    for ticket in tickets {
                        machine.record(.succeeded, for: ticket, at: MonotonicInstant(nanoseconds: ended))
                    }
                }
            }
            #expect(machine.limit >= 1 && machine.limit <= 1_000)
        }
    }

    @Test func `a call beyond the limit is rejected and a deadline that passes is congestion`() async throws {
        var configuration = AdaptiveLimitConfiguration()
        (configuration.initial, configuration.maximum) = (10, 10)
        let (limit, clock) = (try AdaptiveLimit("search", configuration: configuration, clock: clock), self.clock)
        let calls = (0..<10).map { _ in
            Task {
                try await withDeadline(in: .seconds(1), clock: clock) {
                    try await limit.run { try await clock.sleep(for: .seconds(9)) }
                }
            }
        }
        await clock.sleepers(20)
        let explanation = try await expectRejection(by: .adaptiveLimit) { try await limit.run {} }
        #expect(explanation.evidence == .concurrency(inFlight: 10, limit: 10, waiting: 0))
        clock.advance(by: .seconds(1))
        for call in calls { await #expect(throws: TimeoutError.self) { try await call.value } }
        #expect(limit.snapshot().limit == 9)
        #expect(limit.snapshot().inFlight == 0)
    }
}
