import Holdfast
import Testing

@Suite struct ConfigurationRangeTests {
    /// One option of a policy, set to one value.
    struct Case: Sendable, CustomTestStringConvertible {
        let option: String
        let value: String
        let build: @Sendable () throws -> Void
        var testDescription: String { "\(option) = \(value)" }

        static func breaker(
            _ option: String, _ value: Any, _ set: @escaping @Sendable (inout CircuitBreakerConfiguration) -> Void
        ) -> Case {
            Case(option: option, value: "\(value)") {
                var configuration = CircuitBreakerConfiguration()
                set(&configuration)
                _ = try CircuitBreaker("x", configuration: configuration)
            }
        }

        static func retry(
            _ option: String, _ value: Any, _ set: @escaping @Sendable (inout RetryConfiguration) -> Void
        ) -> Case {
            Case(option: option, value: "\(value)") {
                var configuration = RetryConfiguration()
                set(&configuration)
                _ = try Retry(configuration: configuration, budget: RetryBudget())
            }
        }

        static func budget(
            _ option: String, _ value: Any, _ set: @escaping @Sendable (inout RetryBudgetConfiguration) -> Void
        ) -> Case {
            Case(option: option, value: "\(value)") {
                var configuration = RetryBudgetConfiguration()
                set(&configuration)
                _ = try RetryBudget(configuration: configuration)
            }
        }
    }

    private static let limitsOutOfRange: [Case] = {
        var cases: [Case] = []
        cases += [0, -1, 1_000_001, Int.max].map { value in
            Case(option: "limit", value: "\(value)") { _ = try Bulkhead("x", limit: value) }
        }
        cases += [-1, 1_000_001].map { value in
            Case(option: "queue", value: "\(value)") { _ = try Bulkhead("x", limit: 1, queue: value) }
        }
        cases += [0, Int.max, .min].flatMap { value in
            [
                Case(option: "calls", value: "\(value)") {
                    _ = try RateLimiter("x", .tokenBucket(calls: value, per: .seconds(1), burst: 1))
                },
                Case(option: "calls", value: "\(value)") {
                    _ = try RateLimiter("x", .slidingWindow(calls: value, per: .seconds(1)))
                },
                Case(option: "burst", value: "\(value)") {
                    _ = try RateLimiter("x", .tokenBucket(calls: 1, per: .seconds(1), burst: value))
                },
            ]
        }
        cases += [Duration.zero, .seconds(-1), .seconds(Int64.max)].flatMap { value in
            [
                Case(option: "per", value: "\(value)") {
                    _ = try RateLimiter("x", .slidingWindow(calls: 1, per: value))
                },
                Case(option: "timeout", value: "\(value)") { _ = try Timeout(value) },
                Case(option: "deadline", value: "\(value)") { _ = try Deadline(value) },
                Case(option: "idle", value: "\(value)") {
                    _ = try CircuitBreakers<Int>("x", configuration: CircuitBreakerConfiguration(), idle: value)
                },
            ]
        }
        cases += [0.99, 10.1, .nan, .infinity].map { (value: Double) in
            Case(option: "tolerance", value: "\(value)") {
                var configuration = AdaptiveLimitConfiguration()
                configuration.algorithm = .gradient(tolerance: value)
                _ = try AdaptiveLimit("x", configuration: configuration)
            }
        }
        cases += [0, 1_001].map { value in
            Case(option: "initial", value: "\(value)") {
                var configuration = AdaptiveLimitConfiguration()
                configuration.initial = value
                _ = try AdaptiveLimit("x", configuration: configuration)
            }
        }
        cases += [1, .nan, -.infinity].map { (value: Double) in
            Case(option: "multiplier", value: "\(value)") {
                var configuration = ClientThrottleConfiguration()
                configuration.multiplier = value
                _ = try ClientThrottle("x", configuration: configuration)
            }
        }
        cases += [0.49, 1, .nan].map { (value: Double) in
            Case(option: "ceiling", value: "\(value)") {
                var configuration = ClientThrottleConfiguration()
                configuration.ceiling = value
                _ = try ClientThrottle("x", configuration: configuration)
            }
        }
        return cases
    }()

