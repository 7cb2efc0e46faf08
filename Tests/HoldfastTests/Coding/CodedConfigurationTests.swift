import Foundation
import Testing

@testable import Holdfast

@Suite struct CodedConfigurationTests {
    private func changed<Value>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
        var value = value
        change(&value)
        return value
    }

    private func staysWhole<Value: Codable & Hashable>(
        _ values: [Value], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for value in values {
            let json = try JSONEncoder().encode(value)
            let read = try JSONDecoder().decode(Value.self, from: json)
            #expect(read == value, "\(String(decoding: json, as: UTF8.self))", sourceLocation: sourceLocation)
        }
    }

    @Test func `every configuration is read as it was written`() throws {
        let base = CircuitBreakerConfiguration()
        try staysWhole([
            base,
            changed(base) { $0.trip = .failureRate(0.25, over: .milliseconds(100), atLeast: 1) },
            changed(base) { $0.trip = .slowCallRate(1, slowerThan: .milliseconds(1), ofLast: 10_000, atLeast: 3) },
            changed(base) {
                $0.trip = .any(
                    .slowCallRate(0.1, slowerThan: .seconds(3_600), over: .seconds(3_600)), .consecutiveFailures(1),
                    .failureRate(0.999, ofLast: 7), .failureRate(0.3, over: .seconds(9)))
            },
            changed(base) { $0.cooldown = .growing(from: .seconds(1), cap: .seconds(86_400), factor: 1.5, jitter: 1) },
            changed(base) { $0.cooldown = .growing(from: .seconds(1), cap: .seconds(1), factor: 3, jitter: 0) },
            changed(base) { $0.cooldown = .fixed(.nanoseconds(1_234_567_891), jitter: 0) },
            changed(base) { ($0.probes, $0.successesToClose, $0.ramp) = (64, 1_000, .seconds(3_600)) },
        ])
        let retry = RetryConfiguration()
        try staysWhole([
            retry, changed(retry) { ($0.attempts, $0.nesting, $0.retryAfterLimit) = (100, .eachLayer, .zero) },
            changed(retry) { $0.backoff = .constant(.zero) },
            changed(retry) { $0.backoff = .constant(.seconds(3_600), jitter: .none) },
            changed(retry) {
                $0.backoff = .linear(from: .zero, step: .milliseconds(3), cap: .seconds(1), jitter: .equal)
            },
            changed(retry) { $0.backoff = .exponential(from: .zero, cap: .zero, factor: 10) },
            changed(retry) { $0.backoff = .decorrelated(from: .milliseconds(1), cap: .seconds(9)) },
        ])
        try staysWhole([
            RetryBudgetConfiguration(), .ratio(0, reservePerSecond: 0, over: .seconds(60)), .tokens(),
            .tokens(changed(.init()) { ($0.capacity, $0.refund) = (7, 0) }),
        ])
        let hedge = HedgeConfiguration()
        try staysWhole([
            hedge, changed(hedge) { ($0.delay, $0.hedges) = (.fixed(.milliseconds(1)), 10) },
            changed(hedge) { $0.delay = .observed(quantile: 0.999, atLeast: 10_000, until: .seconds(3_600)) },
        ])
        let bulkhead = BulkheadConfiguration()
        try staysWhole([
            bulkhead, changed(bulkhead) { ($0.limit, $0.queue, $0.order) = (1, 1_000_000, .lifo) },
        ])
        try staysWhole([
            RateLimiterConfiguration(.tokenBucket(calls: 1, per: .milliseconds(1), burst: 1_000_000_000)),
            changed(.init(.slidingWindow(calls: 10_000, per: .seconds(86_400)))) { $0.maximumWait = .seconds(5) },
        ])
        let limit = AdaptiveLimitConfiguration()
        try staysWhole([
            limit, changed(limit) { ($0.minimum, $0.initial, $0.maximum) = (3, 4, 5) },
            changed(limit) { $0.algorithm = .aimd(threshold: .milliseconds(7)) },
            changed(limit) { $0.algorithm = .gradient(tolerance: 10) },
        ])
        let throttle = ClientThrottleConfiguration()
        try staysWhole([
            throttle, changed(throttle) { ($0.multiplier, $0.window, $0.ceiling) = (1.1, .seconds(600), 0.999) },
        ])
    }

    private func read<Value: Decodable>(_ json: String, as type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(json.utf8))
    }

    @Test func `what is missing keeps its default`() throws {
        try #expect(read("{}") == CircuitBreakerConfiguration())
        try #expect(read("{}") == RetryConfiguration())
        try #expect(read("{}") == RetryBudgetConfiguration())
        try #expect(read("{}") == HedgeConfiguration())
        try #expect(read("{}") == BulkheadConfiguration())
        try #expect(read("{}") == AdaptiveLimitConfiguration())
        try #expect(read("{}") == ClientThrottleConfiguration())
        let breaker: CircuitBreakerConfiguration = try read(#"{"trip": {"consecutiveFailures": 3}, "cooldown": "5s"}"#)
        #expect(breaker.trip == .consecutiveFailures(3) && breaker.cooldown == .fixed(.seconds(5)))
        let rate: Trip = try read(#"{"rates": [{"share": 0.5, "over": "10s"}, {"share": 0.5, "ofLast": 9}]}"#)
        #expect(rate == .any(.failureRate(0.5, over: .seconds(10)), .failureRate(0.5, ofLast: 9)))
        let backoff: Backoff = try read(#"{"from": "50ms", "cap": "2s"}"#)
        #expect(backoff == .exponential(from: .milliseconds(50), cap: .seconds(2)))
    }

    /// What is refused, and what of the message says why.
    @Test(arguments: [
        (#"{"probe": 1}"#, "no option 'probe'; there are trip, cooldown, probes"),
        (#"{"probes": 65}"#, "probes is 65, but must be from 1 to 64"),
        (#"{"probes": "1"}"#, #"probes is "1", but must be a whole number"#),
        (#"{"probes": 1.5}"#, "probes is 1.5, but must be a whole number"),
        (#"{"probes": [1]}"#, "probes is a list or an object, but must be a whole number"),
        (#"{"cooldown": 5}"#, #"cooldown is 5, but must be a whole number and a unit in quotes, such as "250ms""#),
        (#"{"cooldown": 5}"#, "or an object with options of from, cap, factor, jitter"),
        (#"{"cooldown": true}"#, "cooldown is true, but must be a whole number and a unit"),
        (#"{"cooldown": {"from": 1}}"#, "from is 1, but must be a whole number and a unit"),
        (#"{"cooldown": {"from": "1s", "jitter": "no"}}"#, #"jitter is "no", but must be a number"#),
        (
            #"{"trip": "streak"}"#,
            #"trip is "streak", but must be an object with options of consecutiveFailures, rates"#
        ),
        (#"{"trip": {"rates": [5]}}"#, "5, but must be an object with options of share, over"),
        (#"{"trip": {"rates": [{"share": "half", "over": "1s"}]}}"#, #"share is "half", but must be a number"#),
        (
            #"{"trip": {"rates": [{"share": 0, "over": "1s"}]}}"#,
            "trip.share is 0.0, but must be more than 0 and at most 1"
        ),
        (#""30s""#, #""30s", but must be an object with options of trip, cooldown"#),
        (#"{"cooldown": "5"}"#, #"cooldown is "5", but must be a whole number and a unit"#),
        (#"{"cooldown": "0s"}"#, "cooldown is 0.0 seconds, but must be from"),
        (#"{"cooldown": {"cap": "1s"}}"#, "'from' is missing"),
        (#"{"cooldown": {"from": "1s", "factor": 2}}"#, "'factor' without 'cap'"),
        (#"{"cooldown": {"from": "2s", "cap": "1s"}}"#, "cooldown.cap is"),
        (#"{"trip": {}}"#, "trip is empty, but must be at least one condition"),
        (#"{"trip": {"rates": [{"share": 0.5}]}}"#, "a rate has 'over', a time, or 'ofLast'"),
        (#"{"trip": {"rates": [{"share": 0.5, "over": "1s", "ofLast": 1}]}}"#, "'ofLast' beside 'over'"),
        (#"{"trip": {"rates": [{"share": 1.5, "ofLast": 1}]}}"#, "trip.share is 1.5"),
        (#"{"trip": {"rates": [{"over": "1s"}]}}"#, "'share' is missing"),
        (#"{"ramp": -1}"#, "ramp is -1, but must be a whole number and a unit in quotes"),
        (#"{"ramp": "1.5s"}"#, #"ramp is "1.5s", but must be a whole number and a unit in quotes"#),
    ])
    func `what no initialiser would accept is refused with its reason`(json: String, reason: String) {
        do {
            _ = try read(json, as: CircuitBreakerConfiguration.self)
            Issue.record("it was read: \(json)")
        } catch {
            guard case .dataCorrupted(let context) = error as? DecodingError else {
                Issue.record("\(error)")
                return
            }
            #expect(context.debugDescription.contains(reason), "\(context.debugDescription)")
        }
    }

    @Test func `a value of another kind is told with its name in every configuration`() {
        func message(_ json: String, _ type: (some Decodable).Type) -> String {
            do { return "\(try read(json, as: type))" } catch DecodingError.dataCorrupted(let context) {
                return context.debugDescription
            } catch { return "another error: \(error)" }
        }
        for (told, start) in [
            (message(#"{"attempts": "3"}"#, RetryConfiguration.self), #"attempts is "3", but must be a whole number"#),
            (message(#"{"nesting": 1}"#, RetryConfiguration.self), "nesting is 1, but must be a word in quotes"),
            (message(#"{"backoff": 50}"#, RetryConfiguration.self), "backoff is 50, but must be an object with"),
            (message(#"{"ratio": "2"}"#, RetryBudgetConfiguration.self), #"ratio is "2", but must be a number"#),
            (message(#"{"tokens": 5}"#, RetryBudgetConfiguration.self), "tokens is 5, but must be an object with"),
            (message(#"{"after": 50}"#, HedgeConfiguration.self), "after is 50, but must be a whole number and"),
            (message(#"{"order": true}"#, BulkheadConfiguration.self), "order is true, but must be a word"),
            (
                message(#"{"calls": 1, "per": 1}"#, RateLimiterConfiguration.self),
                "per is 1, but must be a whole number and"
            ),
            (
                message(#"{"sliding": 1, "calls": 1, "per": "1s"}"#, RateLimiterConfiguration.self),
                "sliding is 1, but must be true"
            ),
            (
                message(#"{"tolerance": "x"}"#, AdaptiveLimitConfiguration.self),
                #"tolerance is "x", but must be a number"#
            ),
            (
                message(#"{"window": 2}"#, ClientThrottleConfiguration.self),
                "window is 2, but must be a whole number and"
            ),
        ] {
            #expect(told.hasPrefix(start))
        }
    }

    @Test func `options that exclude one another are refused in every configuration`() {
        for json in [
            #"{"nesting": "some"}"#, #"{"backoff": {"kind": "constant", "from": "1s", "cap": "2s"}}"#,
            #"{"backoff": {"kind": "decorrelated", "from": "1s", "cap": "2s", "jitter": "full"}}"#,
            #"{"backoff": {"kind": "fibonacci", "from": "1s"}}"#, #"{"attempts": 0}"#, #"{"backoff": {"from": "1s"}}"#,
            #"{"backoff": {"from": "2s", "cap": "1s"}}"#,
            #"{"backoff": {"from": "1s", "cap": "1s", "jitter": "half"}}"#,
        ] {
            #expect(throws: DecodingError.self, "\(json)") { try read(json, as: RetryConfiguration.self) }
        }
        for json in [#"{"ratio": 1, "tokens": {}}"#, #"{"tokens": {"capacity": 0}}"#, #"{"window": "1ms"}"#] {
            #expect(throws: DecodingError.self, "\(json)") { try read(json, as: RetryBudgetConfiguration.self) }
        }
        for json in [#"{"after": "1s", "quantile": 0.5}"#, #"{"hedges": 11}"#, #"{"quantile": 0.4}"#] {
            #expect(throws: DecodingError.self, "\(json)") { try read(json, as: HedgeConfiguration.self) }
        }
        for json in [
            "{}", #"{"calls": 1, "per": "1s"}"#, #"{"calls": 1, "per": "1s", "burst": 1, "sliding": true}"#,
            #"{"calls": 10001, "per": "1s", "sliding": true}"#,
        ] {
            #expect(throws: DecodingError.self, "\(json)") { try read(json, as: RateLimiterConfiguration.self) }
        }
        for json in [
            #"{"threshold": "1s"}"#, #"{"algorithm": "aimd"}"#, #"{"algorithm": "vegas"}"#, #"{"initial": 0}"#,
        ] {
            #expect(throws: DecodingError.self, "\(json)") { try read(json, as: AdaptiveLimitConfiguration.self) }
        }
        #expect(throws: DecodingError.self) { try read(#"{"order": "random"}"#, as: BulkheadConfiguration.self) }
        #expect(throws: DecodingError.self) { try read(#"{"ceiling": 1}"#, as: ClientThrottleConfiguration.self) }
    }
}
