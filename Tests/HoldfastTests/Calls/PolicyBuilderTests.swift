import Holdfast
import HoldfastTesting
import TestSupport
import Testing

@Suite struct PolicyBuilderTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    private func retry(attempts: Int = 3) throws -> Retry {
        try Retry(.constant(.zero), attempts: attempts, budget: RetryBudget(clock: clock), clock: clock)
    }

    private func kinds(_ policy: Policy<some ConcurrentPolicyStage>) -> [String] {
        policy.description.split(separator: "\n").map { String($0.prefix { $0 != ":" }) }
    }

    @Test(arguments: [true, false])
    func `stages are chosen when the policy is made`(isBounded: Bool) async throws {
        let policy = try Policy {
            if isBounded { try Deadline(.seconds(5), clock: clock) }
            try retry()
            if isBounded { try Timeout(.seconds(1), clock: clock) } else { try CircuitBreaker("x", clock: clock) }
            for name in ["a", "b"] { try Bulkhead(name, limit: 1, clock: clock) }
        }
        #expect(
            kinds(policy)
                == (isBounded ? ["deadline", "retry", "timeout"] : ["retry", "circuit breaker"])
                + ["bulkhead", "bulkhead"])
        try await expectEqual(policy.run(repeatable: .idempotent) { $0.number }, 1)
    }

    @Test func `chosen stages run in the caller's task if each of them does`() async throws {
        var made = 0
        let policy = try Policy {
            try retry()
            if clock.now.nanoseconds == 0 { try CooperativeTimeout(.seconds(1), clock: clock) }
            for name in ["a", "b"] { try Bulkhead(name, limit: 1, clock: clock) }
        }
        await #expect(throws: CallFailure<any Error>.self) {
            try await policy.run(repeatable: .idempotent) { _ in
                made += 1
                throw Broken()
            }
        }
        #expect(made == 3)
    }

    @Test func `orders that are always wrong are refused through choices as well`() throws {
        #expect(throws: PolicyError.self) {
            try Policy {
                for _ in 0..<2 { try retry() }
            }
        }
        #expect(throws: PolicyError.self) {
            try Policy {
                try retry()
                if clock.now.nanoseconds == 0 { try Deadline(.seconds(1)) }
            }
        }
        #expect(throws: PolicyError.self) {
            try Policy {
                try retry()
                Fallback { _ in 0 }
            }
        }
    }

    /// A plain type that keeps a policy.
    private struct Service {
        let policy: AnyPolicy
        let local: AnyInPlacePolicy
    }

    @Test func `a policy can be stored by a plain type`() async throws {
        let breaker = try CircuitBreaker("x", trip: .consecutiveFailures(1), clock: clock)
        let service = Service(
            policy: try AnyPolicy("payments") {
                try Deadline(.seconds(5), clock: clock)
                try retry(attempts: 2)
                breaker
            },
            local: try Policy { try retry() }.erasedInPlace())
        #expect(service.policy.name == "payments")
        #expect(kinds(service.policy) == ["deadline", "retry", "circuit breaker"])
        try await expectEqual(service.policy.run(repeatable: .idempotent) { _ in 7 }, 7)
        await #expect(throws: CallFailure<any Error>.self) {
            try await service.policy.run(repeatable: .idempotent) { _ in throw Broken() }
        }
        #expect(breaker.snapshot().state == .open)
        var made = 0
        try await service.local.run(repeatable: .idempotent) { _ in
            made += 1
            if made < 3 { throw Broken() }
        }
        #expect(made == 3)
    }

    @Test func `a policy that is stored refuses to hedge what acts twice`() async throws {
        let policy = try Policy { try Hedge(after: .seconds(1), budget: RetryBudget(clock: clock), clock: clock) }
        await #expect(throws: PolicyError.self) {
            try await policy.erased().run(repeatable: .once) { _ in Issue.record("it ran") }
        }
    }

    @Test func `a stage of keyed breakers asks the one of the call's key`() async throws {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(1)
        let shards = try CircuitBreakers<Int>("orders", configuration: configuration, clock: clock)
        let policy = try Policy { shards }
        await #expect(throws: Broken.self) {
            try await policy.run(repeatable: .once, with: CallOptions(key: 1)) { _ in throw Broken() }
        }
        try await expectRejection(by: .circuitBreaker, named: "orders/1") {
            try await policy.run(repeatable: .once, with: CallOptions(key: 1)) { _ in }
        }
        try await expectEqual(policy.run(repeatable: .once, with: CallOptions(key: 2)) { _ in 7 }, 7)
        let missing = await #expect(throws: PolicyError.self) { try await policy.run(repeatable: .once) { _ in } }
        #expect(missing?.description.contains("has none") == true)
        await #expect(throws: PolicyError.self) {
            try await policy.run(repeatable: .once, with: CallOptions(key: "1")) { _ in }
        }
    }

    @Test(arguments: [nil, "1"] as [String?])
    func `a policy that is used wrongly says so through all its stages and no evidence is drawn from it`(
        key: String?
    ) async throws {
        let shards = try CircuitBreakers<Int>("orders", configuration: CircuitBreakerConfiguration(), clock: clock)
        let breaker = try CircuitBreaker("all", trip: .consecutiveFailures(1), clock: clock)
        let retry = try Retry(.constant(.seconds(1)), attempts: 5, budget: RetryBudget(clock: clock), clock: clock)
        let policy = try Policy {
            Fallback { _ in Issue.record("it was answered") }
            breaker
            retry
            shards
        }
        let options = key.map { CallOptions(key: $0) } ?? CallOptions()
        await #expect(throws: PolicyError.self) {
            try await policy.run(repeatable: .idempotent, with: options) { _ in Issue.record("it ran") }
        }
        await #expect(throws: PolicyError.self) {
            try await policy.erased().run(repeatable: .idempotent, with: options) { _ in Issue.record("it ran") }
        }
        #expect(breaker.snapshot().state == .closed)
        #expect(clock.sleepers.isEmpty)
    }

    @Test func `a fallback as a stage answers a failed call and no cancelled one`() async throws {
        let policy = try Policy {
            Fallback { error in
                #expect(error is CallFailure<any Error>)
                return 7
            }
            try retry()
        }
        try await expectEqual(policy.run(repeatable: .idempotent) { _ in throw Broken() }, 7)
        await #expect(throws: CallFailure<any Error>.self) {
            let _: Int = try await policy.run(repeatable: .idempotent) { _ in throw CancellationError() }
        }
        await #expect(throws: PolicyError.self, "before the outage, and not in it") {
            try await policy.run(repeatable: .idempotent) { _ in "not a number" }
        }
    }

    @Test func `one call does otherwise than its policy`() async throws {
        let clock = clock
        let policy = try AnyPolicy {
            try Deadline(.seconds(50), clock: clock)
            try retry()
            try Timeout(.seconds(10), clock: clock)
        }
        var once = CallOptions()
        once.attempts = 1
        let failure = await #expect(throws: CallFailure<any Error>.self) {
            try await policy.run(repeatable: .idempotent, with: once) { _ in throw Broken() }
        }
        #expect(failure?.all.count == 1)
        var short = CallOptions()
        (short.deadline, short.timeout) = (.seconds(3), .seconds(2))
        let call = Task { [short] in
            try await policy.run(repeatable: .idempotent, with: short) { attempt in
                try await clock.sleep(for: .seconds(100))
            }
        }
        await clock.sleepers(3)
        clock.advance(by: .seconds(2))
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        let error = await #expect(throws: TimeoutError.self) { try await call.value }
        #expect(error?.limit.duration == .seconds(3))
        for (attempts, time) in [(0, Duration.seconds(1)), (101, .seconds(1)), (1, .zero), (1, .seconds(90_000))] {
            var wrong = CallOptions()
            (wrong.attempts, wrong.timeout) = (attempts, time)
            let refused = wrong
            await #expect(throws: ConfigurationError.self) {
                try await policy.run(repeatable: .idempotent, with: refused) { _ in Issue.record("it ran") }
            }
        }
    }
}
