import Holdfast
import HoldfastTesting
import Testing

@Suite struct CircuitBreakerPermitTests {
    private struct Broken: Error {}

    private let clock = ManualClock()

    private func breaker(trip: Int = 1, successesToClose: Int = 1) throws -> CircuitBreaker {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(trip)
        configuration.cooldown = .fixed(.seconds(5), jitter: 0)
        configuration.successesToClose = successesToClose
        return try CircuitBreaker("payments", configuration: configuration, clock: clock)
    }

    @Test func `a late failure from before the trip does not trip the breaker that has recovered`() throws {
        let breaker = try breaker()
        let late = try breaker.admit()
        try breaker.admit().failed()
        clock.advance(by: .seconds(5))
        try breaker.admit().succeeded()
        late.failed()
        #expect(breaker.snapshot().state == .closed)
        #expect(breaker.snapshot().generation == 3)
    }

    @Test func `a late success from before the trip does not close the breaker`() throws {
        let breaker = try breaker()
        let late = try breaker.admit()
        try breaker.admit().failed()
        clock.advance(by: .seconds(5))
        let probe = try breaker.admit()
        late.succeeded()
        #expect(breaker.snapshot().state == .halfOpen)
        #expect(breaker.snapshot().probesInFlight == 1)
        probe.abandoned()
    }

    @Test func `a late success does not start the new generation's count again`() throws {
        let breaker = try breaker(trip: 2)
        let late = try breaker.admit()
        for _ in 0..<2 { try breaker.admit().failed() }
        clock.advance(by: .seconds(5))
        try breaker.admit().succeeded()
        try breaker.admit().failed()
        late.succeeded()
        #expect(breaker.snapshot().evidence.count == 1)
    }

    @Test func `a permit that is consumed is not abandoned as well`() throws {
        let breaker = try breaker(successesToClose: 2)
        try breaker.admit().failed()
        clock.advance(by: .seconds(5))
        try breaker.admit().succeeded()
        #expect(breaker.snapshot().probesInFlight == 0)
        let second = try breaker.admit()
        #expect(breaker.snapshot().probesInFlight == 1)
        second.succeeded()
        #expect(breaker.snapshot().state == .closed)
    }

    @Test func `a probe that hangs gives its place to another call after the bound`() throws {
        let breaker = try breaker()
        try breaker.admit().failed()
        clock.advance(by: .seconds(5))
        let hung = try breaker.admit()
        clock.advance(by: .seconds(60))
        let next = try breaker.admit()
        hung.succeeded()
        #expect(breaker.snapshot().state == .halfOpen, "the hung probe has lost its say")
        next.succeeded()
        #expect(breaker.snapshot().state == .closed)
    }

    @Test func `a call that is cancelled while it runs neither trips nor closes`() async throws {
        let breaker = try breaker()
        let sleep = clock
        let call = Task { try await breaker.run { try await sleep.sleep(for: .seconds(1)) } }
        await clock.sleepers(1)
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        #expect(breaker.snapshot().state == .closed)
        #expect(breaker.snapshot().evidence.count == 0)
    }

    @Test func `a probe that is cancelled while it runs gives its place back`() async throws {
        let breaker = try breaker()
        try breaker.admit().failed()
        clock.advance(by: .seconds(5))
        let sleep = clock
        let probe = Task { try await breaker.run { try await sleep.sleep(for: .seconds(1)) } }
        await clock.sleepers(1)
        #expect(breaker.snapshot().probesInFlight == 1)
        probe.cancel()
        await #expect(throws: CancellationError.self) { try await probe.value }
        #expect(breaker.snapshot().probesInFlight == 0)
        #expect(breaker.snapshot().state == .halfOpen)
    }

    @Test func `what an error says about the dependency is the caller's to judge`() async throws {
        let breaker = try breaker()
        await #expect(throws: Broken.self) {
            try await breaker.run(judging: .custom { _ in .succeeded }) { throw Broken() }
        }
        #expect(breaker.snapshot().state == .closed)
        await #expect(throws: Broken.self) { try await breaker.run { throw Broken() } }
        #expect(breaker.snapshot().state == .open)
    }

    @Test func `a rejection proves that nothing was sent and says when to come back`() throws {
        let breaker = try breaker()
        try breaker.admit().failed()
        clock.advance(by: .seconds(2))
        do {
            try breaker.admit().succeeded()
            Issue.record("an open breaker admitted")
        } catch {
            #expect(error.failureClass == .notSent(retryAfter: .seconds(3)))
            #expect(error.explanation.state == "open")
            #expect(error.explanation.policy == .circuitBreaker)
        }
    }
}
