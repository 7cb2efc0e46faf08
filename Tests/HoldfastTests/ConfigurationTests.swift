import Holdfast
import HoldfastTesting
import Testing

@Suite struct ConfigurationTests {
    @Test func `a wrong value is named with its range`() {
        let error = #expect(throws: ConfigurationError.self) {
            try CircuitBreaker("x", trip: .consecutiveFailures(0))
        }
        #expect(error?.description == "trip.consecutiveFailures is 0, but must be from 1 to 1000000")
    }

    @Test(arguments: ["", " ", "\t\n"])
    func `a name that tells nothing apart is refused everywhere`(name: String) {
        func refuses(_ make: () throws -> Void, _ location: SourceLocation = #_sourceLocation) {
            let error = #expect(throws: ConfigurationError.self, sourceLocation: location) { try make() }
            #expect(error?.option == "name" && error?.value == "'\(name)'", sourceLocation: location)
        }
        refuses { _ = try CircuitBreaker(name) }
        refuses { _ = try CircuitBreakers<Int>(name, configuration: CircuitBreakerConfiguration()) }
        refuses { _ = try Bulkhead(name, limit: 1) }
        refuses { _ = try RateLimiter(name, .tokenBucket(calls: 1, per: .seconds(1), burst: 1)) }
        refuses { _ = try AdaptiveLimit(name) }
        refuses { _ = try ClientThrottle(name) }
        refuses { _ = try Shadow(name, configuration: CircuitBreakerConfiguration()) }
        refuses { _ = try Policy(name) { try Timeout(.seconds(1)) } }
        refuses { _ = try AnyPolicy(name) { try Timeout(.seconds(1)) } }
    }

    @Test(arguments: [Double.nan, -0.1, .infinity, 11])
    func `a ratio that is no ratio is refused`(ratio: Double) {
        #expect(throws: ConfigurationError.self) { try RetryBudget(configuration: .ratio(ratio)) }
    }

    @Test func `extremes of a breaker are refused when it is built`() {
        #expect(throws: ConfigurationError.self) { try CircuitBreaker("x", trip: .consecutiveFailures(.max)) }
        #expect(throws: ConfigurationError.self) { try CircuitBreaker("x", cooldown: .zero) }
        #expect(throws: ConfigurationError.self) { try CircuitBreaker("x", cooldown: .seconds(Int64.max)) }
    }

    @Test func `a cap below the base is refused`() throws {
        let budget = try RetryBudget()
        #expect(throws: ConfigurationError.self) {
            try Retry(.exponential(from: .seconds(2), cap: .seconds(1)), budget: budget)
        }
    }

    @Test func `keys are visible ascii and bounded`() throws {
        #expect(throws: ConfigurationError.self) { try IdempotencyKey("") }
        #expect(throws: ConfigurationError.self) { try IdempotencyKey("a b") }
        #expect(throws: ConfigurationError.self) { try IdempotencyKey(String(repeating: "x", count: 256)) }
        #expect(try IdempotencyKey(String(repeating: "x", count: 255)).description.count == 255)
    }

    @Test func `minted keys differ`() {
        #expect(Set((0..<1_000).map { _ in IdempotencyKey.minted() }).count == 1_000)
        var generator = SeededGenerator(seed: 3)
        var same = SeededGenerator(seed: 3)
        #expect(IdempotencyKey.minted(using: &generator) == IdempotencyKey.minted(using: &same))
    }

    @Test func `instants stay at the end of the range`() {
        let end = MonotonicInstant(nanoseconds: .max)
        #expect(end.advanced(by: .seconds(1)) == end)
        #expect(MonotonicInstant(nanoseconds: 0).advanced(by: .seconds(Int64.max)) == end)
    }
}
