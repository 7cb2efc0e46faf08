import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

@Suite struct SlowProbeTests {
    private let clock = ManualClock()
    private static let slow = Trip.slowCallRate(0.5, slowerThan: .seconds(1), ofLast: 4)

    private func breaker(_ trip: Trip, successesToClose: Int = 1) throws -> CircuitBreaker {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = trip
        configuration.cooldown = .fixed(.seconds(5), jitter: 0)
        configuration.successesToClose = successesToClose
        return try CircuitBreaker("x", configuration: configuration, clock: clock)
    }

    /// Makes one call that succeeds, and takes so long by the clock.
    private func call(_ breaker: CircuitBreaker, taking duration: Duration) async throws {
        try await breaker.run { clock.advance(by: duration) }
    }

    @Test(arguments: [
        slow, .slowCallRate(0.5, slowerThan: .seconds(1), over: .seconds(60), atLeast: 4),
        .any(.consecutiveFailures(9), slow), .any(.slowCallRate(1, slowerThan: .seconds(9), ofLast: 4), slow),
    ])
    func `a breaker that trips on slow calls opens again on a slow probe`(trip: Trip) async throws {
        let breaker = try breaker(trip)
        for _ in 0..<4 { try await call(breaker, taking: .seconds(2)) }
        #expect(breaker.snapshot().state == .open)
        for _ in 0..<3 {
            clock.advance(by: .seconds(5))
            try await call(breaker, taking: .milliseconds(1_001))
            #expect(breaker.snapshot().state == .open, "the probe took longer than a second")
        }
        clock.advance(by: .seconds(5))
        try await call(breaker, taking: .seconds(1))
        #expect(breaker.snapshot().state == .closed, "a second is in time")
    }

    @Test func `a slow probe after quick ones opens again and says why`() throws {
        let changes = Changes()
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = Self.slow
        configuration.cooldown = .fixed(.seconds(5), jitter: 0)
        configuration.successesToClose = 2
        let breaker = try CircuitBreaker("x", configuration: configuration, clock: clock) { changes.add($0) }
        for _ in 0..<4 { try breaker.admit().ended(.succeeded, took: .seconds(2)) }
        clock.advance(by: .seconds(5))
        try breaker.admit().ended(.succeeded, took: .zero)
        try breaker.admit().ended(.succeeded, took: .seconds(2))
        #expect(changes.all.map(\.reason).last == .probeSlow)
        #expect(changes.all.last?.to == .open)
        #expect("\(CircuitBreaker.Reason.probeSlow)" == "the probe was slow")
    }

    @Test func `where slow calls do not trip a slow probe closes`() async throws {
        for trip in [Trip.consecutiveFailures(1), .failureRate(0.5, ofLast: 1)] {
            let breaker = try breaker(trip)
            try breaker.admit().failed()
            clock.advance(by: .seconds(5))
            try await call(breaker, taking: .seconds(3_600 * 24 * 365))
            #expect(breaker.snapshot().state != .open)
        }
    }

    @Test func `a slow probe that is cancelled says nothing`() throws {
        let breaker = try breaker(Self.slow)
        for _ in 0..<4 { try breaker.admit().ended(.succeeded, took: .seconds(2)) }
        clock.advance(by: .seconds(5))
        try breaker.admit().ended(.abandoned, took: .seconds(2))
        #expect(breaker.snapshot().state == .halfOpen)
        #expect(breaker.snapshot().probesInFlight == 0)
    }
}
