import Holdfast
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@Suite struct OperatorTests {
    private let clock = ManualClock()

    private func breaker(observing: Bool = false) throws -> CircuitBreaker {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(2)
        configuration.cooldown = .fixed(.seconds(5), jitter: 0)
        return try CircuitBreaker("payments", configuration: configuration, observing: observing, clock: clock)
    }

    private func isAdmitted(_ breaker: CircuitBreaker) -> Bool {
        guard let permit = try? breaker.admit() else { return false }
        permit.abandoned()
        return true
    }

    @Test func `two operators need two releases`() throws {
        let breaker = try breaker()
        let (first, second) = (breaker.isolate(), breaker.isolate())
        let rejection = #expect(throws: CircuitBreaker.Rejection.self) { try breaker.admit().succeeded() }
        #expect(rejection?.explanation.state == "isolated")
        #expect(rejection?.explanation.evidence == .isolated(by: 2))
        first.release()
        first.release()
        #expect(!isAdmitted(breaker), "one operator released twice; the other holds it still")
        second.release()
        #expect(isAdmitted(breaker))
        #expect(breaker.snapshot().state == .closed)
    }

    @Test func `a handle that is dropped is released`() throws {
        let breaker = try breaker()
        _ = breaker.isolate()
        #expect(isAdmitted(breaker))
    }

    @Test func `time does not end an isolation`() throws {
        let breaker = try breaker()
        let handle = breaker.isolate()
        clock.advance(by: .seconds(1_000_000))
        #expect(!isAdmitted(breaker))
        handle.release()
    }

    @Test func `a result from before an isolation decides nothing after it`() throws {
        let breaker = try breaker()
        let one = try breaker.admit()
        let two = try breaker.admit()
        let handle = breaker.isolate()
        one.failed()
        handle.release()
        two.failed()
        #expect(breaker.snapshot().state == .closed)
        #expect(breaker.snapshot().evidence == .consecutiveFailures(0, threshold: 2))
    }

    @Test func `disabled lets all through and records nothing`() throws {
        let breaker = try breaker()
        breaker.disable()
        for _ in 0..<10 { try breaker.admit().failed() }
        #expect(breaker.snapshot().state == .disabled)
        breaker.enable()
        #expect(breaker.snapshot().state == .closed)
        #expect(breaker.snapshot().evidence.count == 0)
    }

    @Test func `reset closes and forgets`() throws {
        let breaker = try breaker()
        for _ in 0..<2 { try breaker.admit().failed() }
        #expect(!isAdmitted(breaker))
        breaker.reset()
        try breaker.admit().failed()
        #expect(breaker.snapshot().state == .closed, "the failures from before are forgotten")
    }

    @Test func `observing counts and announces and never rejects`() throws {
        let changes = Mutex<[CircuitBreaker.State]>([])
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(2)
        let breaker = try CircuitBreaker("x", configuration: configuration, observing: true, clock: clock) { change in
            changes.withLock { $0.append(change.to) }
        }
        for _ in 0..<2 { try breaker.admit().failed() }
        for number in 0..<10 { try breaker.admit().ended(number < 4 ? .succeeded : .failed) }
        let snapshot = breaker.snapshot()
        #expect(snapshot.state == .open)
        #expect(snapshot.observed.rejected == 10)
        #expect(snapshot.observed.succeeded == 4)
        #expect(changes.withLock { $0 } == [.open])
        breaker.observe(false)
        #expect(!isAdmitted(breaker), "told to enforce, it is still open")
    }

    @Test func `an open breaker survives its process`() throws {
        let breaker = try breaker()
        for _ in 0..<2 { try breaker.admit().failed() }
        clock.advance(by: .seconds(2))
        let saved = breaker.savedState()
        let successor = try self.breaker()
        successor.restore(saved)
        #expect(successor.snapshot().state == .open)
        #expect(successor.snapshot().retryAfter == .seconds(3))
        clock.advance(by: .seconds(3))
        try successor.admit().succeeded()
        #expect(successor.snapshot().state == .closed)
        successor.restore(try self.breaker().savedState())
        #expect(successor.snapshot().state == .closed)
    }

    @Test func `a restored cooldown is no longer than the configuration allows`() throws {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(1)
        configuration.cooldown = .fixed(.seconds(86_400), jitter: 0)
        let patient = try CircuitBreaker("patient", configuration: configuration, clock: clock)
        try patient.admit().failed()
        let breaker = try breaker()
        breaker.restore(patient.savedState())
        #expect(breaker.snapshot().retryAfter == .seconds(5))
    }

    @Test func `operators' changes are announced with their reason`() throws {
        let reasons = Mutex<[CircuitBreaker.Reason]>([])
        let breaker = try CircuitBreaker("x", clock: clock) { change in reasons.withLock { $0.append(change.reason) } }
        breaker.isolate().release()
        breaker.disable()
        breaker.enable()
        breaker.reset()
        #expect(reasons.withLock { $0 } == [.isolated, .released, .disabled, .enabled, .reset])
    }
}
