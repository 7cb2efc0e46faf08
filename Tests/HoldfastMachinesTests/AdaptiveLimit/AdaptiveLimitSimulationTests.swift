import Foundation
import HoldfastTesting
import Testing

@testable import HoldfastMachines

/// The adaptive limit in front of simulated dependencies that are asked for more than they can do.
@Suite struct AdaptiveLimitSimulationTests {
    /// How a dependency divides its processors among the calls that it has.
    enum Dependency: CaseIterable {
        /// All at once: with three times as many calls as processors, each takes three times as long.
        case sharing
        /// One after the other: as many as there are processors, and the rest waits.
        case queueing
    }

    enum Work: CaseIterable {
        case alike, exponential
    }

    struct Outcome: CustomStringConvertible {
        var limit = 0.0
        /// In units of one call's work.
        var latency = 0.0
        /// As a share of what the dependency can do.
        var throughput = 0.0

        var description: String {
            String(format: "limit %.0f, latency %.1f, throughput %.3f", limit, latency, throughput)
        }
    }

    private struct Job {
        let ticket: AdaptiveLimitMachine.Ticket
        var left: Double
    }

    /// Poisson arrivals at a multiple of the capacity. A call's work takes one unit of time on a processor, on average.
    ///
    /// - Returns: The averages over the last third of the time.
    private func simulate(
        _ dependency: Dependency, processors: Int, work: Work, load: Double, time: Double, seed: UInt64
    ) -> Outcome {
        var machine = AdaptiveLimitMachine(configuration: AdaptiveLimitConfiguration())
        var generator = SeededGenerator(seed: seed)
        func exponential(_ mean: Double) -> Double {
            -log(Double.random(in: Double.leastNonzeroMagnitude..<1, using: &generator)) * mean
        }
        func instant(_ time: Double) -> MonotonicInstant { MonotonicInstant(nanoseconds: Int64(time * 10_000_000)) }
        var (now, nextArrival) = (0.0, 0.0)
        var jobs: [Job] = []
        var (outcome, ended, observed) = (Outcome(), 0.0, 0.0)
        while now < time {
            let served = dependency == .sharing ? jobs.count : min(jobs.count, processors)
            let speed = min(1, Double(processors) / Double(max(1, served)))
            let first = jobs.prefix(served).indices.min { jobs[$0].left < jobs[$1].left }
            let step = first.map { jobs[$0].left / speed } ?? .infinity
            let arrives = nextArrival - now < step
            let passed = arrives ? nextArrival - now : step
            for index in 0..<served { jobs[index].left -= passed * speed }
            now += passed
            if now > time * 2 / 3 {
                outcome.limit += Double(machine.limit) * passed
                observed += passed
            }
            if arrives {
                nextArrival = now + exponential(1 / (load * Double(processors)))
                guard let ticket = machine.admit(at: instant(now)) else { continue }
                jobs.append(Job(ticket: ticket, left: work == .alike ? 1 : exponential(1)))
            } else if let first {
                let job = jobs.remove(at: first)
                machine.record(.succeeded, for: job.ticket, at: instant(now))
                guard now > time * 2 / 3 else { continue }
                ended += 1
                outcome.latency += job.ticket.began.duration(to: instant(now)) / .milliseconds(10)
            }
        }
        outcome.limit /= observed
        outcome.latency /= ended
        outcome.throughput = ended / observed / Double(processors)
        return outcome
    }

    @Test(arguments: Dependency.allCases, Work.allCases)
    func `under lasting overload the limit stays near what the dependency can do`(dependency: Dependency, work: Work) {
        for processors in [4, 16] {
            for load in [1.5, 3] {
                let outcome = simulate(dependency, processors: processors, work: work, load: load, time: 900, seed: 7)
                let comment: Comment = "\(dependency), \(work), \(processors) processors, load \(load): \(outcome)"
                #expect(outcome.throughput > 0.95, comment)
                #expect(outcome.limit < Double(processors) * 8, comment)
                #expect(outcome.latency < 8, comment)
            }
        }
    }

    @Test(arguments: Dependency.allCases)
    func `below its capacity nothing is held up whatever the first call took`(dependency: Dependency) {
        for seed in 0..<6 as Range<UInt64> {
            let outcome = simulate(dependency, processors: 16, work: .exponential, load: 0.8, time: 400, seed: seed)
            #expect(outcome.throughput > 0.74, "seed \(seed): \(outcome)")
            #expect(outcome.latency < 1.5, "seed \(seed): \(outcome)")
        }
    }

    @Test func `the longer it lasts the limit drifts no further`() {
        let early = simulate(.sharing, processors: 4, work: .exponential, load: 3, time: 1_000, seed: 5)
        let late = simulate(.sharing, processors: 4, work: .exponential, load: 3, time: 8_000, seed: 5)
        #expect(late.limit < early.limit * 1.5 + 5, "\(early), then \(late)")
    }
}
