import Holdfast

/// One path, as a loop of bare calls and one of guarded calls. The loops are written out, so that the optimiser sees
/// what it would see in a user's code.
struct Scenario: Sendable {
    let name: String
    /// How many calls a round makes.
    var calls = 100_000
    let bare: @Sendable (Int) async -> Void
    let guarded: @Sendable (Int) async -> Void

    init(
        _ name: String, calls: Int = 100_000, bare: @escaping @Sendable (Int) async -> Void = Self.bareAsync,
        _ guarded: @escaping @Sendable (Int) async -> Void
    ) {
        (self.name, self.calls, self.bare, self.guarded) = (name, calls, bare, guarded)
    }

    private static let bareSync: @Sendable (Int) async -> Void = { for value in 0..<$0 { consume(value) } }
    private static let bareAsync: @Sendable (Int) async -> Void = { for value in 0..<$0 { await consumeLater(value) } }
    private static let bareWaiting: @Sendable (Int) async -> Void = {
        for value in 0..<$0 { await consumeAndYield(value) }
    }

    static func all() throws -> [Scenario] { try breakers() + policies() + limits() }

    private static func breakers() throws -> [Scenario] {
        let closed = try CircuitBreaker("closed")
        let timed = try CircuitBreaker("timed", trip: .failureRate(0.5, over: .seconds(10)))
        let open = try CircuitBreaker("open", trip: .consecutiveFailures(1), cooldown: .seconds(3_600))
        try open.admit().failed()
        return [
            Scenario("closed breaker, sync", bare: bareSync) {
                for value in 0..<$0 { try? closed.runSync { consume(value) } }
            },
            Scenario("closed breaker, sync, permit in hand", bare: bareSync) {
                for value in 0..<$0 {
                    guard let permit = try? closed.admit() else { continue }
                    consume(value)
                    permit.succeeded()
                }
            },
            Scenario("closed breaker, time-window rate, sync", bare: bareSync) {
                for value in 0..<$0 { try? timed.runSync { consume(value) } }
            },
            Scenario("closed breaker, async") {
                for value in 0..<$0 { try? await closed.run { await consumeLater(value) } }
            },
            Scenario("rejection while open, typed throw", bare: bareSync) {
                for value in 0..<$0 {
                    do { try open.admit().succeeded() } catch { consume(value) }
                }
            },
            Scenario("what every rejection needs: reading the clock", bare: bareSync) {
                let clock = MonotonicClock()
                for value in 0..<$0 { if clock.now.nanoseconds >= 0 { consume(value) } }
            },
        ]
    }

    private static func policies() throws -> [Scenario] {
        let closed = try CircuitBreaker("closed")
        let retry = try Retry(.constant(.zero), budget: RetryBudget())
        let bulkhead = try Bulkhead("bulkhead", limit: 64)
        let limiter = try RateLimiter(
            "limiter", .tokenBucket(calls: 1_000_000_000, per: .seconds(1), burst: 1_000_000))
        let pair = try Policy {
            try Retry(.constant(.zero), budget: RetryBudget())
            closed
        }
        let (stored, storedInPlace) = (pair.erased(), pair.erasedInPlace())
        let chain = try Policy {
            try Retry(.constant(.zero), budget: RetryBudget())
            closed
            bulkhead
            limiter
        }
        return [
            Scenario("retry that succeeds at once") {
                for value in 0..<$0 {
                    try? await retry.run(repeatable: .idempotent, on: .anyError) { _ in await consumeLater(value) }
                }
            },
            Scenario("bulkhead with room") {
                for value in 0..<$0 { try? await bulkhead.run { await consumeLater(value) } }
            },
            Scenario("rate limiter that lets pass") {
                for value in 0..<$0 { try? await limiter.run { await consumeLater(value) } }
            },
            Scenario("policy: retry → breaker") {
                for value in 0..<$0 {
                    try? await pair.run(repeatable: .idempotent) { _ in await consumeLater(value) }
                }
            },
            Scenario("policy, stored without its type: retry → breaker") {
                for value in 0..<$0 {
                    try? await stored.run(repeatable: .idempotent) { _ in await consumeLater(value) }
                }
            },
            Scenario("policy, stored, for an operation in the caller's task: retry → breaker") {
                for value in 0..<$0 {
                    try? await storedInPlace.run(repeatable: .idempotent) { _ in await consumeLater(value) }
                }
            },
            Scenario("policy: retry → breaker → bulkhead → rate limiter") {
                for value in 0..<$0 {
                    try? await chain.run(repeatable: .idempotent) { _ in await consumeLater(value) }
                }
            },
        ]
    }

    private static func limits() throws -> [Scenario] {
        let timeout = try Policy { try Timeout(.seconds(1)) }
        let whole = try Policy {
            try Deadline(.seconds(5))
            try Retry(.constant(.zero), budget: RetryBudget())
            try CircuitBreaker("closed")
            try Bulkhead("bulkhead", limit: 64)
            try RateLimiter("limiter", .tokenBucket(calls: 1_000_000_000, per: .seconds(1), burst: 1_000_000))
            try Timeout(.seconds(1))
        }
        return [
            Scenario("what every limit needs: a task group with one child", calls: 5_000) {
                for value in 0..<$0 {
                    await withTaskGroup(of: Void.self) { group in
                        group.addImmediateTask { await consumeLater(value) }
                        await group.next()
                    }
                }
            },
            Scenario("timeout of an attempt that waits for nothing", calls: 5_000) {
                for value in 0..<$0 {
                    try? await timeout.run(repeatable: .idempotent) { _ in await consumeLater(value) }
                }
            },
            Scenario("timeout of an attempt that waits", calls: 5_000, bare: bareWaiting) {
                for value in 0..<$0 {
                    try? await timeout.run(repeatable: .idempotent) { _ in await consumeAndYield(value) }
                }
            },
            Scenario("policy: deadline → retry → breaker → bulkhead → rate limiter → timeout", calls: 5_000) {
                for value in 0..<$0 {
                    try? await whole.run(repeatable: .idempotent) { _ in await consumeLater(value) }
                }
            },
        ]
    }
}

/// The bare call: something that the optimiser can neither see through nor leave out.
@inline(never)
@_optimize(none)
func consume(_ value: Int) {}

@inline(never)
@_optimize(none)
func consumeLater(_ value: Int) async {}

@inline(never)
@_optimize(none)
func consumeAndYield(_ value: Int) async { await Task.yield() }
