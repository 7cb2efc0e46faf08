#if Gateway
import Holdfast

extension CircuitBreakerConfiguration {
    private static let day: ClosedRange<Duration> = .milliseconds(1) ... .seconds(86_400)

    /// - Parameter initial: What options that are not given are.
    static func read(_ section: SectionReader, default initial: Self) -> Self {
        var breaker = initial
        let streak = section.integer(
            "consecutiveFailures", in: 1...1_000_000, unset: initial.trip.streak.map { "\($0)" } ?? "none",
            "Trips after so many failures in a row. One success starts the count again.")
        let failures = section.section(
            "failureRate", unset: initial.trip.rates.isEmpty ? "none" : "\(initial.trip)",
            "Trips at a share of failed calls."
        ) { Trip.read($0, slowerThan: nil) }
        let slow = section.section("slowCalls", unset: "none", "Trips at a share of slow calls.") { rate in
            let limit = rate.duration(
                "slowerThan", in: GatewayConfiguration.times, unset: "required", "From when on a call counts as slow.")
            return Trip.read(rate, slowerThan: limit ?? .seconds(1))
        }
        // Whoever says what trips says all of it: what the defaults have is not mixed in.
        let trips = [streak.map { Trip.consecutiveFailures($0) }, failures, slow].compactMap(\.self)
        if let first = trips.first { breaker.trip = trips.dropFirst().reduce(first) { .any($0, $1) } }

        breaker.cooldown =
            section.section(
                "cooldown", or: .duration(day), unset: "\(words(initial.cooldown))",
                "How long it stays open before it admits a probe; a duration alone has a tenth of jitter.",
                value: { Duration(words: $0.text).within(day).map { .fixed($0, jitter: 0.1) } }, Cooldown.read)
            ?? initial.cooldown
        breaker.probes = section.integer(
            "probes", default: initial.probes, in: 1...64, "How many probes may be in flight while half-open.")
        breaker.successesToClose = section.integer(
            "successesToClose", default: initial.successesToClose, in: 1...1_000,
            "How many probes in a row must succeed before it closes.")
        breaker.probeHold = section.duration(
            "probeHold", default: initial.probeHold, in: day,
            "How long a probe may hold its place. Choose it longer than the attempt timeout.")
        breaker.ramp = section.duration(
            "ramp", default: initial.ramp, in: .zero ... .seconds(3_600),
            "For how long after closing only a share of the calls is admitted, which grows from a tenth to all. 0s is no ramp."
        )
        section.check(breaker.validate)
        return breaker
    }

    private static func words(_ cooldown: Cooldown) -> String {
        let growth =
            cooldown.factor > 1 ? "\(cooldown.base.words), doubling to \(cooldown.cap.words)" : cooldown.base.words
        return "\(growth), jitter \(shareWords(cooldown.jitter))"
    }
}

extension Trip {
    /// A share of bad calls within a window of time or of calls.
    fileprivate static func read(_ section: SectionReader, slowerThan limit: Duration?) -> Trip {
        let share = section.share(
            "share", default: 0.5, in: 0.001...1, "The share of bad calls from which on the breaker trips.")
        let over = section.duration(
            "over", in: .milliseconds(100) ... .seconds(3_600), unset: "10s, unless `ofLast` is given",
            "How far back calls are counted, in time.")
        let last = section.integer("ofLast", in: 1...10_000, unset: "none", "Instead: how far back, in calls.")
        if section.has("over") { section.refuse(["ofLast"], because: "beside over") }
        let least = section.integer(
            "atLeast", in: 1...1_000_000, unset: "20; with `ofLast`, as many",
            "How many calls must have been counted before the share means anything.")
        if let last {
            if let least, least > last {
                section.mistake(
                    "atLeast", "\(section.fullName("atLeast")) is \(least), but must be at most ofLast, \(last)")
            }
            return limit.map { .slowCallRate(share, slowerThan: $0, ofLast: last, atLeast: least) }
                ?? .failureRate(share, ofLast: last, atLeast: least)
        }
        return limit.map { .slowCallRate(share, slowerThan: $0, over: over ?? .seconds(10), atLeast: least ?? 20) }
            ?? .failureRate(share, over: over ?? .seconds(10), atLeast: least ?? 20)
    }
}

extension Cooldown {
    fileprivate static func read(_ section: SectionReader) -> Cooldown {
        let range: ClosedRange<Duration> = .milliseconds(1) ... .seconds(86_400)
        let base = section.duration("from", in: range, unset: "required", "The cooldown after the first trip.")
        let cap = section.duration(
            "cap", in: range, unset: "`from`: it does not grow", "The longest, after trips in a row.")
        let factor = section.factor(
            "factor", in: 1...10, unset: "2", "By what it grows with each trip in a row.")
        let jitter = section.share(
            "jitter", default: 0.1, in: 0...1,
            "How far below that it may be drawn, so that gateways do not probe in step.")
        guard let base else { return .fixed(.seconds(30), jitter: jitter) }
        guard let cap else {
            section.refuse(["factor"], because: "without cap")
            return .fixed(base, jitter: jitter)
        }
        if cap < base {
            section.mistake(
                "cap", "\(section.fullName("cap")) is \(cap.words), but must be at least from, \(base.words)")
        }
        return .growing(from: base, cap: cap, factor: factor ?? 2, jitter: jitter)
    }
}

extension RetryBudgetConfiguration {
    static func read(_ section: SectionReader) -> RetryBudgetConfiguration {
        var ratio = Ratio()
        ratio.ratio = section.share(
            "ratio", default: ratio.ratio, in: 0...10, "Retries allowed for each real call of the last seconds.")
        ratio.reservePerSecond = section.integer(
            "reservePerSecond", default: ratio.reservePerSecond, in: 0...100_000,
            "Retries a second that are allowed whatever the number of calls.")
        ratio.window = section.duration(
            "window", default: ratio.window, in: .seconds(1) ... .seconds(60),
            "How far back calls and retries are counted.")
        let tokens = section.section(
            "tokens", unset: "none: the ratio counts",
            "Instead: tokens that retries cost and successes give back, as in the AWS SDKs."
        ) { section in
            var tokens = Tokens()
            tokens.capacity = section.integer(
                "capacity", default: tokens.capacity, in: 1...1_000_000, "How many there are at first, and at the most."
            )
            tokens.retryCost = section.integer(
                "retryCost", default: tokens.retryCost, in: 1...1_000_000, "What a retry or a hedge costs.")
            tokens.throttleCost = section.integer(
                "throttleCost", default: tokens.throttleCost, in: 1...1_000_000,
                "What a retry costs after the service asked for patience.")
            tokens.refund = section.integer(
                "refund", default: tokens.refund, in: 0...1_000_000, "What a success at the first attempt gives back.")
            return tokens
        }
        var budget = RetryBudgetConfiguration()
        budget.rule = .ratio(ratio)
        if let tokens {
            section.refuse(["ratio", "reservePerSecond", "window"], because: "beside tokens")
            budget.rule = .tokens(tokens)
        }
        section.check(budget.validate)
        return budget
    }
}
#endif
