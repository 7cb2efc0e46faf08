import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast
@testable import HoldfastMachines

@Suite struct CooldownTests {
    private let start = MonotonicInstant(nanoseconds: 0)

    /// The cooldowns of so many trips in a row.
    private func cooldowns(_ cooldown: Cooldown, trips: Int, seed: UInt64 = 1) throws -> [Duration] {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(1)
        configuration.cooldown = cooldown
        try configuration.validate()
        var machine = CircuitBreakerMachine(configuration: configuration, seed: seed)
        var now = start
        return (0..<trips).compactMap { _ in
            guard case .admitted(let ticket) = machine.admit(at: now).admission else { return nil }
            _ = machine.record(.failed, for: ticket, at: now)
            let wait = machine.retryAfter(at: now)
            now = now.advanced(by: wait)
            return wait
        }
    }

    @Test func `a fixed cooldown stays the same`() throws {
        try expectEqual(cooldowns(.fixed(.seconds(3), jitter: 0), trips: 5), Array(repeating: .seconds(3), count: 5))
    }

    @Test func `a cooldown grows with each trip in a row up to its cap`() throws {
        let growing = Cooldown.growing(from: .seconds(1), cap: .seconds(5), jitter: 0)
        try expectEqual(cooldowns(growing, trips: 5), [1, 2, 4, 5, 5].map { .seconds($0) })
    }

    @Test func `closing takes the growth back`() throws {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(1)
        configuration.cooldown = .growing(from: .seconds(1), cap: .seconds(60), jitter: 0)
        var machine = CircuitBreakerMachine(configuration: configuration)
        var now = start
        for (verdict, wait) in [(Verdict.failed, 1), (.failed, 2), (.succeeded, 0), (.failed, 1)] {
            guard case .admitted(let ticket) = machine.admit(at: now).admission else {
                Issue.record("rejected after the cooldown")
                return
            }
            _ = machine.record(verdict, for: ticket, at: now)
            #expect(machine.retryAfter(at: now) == .seconds(wait))
            now = now.advanced(by: .seconds(wait))
        }
    }

    @Test func `breakers at the cap still spread and never exceed it`() throws {
        let cooldown = Cooldown.growing(from: .seconds(10), cap: .seconds(10), jitter: 0.2)
        let drawn = try (0..<100).flatMap { try cooldowns(cooldown, trips: 3, seed: $0) }
        #expect(drawn.allSatisfy { $0 >= .seconds(8) && $0 <= .seconds(10) })
        #expect(Set(drawn).count > 250)
    }

    @Test func `the same seed gives the same cooldowns`() throws {
        let cooldown = Cooldown.fixed(.seconds(10), jitter: 1)
        try expectEqual(cooldowns(cooldown, trips: 10, seed: 5), cooldowns(cooldown, trips: 10, seed: 5))
    }

    @Test(arguments: [
        Cooldown.fixed(.zero), .fixed(.seconds(Int64.max)), .growing(from: .seconds(2), cap: .seconds(1)),
        .growing(from: .seconds(1), cap: .seconds(2), factor: 0.5), .fixed(.seconds(1), jitter: -0.1),
        .growing(from: .seconds(1), cap: .seconds(2), factor: .nan), .fixed(.seconds(1), jitter: 1.1),
        .fixed(.seconds(1), jitter: .nan),
    ])
    func `a cooldown that can never be right is refused`(cooldown: Cooldown) {
        var configuration = CircuitBreakerConfiguration()
        configuration.cooldown = cooldown
        #expect(throws: ConfigurationError.self) { try CircuitBreaker("x", configuration: configuration) }
    }

    @Test func `the load comes back over a ramp and not at once`() throws {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(1)
        configuration.cooldown = .fixed(.seconds(1), jitter: 0)
        configuration.ramp = .seconds(10)
        var machine = CircuitBreakerMachine(configuration: configuration)
        guard case .admitted(let first) = machine.admit(at: start).admission else { return }
        _ = machine.record(.failed, for: first, at: start)
        var now = start.advanced(by: .seconds(1))
        guard case .admitted(let probe) = machine.admit(at: now).admission else { return }
        expectEqual(machine.record(.succeeded, for: probe, at: now)?.to, .closed)
        var shares: [Int] = []
        for _ in 0..<11 {
            shares.append(
                (0..<1_000).count { _ in if case .admitted = machine.admit(at: now).admission { true } else { false } })
            now = now.advanced(by: .seconds(1))
        }
        #expect(shares[0] == 100, "a tenth at first")
        #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 <= $1 }, "\(shares)")
        #expect(shares[10] == 1_000)
        #expect(machine.phase == .closed)
    }

    @Test func `a failure during the ramp trips again`() throws {
        let clock = ManualClock()
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(1)
        configuration.cooldown = .fixed(.seconds(1), jitter: 0)
        configuration.ramp = .seconds(10)
        let breaker = try CircuitBreaker("x", configuration: configuration, clock: clock)
        try breaker.admit().failed()
        clock.advance(by: .seconds(1))
        try breaker.admit().succeeded()
        #expect(breaker.snapshot().state == .closed)
        let ramping = try breaker.admit()
        let rejection = #expect(throws: CircuitBreaker.Rejection.self) { try breaker.admit().succeeded() }
        #expect(rejection?.explanation.evidence == .ramp(admitting: 0.1))
        ramping.failed()
        #expect(breaker.snapshot().state == .open)
    }
}
