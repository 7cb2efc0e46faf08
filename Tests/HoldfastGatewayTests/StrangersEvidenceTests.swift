#if Gateway
import Foundation
import Holdfast
import HoldfastTesting
import NIOCore
import TestSupport
import Testing

@testable import HoldfastGateway

/// What a stranger whose requests the service answers with 500 can do to others by the breaker that a gateway has where
/// nothing is configured, and how soon a service that is really dead is noticed. Time is virtual, chance has a seed, and
/// the breaker and its evidence are those of production.
@Suite struct StrangersEvidenceTests {
    /// Traffic before one breaker.
    private struct Traffic {
        enum Answer {
            case good, bad, unreachable
        }

        private let clock = ManualClock()
        private let breaker: CircuitBreaker
        private let evidence: CallerEvidence?
        private(set) var now = NIODeadline.uptimeNanoseconds(0)
        var chance = SplitMix64(seed: 7)
        var state: CircuitBreaker.State { breaker.snapshot().state }

        init(_ configuration: CircuitBreakerConfiguration, _ evidence: ServiceConfiguration.Evidence) throws {
            let evidence = evidence == .callers ? CallerEvidence(for: configuration.trip, at: now) : nil
            self.evidence = evidence
            breaker = try CircuitBreaker("service", configuration: configuration, clock: clock, seed: 1) {
                evidence?.breakerChanged(to: $0.to)
            }
        }

        /// As a gateway with `--upstream` has it.
        static func usual() throws -> Traffic {
            let service = GatewayConfiguration(upstreams: [], threads: 1).services[0]
            return try Traffic(service.breaker, service.countedEvidence)
        }

        mutating func wait(_ seconds: Double) {
            clock.advance(by: .nanoseconds(Int64(seconds * 1e9)))
            now = now + .nanoseconds(Int64(seconds * 1e9))
        }

        /// Waits for the next call of so many a second that come by chance.
        mutating func waitForNext(of rate: Double) {
            wait(-log(Double.random(in: 1e-12..<1, using: &chance)) / rate)
        }

        mutating func draw(_ range: Range<Int>) -> Int { Int.random(in: range, using: &chance) }

        /// - Returns: Whether it was let through.
        func call(_ caller: Int, _ answer: Answer) -> Bool {
            var permit: CircuitBreaker.Permit?
            do throws(CircuitBreaker.Rejection) {
                permit = try breaker.admit()
            } catch {
                guard evidence?.spares(caller, at: now) == true else { return false }
            }
            let verdict: Verdict = answer == .good ? .succeeded : .failed
            let counted =
                evidence?.weighed(verdict, isUnreachable: answer == .unreachable, of: caller, at: now) ?? verdict
            permit.take()?.ended(counted)
            return true
        }
    }

    /// Who calls, by the places that callers have.
    private struct Callers {
        var honest: Range<Int>
        var strangers: Range<Int>

        /// One stranger among many.
        static let one = Callers(honest: 0..<40, strangers: 50..<51)
        /// A stranger with as many addresses as it likes.
        static let many = Callers(honest: 0..<64, strangers: 0..<64)
        /// All behind a balancer that is not trusted: one address.
        static let balanced = Callers(honest: 0..<1, strangers: 0..<1)
    }

    /// - Parameters:
    ///   - rate: How many honest calls come in a second.
    ///   - share: The stranger's, of all calls.
    ///   - burst: How many of its calls come at once.
    ///   - noise: The share of honest calls that fail as well.
    /// - Returns: The share of honest calls that are rejected.
    private func rejected(
        _ traffic: Traffic, rate: Double, share: Double, _ callers: Callers, burst: Int = 1, noise: Double = 0
    ) -> Double {
        var traffic = traffic
        var (honest, rejected) = (0, 0)
        let bad = share / (1 - share) / Double(burst)
        // The stranger comes when the others have been there for a while.
        for _ in 0..<Int(rate * 20) {
            traffic.waitForNext(of: rate)
            _ = traffic.call(traffic.draw(callers.honest), .good)
        }
        while honest < 10_000 {
            traffic.waitForNext(of: rate * (1 + bad))
            if Double.random(in: 0..<1 + bad, using: &traffic.chance) < bad {
                for _ in 0..<burst { _ = traffic.call(traffic.draw(callers.strangers), .bad) }
            } else {
                honest += 1
                let isNoise = Double.random(in: 0..<1, using: &traffic.chance) < noise
                if !traffic.call(traffic.draw(callers.honest), isNoise ? .bad : .good) { rejected += 1 }
            }
        }
        return Double(rejected) / Double(honest)
    }

    private static let rates = [1.0, 10, 1_000]

