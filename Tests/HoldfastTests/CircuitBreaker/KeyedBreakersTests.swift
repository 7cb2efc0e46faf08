import Holdfast
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@Suite struct KeyedBreakersTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    private func breakers(
        above: CircuitBreaker? = nil, capacity: Int = 4,
        onChange: (@Sendable (Int?, CircuitBreaker.Change) -> Void)? = nil
    ) throws -> CircuitBreakers<Int> {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(2)
        configuration.cooldown = .fixed(.seconds(5))
        return try CircuitBreakers(
            "orders", configuration: configuration, above: above, capacity: capacity, idle: .seconds(60), clock: clock,
            onChange: onChange)
    }

    private func fail(_ breakers: CircuitBreakers<Int>, _ key: Int, times: Int = 2) async {
        for _ in 0..<times { _ = try? await breakers.run(key) { throw Broken() } }
    }

    @Test func `one key's failures are its own`() async throws {
        let breakers = try breakers()
        await fail(breakers, 1)
        try await expectRejection(by: .circuitBreaker, named: "orders/1") { try await breakers.run(1) {} }
        try await breakers.run(2) {}
        #expect(breakers[1] === breakers[1])
    }

    @Test func `a flood of keys takes no more room than there is`() async throws {
        let breakers = try breakers()
        for key in 0..<100_000 { _ = breakers[key] }
        #expect(breakers.snapshot().count == 4)
        #expect(breakers.snapshot().overflowed == 100_000 - 4)
        #expect(breakers[77_777] === breakers.overflow, "they share one, and are still protected")
        await fail(breakers, 77_777)
        try await expectRejection(by: .circuitBreaker, named: "orders/overflow") { try await breakers.run(88_888) {} }
    }

    @Test func `what is idle makes room without a timer and what is open never does`() async throws {
        let breakers = try breakers()
        for key in 0..<4 { _ = breakers[key] }
        await fail(breakers, 0)
        await fail(breakers, 1, times: 1)
        breakers[2].observe()
        clock.advance(by: .seconds(59))
        #expect(breakers[9] === breakers.overflow, "none is idle for long enough")
        clock.advance(by: .seconds(100))
        let fresh = breakers[10]
        #expect(fresh !== breakers.overflow)
        #expect(breakers[11] === breakers.overflow, "open, with a failure, or told to observe: all are kept")
        #expect(breakers[0].snapshot().state == .open)
        #expect(breakers.snapshot().count == 4)
    }

    @Test func `one bad shard trips its own breaker and never the service's`() async throws {
        let service = try CircuitBreaker("orders", trip: .failureRate(0.5, ofLast: 40), clock: clock)
        let breakers = try breakers(above: service, capacity: 10)
        for _ in 0..<100 {
            for shard in 0..<4 { _ = try? await breakers.run(shard) { if shard == 0 { throw Broken() } } }
        }
        #expect(breakers[0].snapshot().state == .open)
        #expect(service.snapshot().state == .closed)
        for shard in 1..<4 { try await breakers.run(shard) {} }
    }

    @Test func `the service's breaker trips when the shards fail together`() async throws {
        let service = try CircuitBreaker("orders", trip: .failureRate(0.5, ofLast: 8), clock: clock)
        let breakers = try breakers(above: service, capacity: 10)
        for shard in 0..<8 { await fail(breakers, shard, times: 1) }
        #expect(service.snapshot().state == .open)
        try await expectRejection(by: .circuitBreaker, named: "orders") { try await breakers.run(9) {} }
    }

    @Test func `a rule of one's own cannot turn a key's rejection into the service's failure`() async throws {
        let service = try CircuitBreaker("orders", trip: .consecutiveFailures(3), clock: clock)
        let breakers = try breakers(above: service)
        await fail(breakers, 1)
        for _ in 0..<5 {
            try await expectRejection(by: .circuitBreaker, named: "orders/1") {
                try await breakers.run(1, judging: .custom { _ in .failed }) {}
            }
        }
        #expect(service.snapshot().state == .closed)
    }

    @Test func `changes are told with their key and the overflow's without`() async throws {
        let changes = Mutex<[Int?]>([])
        let breakers = try breakers(capacity: 1) { key, _ in changes.withLock { $0.append(key) } }
        await fail(breakers, 7)
        await fail(breakers, 8)
        #expect(changes.withLock { $0 } == [7, nil])
    }

    @Test func `a registry without bounds is refused`() {
        #expect(throws: ConfigurationError.self) { try breakers(capacity: 0) }
        #expect(throws: ConfigurationError.self) { try breakers(capacity: .max) }
    }
}
