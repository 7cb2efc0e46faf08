import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import Holdfast

@Suite struct KeyedBreakersTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    private func breakers(
        above: CircuitBreaker? = nil, capacity: Int = 4,
        onChange: (@Sendable (Int?, CircuitBreaker.Change) -> Void)? = nil
    ) throws -> CircuitBreakers<Int> {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(2)
        configuration.cooldown = .fixed(.seconds(5), jitter: 0)
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

    @Test func `a flood of keys takes no more room than there is and forgets nothing that counts`() async throws {
        let breakers = try breakers()
        await fail(breakers, -1)
        await fail(breakers, -2, times: 1)
        for key in 0..<100_000 { try await breakers.run(key) {} }
        #expect(breakers.snapshot().count == 4)
        #expect(breakers.snapshot().overflowed == 0, "those with nothing against them make room")
        #expect(breakers.health(of: -1)?.state == .open)
        #expect(breakers.health(of: -2)?.evidence.count == 1)
    }

    @Test func `keys that find no room pass and one bad one among them rejects no other`() async throws {
        let breakers = try breakers()
        for key in 0..<4 { await fail(breakers, key, times: 1) }
        for _ in 0..<10 { await fail(breakers, 77_777, times: 5) }
        try await breakers.run(88_888) {}
        #expect(breakers[88_888] === breakers.overflow)
        let seen = breakers.overflow.snapshot()
        #expect(seen.isObserving && seen.observed.rejected > 0, "it counts what it would have rejected")
        #expect(breakers.snapshot().overflowed == 52)
    }

    /// What may have become of a key's last call, and for how long that is still under way.
    private static let ends:
        [(name: String, lasts: Duration, end: @Sendable (CircuitBreakers<Int>, ManualClock) async throws -> Void)] = [
            ("it succeeded", .zero, { breakers, _ in try await breakers.run(0) {} }),
            ("it failed", .zero, { breakers, _ in try? await breakers.run(0) { throw Broken() } }),
            ("it was cancelled", .zero, { breakers, _ in try? await breakers.run(0) { throw CancellationError() } }),
            (
                "it opened", .seconds(500),
                { breakers, _ in
                    for _ in 0..<2 { try? await breakers.run(0) { throw Broken() } }
                }
            ),
            (
                "its probe was cancelled", .zero,
                { breakers, clock in
                    for _ in 0..<2 { try? await breakers.run(0) { throw Broken() } }
                    clock.advance(by: .seconds(500))
                    try? await breakers.run(0) { throw CancellationError() }
                }
            ),
            (
                "its probe hung", .seconds(60),
                { breakers, clock in
                    for _ in 0..<2 { try? await breakers.run(0) { throw Broken() } }
                    clock.advance(by: .seconds(500))
                    _ = try breakers[0].ticket()
                }
            ),
            (
                "it ramps", .seconds(300),
                { breakers, clock in
                    for _ in 0..<2 { try? await breakers.run(0) { throw Broken() } }
                    clock.advance(by: .seconds(500))
                    try await breakers.run(0) {}
                }
            ),
        ]

    @Test(arguments: ends.indices)
    func `a host that is gone is forgotten whatever became of its last call`(index: Int) async throws {
        let (name, lasts, end) = Self.ends[index]
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(2)
        configuration.cooldown = .fixed(.seconds(500), jitter: 0)
        configuration.ramp = .seconds(300)
        let breakers = try CircuitBreakers<Int>(
            "x", configuration: configuration, capacity: 2, idle: .seconds(60), clock: clock)
        try await end(breakers, clock)
        if lasts > .seconds(60) {
            clock.advance(by: lasts - .milliseconds(1))
            _ = breakers[1]
            #expect(breakers.health(of: 0) != nil, "\(name), and that is not over")
            clock.advance(by: .milliseconds(1))
        } else {
            clock.advance(by: max(lasts, .seconds(60)))
        }
        _ = breakers[2]
        #expect(breakers.health(of: 0) == nil, "\(name), and it is idle since")
    }

    @Test func `what an operator holds is never forgotten`() async throws {
        let breakers = try breakers()
        breakers[0].observe()
        breakers[1].disable()
        let isolation = breakers[2].isolate()
        for key in 10..<100 {
            clock.advance(by: .seconds(100_000))
            try await breakers.run(key) {}
        }
        #expect(breakers[0].snapshot().isObserving)
        #expect(breakers[1].snapshot().state == .disabled)
        #expect(breakers[2].snapshot().state == .isolated)
        isolation.release()
    }

    @Test func `a breaker is not forgotten while one of its calls is in flight or somebody keeps it`() async throws {
        let breakers = try breakers(capacity: 2)
        let kept = breakers[7]
        await #expect(throws: Broken.self) {
            try await breakers.run(1) {
                clock.advance(by: .seconds(100_000))
                for key in 100..<200 { try await breakers.run(key) {} }
                #expect(breakers.health(of: 1) != nil)
                throw Broken()
            }
        }
        #expect(breakers.health(of: 1)?.evidence.count == 1, "its failure counts where the next call looks")
        #expect(breakers[7] === kept)
        #expect(breakers.snapshot().count == 2)
    }

    @Test func `the last one to be used stays of those that have nothing against them`() async throws {
        let breakers = try breakers()
        for key in 0..<4 {
            clock.advance(by: .seconds(1))
            try await breakers.run(key) {}
        }
        try await breakers.run(0) {}
        try await breakers.run(4) {}
        #expect(Set(breakers.health().map(\.key)) == [0, 2, 3, 4])
    }

    // MARK: Health

    @Test func `the health of all keys is told without using them`() async throws {
        let breakers = try breakers()
        await fail(breakers, 1)
        await fail(breakers, 2, times: 1)
        try await breakers.run(3) {}
        clock.advance(by: .seconds(2))
        let health = breakers.health().sorted { $0.key < $1.key }
        #expect(health.map(\.key) == [1, 2, 3])
        #expect(health.map(\.breaker.state) == [.open, .closed, .closed])
        #expect(health.map(\.breaker.evidence.count) == [2, 1, 0])
        #expect(health.map(\.idle) == [.seconds(2), .seconds(2), .seconds(2)])
        #expect(health[0].breaker.retryAfter == .seconds(3) && health[0].breaker.name == "orders/1")
        #expect(breakers.health(in: [.open]).map(\.key) == [1])
        #expect(breakers.health(of: 9) == nil && breakers.snapshot().count == 3, "asking makes none")
    }

    @Test func `a key that is told to be gone is forgotten at once`() async throws {
        let breakers = try breakers()
        await fail(breakers, 1)
        for key in 2..<4 { try await breakers.run(key) {} }
        #expect(breakers.forget(1) && !breakers.forget(1))
        try await breakers.run(1) {}
        #expect(breakers.health().count == 3)
    }

    // MARK: Results

    @Test func `a result may be a key's failure and the one's above`() async throws {
        let service = try CircuitBreaker("service", trip: .failureRate(1, ofLast: 3), clock: clock)
        let breakers = try breakers(above: service)
        for key in [1, 1, 2] {
            let status = try await breakers.run(key, judgingResult: { $0 >= 500 ? .failed : .succeeded }) { 503 }
            #expect(status == 503)
        }
        #expect(breakers.health(of: 1)?.state == .open)
        #expect(breakers.health(of: 2)?.evidence.count == 1)
        #expect(service.snapshot().state == .open)
    }

    @Test func `a registry's judge judges results and errors of every key`() async throws {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(1)
        let judge = Judge.custom { _ in .abandoned }.judgingResults(of: Int.self) { $0 == 503 ? .failed : nil }
        let breakers = try CircuitBreakers<Int>("x", configuration: configuration, judging: judge, clock: clock)
        await fail(breakers, 1)
        #expect(breakers.health(of: 1)?.state == .closed)
        _ = try await breakers.run(1) { 503 }
        #expect(breakers.health(of: 1)?.state == .open)
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
        #expect(changes.withLock { $0 } == [7, nil], "the overflow tells what it would do")
    }

    @Test func `a registry without bounds is refused`() {
        #expect(throws: ConfigurationError.self) { try breakers(capacity: 0) }
        #expect(throws: ConfigurationError.self) { try breakers(capacity: .max) }
    }
}