    private static let outOfRange: [Case] = {
        var cases = limitsOutOfRange
        cases += [0, -1, 1_000_001, .max, .min].map { value in
            .breaker("trip.consecutiveFailures", value) { $0.trip = .consecutiveFailures(value) }
        }
        cases += [0, 65, Int.max].map { value in .breaker("probes", value) { $0.probes = value } }
        cases += [0, 1_001, Int.max].map { value in .breaker("successesToClose", value) { $0.successesToClose = value }
        }
        cases += [Duration.zero, .microseconds(999), .seconds(86_401), .seconds(Int64.max), .seconds(-1)].flatMap {
            value in
            [
                Case.breaker("cooldown", value) { $0.cooldown = .fixed(value, jitter: 0) },
                .breaker("probeHold", value) { $0.probeHold = value },
            ]
        }
        cases += [0, 101, Int.max].map { value in .retry("attempts", value) { $0.attempts = value } }
        cases += [Duration.seconds(-1), .seconds(3_601)].map { value in
            .retry("retryAfterLimit", value) { $0.retryAfterLimit = value }
        }
        cases += [Duration.seconds(-1), .seconds(3_601), .seconds(Int64.max)].map { value in
            .retry("backoff.base", value) { $0.backoff = .constant(value) }
        }
        cases += [Duration.seconds(1), .seconds(3_601)].map { value in
            .retry("backoff.cap", value) { $0.backoff = .exponential(from: .seconds(2), cap: value) }
        }
        cases += [0, 0.999, 10.001, .infinity, .nan, -.infinity].map { (value: Double) in
            .retry("backoff.factor", value) {
                $0.backoff = .exponential(from: .zero, cap: .seconds(1), factor: value)
            }
        }
        cases += [-0.001, 10.001, .infinity, .nan].map { (value: Double) in
            .budget("ratio", value) { $0 = .ratio(value) }
        }
        cases += [-1, 100_001].map { value in
            .budget("reservePerSecond", value) { $0 = .ratio(0.2, reservePerSecond: value) }
        }
        cases += [Duration.zero, .milliseconds(999), .seconds(61)].map { value in
            .budget("window", value) { $0 = .ratio(0.2, over: value) }
        }
        return cases
    }()

    @Test(arguments: outOfRange)
    func `a value out of range is refused with its name and value and range`(wrong: Case) {
        let error = #expect(throws: ConfigurationError.self) { try wrong.build() }
        #expect(error?.option == wrong.option)
        #expect(error?.value == wrong.value)
        #expect(error?.allowed.contains("from ") == true)
    }

    private static let atTheEnds: [Case] = {
        var cases: [Case] = []
        cases += [1, 1_000_000].map { value in
            .breaker("trip", value) { $0.trip = .consecutiveFailures(value) }
        }
        cases += [1, 64].map { value in .breaker("probes", value) { $0.probes = value } }
        cases += [1, 1_000].map { value in .breaker("successesToClose", value) { $0.successesToClose = value } }
        cases += [Duration.milliseconds(1), .seconds(86_400)].flatMap { value in
            [
                Case.breaker("cooldown", value) { $0.cooldown = .fixed(value, jitter: 0) },
                .breaker("probeHold", value) { $0.probeHold = value },
            ]
        }
        cases += [1, 100].map { value in .retry("attempts", value) { $0.attempts = value } }
        cases += [Duration.zero, .seconds(3_600)].map { value in
            .retry("backoff", value) { $0.backoff = .constant(value) }
        }
        cases += [0, 10].map { (value: Double) in .budget("ratio", value) { $0 = .ratio(value) } }
        cases += [0, 100_000].map { value in
            .budget("reservePerSecond", value) { $0 = .ratio(0.2, reservePerSecond: value) }
        }
        cases += [Duration.seconds(1), .seconds(60)].map { value in
            .budget("window", value) { $0 = .ratio(0.2, over: value) }
        }
        return cases
    }()

    @Test(arguments: atTheEnds)
    func `the ends of a range belong to it`(right: Case) throws {
        try right.build()
    }

    @Test func `the defaults are allowed`() throws {
        try CircuitBreakerConfiguration().validate()
        try RetryConfiguration().validate()
        try RetryBudgetConfiguration().validate()
        try BulkheadConfiguration().validate()
        try AdaptiveLimitConfiguration().validate()
        try ClientThrottleConfiguration().validate()
        try HedgeConfiguration().validate()
    }
}
