import Holdfast
import HoldfastTesting
import Synchronization
import Testing

@Suite struct CircuitBreakerTests {
    private struct Broken: Error {}

    private func breaker(
        clock: ManualClock, onChange: (@Sendable (CircuitBreaker.Change) -> Void)? = nil
    ) throws -> CircuitBreaker {
        try CircuitBreaker(
            "payments", trip: .consecutiveFailures(3), cooldown: .seconds(5), jitter: 0, clock: clock,
            onChange: onChange)
    }

    private func fail(_ breaker: CircuitBreaker, times: Int = 3) async {
        for _ in 0..<times {
            await #expect(throws: Broken.self) { try await breaker.run { throw Broken() } }
        }
    }

    @Test func `an open breaker rejects without calling and explains`() async throws {
        let clock = ManualClock()
        let breaker = try breaker(clock: clock)
        await fail(breaker)
        let rejection = await #expect(throws: CircuitBreaker.Rejection.self) {
            try await breaker.run { Issue.record("an open breaker called") }
        }
        let explanation = try #require(rejection?.explanation)
        #expect(explanation.name == "payments")
        #expect(explanation.evidence == .consecutiveFailures(3, threshold: 3))
        #expect(explanation.generation == 1)
        #expect(explanation.retryAfter == .seconds(5))
    }

    @Test func `a caller that is already cancelled closes nothing`() async throws {
        let clock = ManualClock()
        let breaker = try breaker(clock: clock)
        await fail(breaker)
        clock.advance(by: .seconds(5))
        await #expect(throws: CancellationError.self) {
            try await breaker.run { throw CancellationError() }
        }
        #expect(breaker.snapshot().state == .halfOpen)
        #expect(breaker.snapshot().probesInFlight == 0)
    }

    @Test func `a permit that is dropped gives its place back`() async throws {
        let clock = ManualClock()
        let breaker = try breaker(clock: clock)
        await fail(breaker)
        clock.advance(by: .seconds(5))
        do {
            let permit = try breaker.admit()
            let isProbe = permit.isProbe
            #expect(isProbe)
        }
        #expect(breaker.snapshot().probesInFlight == 0)
        try await breaker.run {}
        #expect(breaker.snapshot().state == .closed)
    }

    @Test func `one probe is admitted however many threads ask`() async throws {
        let clock = ManualClock()
        let breaker = try breaker(clock: clock)
        for _ in 0..<50 {
            await fail(breaker)
            clock.advance(by: .seconds(5))
            let holder = Holder()
            let admitted = await withTaskGroup(of: Int.self) { group in
                for _ in 0..<16 {
                    group.addTask {
                        do {
                            let permit = try breaker.admit()
                            // Held until all have asked: handing it in here would let the next one in.
                            holder.hold(permit)
                            return 1
                        } catch {
                            return 0
                        }
                    }
                }
                return await group.reduce(0, +)
            }
            #expect(admitted == 1)
            holder.succeed()
            #expect(breaker.snapshot().state == .closed)
        }
    }

    private final class Holder: Sendable {
        private let held = Mutex<[Held]>([])
        func hold(_ permit: consuming CircuitBreaker.Permit) {
            let one = Held(permit)
            held.withLock { $0.append(one) }
        }
        func succeed() {
            for held in held.withLock({ $0 }) { held.succeed() }
        }
    }

    private final class Held: Sendable {
        private let permit: Mutex<CircuitBreaker.Permit?>
        init(_ permit: consuming CircuitBreaker.Permit) { self.permit = Mutex(permit) }
        func succeed() {
            guard let permit = permit.withLock({ $0.take() }) else { return }
            permit.succeeded()
        }
    }

    @Test func `failures of many threads are all counted`() async throws {
        let breaker = try CircuitBreaker("many", trip: .consecutiveFailures(100_000), clock: ManualClock())
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<10_000 { if let permit = try? breaker.admit() { permit.failed() } }
                }
            }
        }
        #expect(breaker.snapshot().evidence.count == 40_000)
    }

    @Test func `changes are told in order and the listener may call back`() async throws {
        let clock = ManualClock()
        let changes = Mutex<[String]>([])
        let reference = Mutex<CircuitBreaker?>(nil)
        let breaker = try breaker(clock: clock) { change in
            // Under a lock, this would never return.
            _ = reference.withLock { $0 }?.snapshot()
            changes.withLock { $0.append("\(change.from.rawValue) \(change.to.rawValue)") }
        }
        reference.withLock { $0 = breaker }
        await fail(breaker)
        clock.advance(by: .seconds(5))
        try await breaker.run {}
        #expect(changes.withLock { $0 } == ["closed open", "open half-open", "half-open closed"])
        reference.withLock { $0 = nil }
    }
}