    @Test(arguments: rates, [0.05, 0.1, 0.3, 0.5, 0.9])
    func `one stranger keeps nobody out, whatever its share of the traffic`(rate: Double, share: Double) throws {
        for burst in [1, 100] {
            #expect(try rejected(.usual(), rate: rate, share: share, .one, burst: burst) == 0)
        }
    }

    @Test(arguments: rates)
    func `failures of honest calls now and then lend a stranger no weight`(rate: Double) throws {
        for share in [0.1, 0.3, 0.5] {
            let lost = try rejected(.usual(), rate: rate, share: share, .one, noise: 0.01)
            #expect(lost < 0.001, "\(share): \(lost)")
        }
    }

    @Test(arguments: rates, [0.05, 0.1, 0.3])
    func `a stranger with many addresses, or one that has the honest ones', needs more than a third of the traffic`(
        rate: Double, share: Double
    ) throws {
        for callers in [Callers.many, .balanced] {
            let lost = try rejected(.usual(), rate: rate, share: share, callers)
            #expect(lost < 0.005, "\(lost)")
        }
    }

    @Test(arguments: rates)
    func `a stranger with a tenth of the traffic and the honest ones' address gains little by bursts`(
        rate: Double
    ) throws {
        for burst in [10, 30, 100, 1_000] {
            let lost = try rejected(.usual(), rate: rate, share: 0.1, .balanced, burst: burst)
            #expect(lost < 0.03, "\(burst): \(lost)")
        }
    }

    @Test func `three in a row, whoever meets them, are a stranger's to use`() throws {
        var breaker = CircuitBreakerConfiguration()
        breaker.trip = .consecutiveFailures(3)
        breaker.cooldown = .fixed(.seconds(5), jitter: 0)
        let lost = try rejected(Traffic(breaker, .each), rate: 100, share: 0.09, .one)
        #expect(lost > 0.15, "what this is about is seen here: \(lost)")
    }

    @Test(arguments: [0.1, 5, 50])
    func `who sends nothing but bad requests in a quiet hour keeps out itself alone`(rate: Double) throws {
        var traffic = try Traffic.usual()
        var isRejected = false
        for minute in 1...60 {
            let calls = Int(rate * 60)
            for _ in 0..<calls {
                traffic.wait(60 / Double(calls))
                if !traffic.call(9, .bad) { isRejected = true }
            }
            // Somebody else comes once a minute, and another now and then.
            expectEqual(traffic.call(3, .good), true)
            if minute % 10 == 0 { expectEqual(traffic.call(4, .good), true) }
        }
        #expect(isRejected || rate < 1)
    }

    @Test(arguments: [(1.0, 30.0), (10, 12), (1_000, 10)], [Callers.one, .balanced].map(\.honest))
    func `a service that answers everybody with 500 is noticed within seconds`(
        traffic: (rate: Double, bound: Double), callers: Range<Int>
    ) throws {
        let seconds = try noticed(.bad, rate: traffic.rate, callers)
        #expect(seconds < traffic.bound, "\(seconds)")
    }

    @Test(arguments: [(1.0, 15.0), (10, 2), (1_000, 0.03)], [Callers.one, .balanced].map(\.honest))
    func `a service that cannot be connected to is noticed within a few calls`(
        traffic: (rate: Double, bound: Double), callers: Range<Int>
    ) throws {
        let seconds = try noticed(.unreachable, rate: traffic.rate, callers)
        #expect(seconds < traffic.bound, "\(seconds)")
    }

    /// How long it takes, in seconds, until the breaker of a service that was well opens for all.
    private func noticed(_ answer: Traffic.Answer, rate: Double, _ callers: Range<Int>) throws -> Double {
        var traffic = try Traffic.usual()
        for _ in 0..<Int(max(100, rate * 30)) {
            traffic.waitForNext(of: rate)
            _ = traffic.call(traffic.draw(callers), .good)
        }
        let died = traffic.now
        while traffic.state == .closed, traffic.now < died + .seconds(600) {
            traffic.waitForNext(of: rate)
            _ = traffic.call(traffic.draw(callers), answer)
        }
        return Double((traffic.now - died).nanoseconds) / 1e9
    }

    @Test func `a service that is well again is found so, though a stranger's requests are the first to probe`() throws
    {
        var traffic = try Traffic.usual()
        for _ in 0..<100 {
            traffic.wait(0.1)
            _ = traffic.call(traffic.draw(0..<40), .bad)
        }
        #expect(traffic.state == .open)
        traffic.wait(5)
        // One of those who failed goes on, and comes ahead of everybody else.
        for _ in 0..<20 { _ = traffic.call(0, .bad) }
        #expect(traffic.state == .halfOpen)
        expectEqual(traffic.call(1, .good), true)
        #expect(traffic.state == .closed)
    }
}
#endif
