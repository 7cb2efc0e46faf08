/// What makes a closed breaker trip: one condition, or any of several.
///
/// A streak notices a dependency that is dead at once, however little it is called. A rate notices one that is half
/// dead, which a streak never sees, because each success starts it again. The two together are what linkerd settled
/// on.
public struct Trip: Sendable, Hashable, CustomStringConvertible {
    /// How far back a rate looks.
    public enum Window: Sendable, Hashable {
        /// The last calls: 1 to 10,000 of them.
        case calls(Int)
        /// The last stretch of time, in ten buckets: 100 ms to 1 h.
        case time(Duration)
    }

    /// What a rate counts as bad.
    public enum Measure: Sendable, Hashable {
        case failures
        /// Calls that took longer than this, whether they succeeded or not: 1 ms to 1 h.
        case slowCalls(Duration)
    }

    /// A share of bad calls within a window.
    public struct Rate: Sendable, Hashable {
        public let measure: Measure
        /// The share of bad calls from which on the breaker trips: above 0, to 1.
        public let share: Double
        public let window: Window
        /// How many calls must be in the window before the share means anything: 1 to 1,000,000, and no more than a
        /// window of calls holds.
        public let minimum: Int

        package init(measure: Measure, share: Double, window: Window, minimum: Int) {
            self.measure = measure
            self.share = share
            self.window = window
            self.minimum = minimum
        }
    }

    /// The streak of failures that trips, if one does.
    public let streak: Int?
    /// The rates of which any trips: at most ``rateBound``.
    public let rates: [Rate]

    /// The most rates that one breaker watches.
    public static let rateBound = 8

    package init(streak: Int?, rates: [Rate]) {
        self.streak = streak
        self.rates = rates
    }

    /// This many failures in a row, 1 to 1,000,000. One success starts the count again; what was declined
    /// (``Verdict/declined``) neither counts nor starts it again.
    public static func consecutiveFailures(_ count: Int) -> Trip {
        Trip(streak: count, rates: [])
    }

    /// A share of failed calls, looked at when a call fails.
    ///
    /// - Parameters:
    ///   - share: Above 0, to 1. Hystrix and resilience4j begin at 0.5.
    ///   - window: How far back calls count.
    ///   - minimum: Below this many calls in the window, nothing trips. At 1, the first failure does.
    public static func failureRate(_ share: Double, over window: Duration, atLeast minimum: Int = 20) -> Trip {
        Trip(streak: nil, rates: [Rate(measure: .failures, share: share, window: .time(window), minimum: minimum)])
    }

    /// A share of failed calls among the last ones, looked at when a call fails.
    public static func failureRate(_ share: Double, ofLast calls: Int, atLeast minimum: Int? = nil) -> Trip {
        let rate = Rate(measure: .failures, share: share, window: .calls(calls), minimum: minimum ?? calls)
        return Trip(streak: nil, rates: [rate])
    }

    /// A share of slow calls, looked at when a call was slow. A probe that is slow opens the breaker again, as one that
    /// fails.
    public static func slowCallRate(
        _ share: Double, slowerThan limit: Duration, over window: Duration, atLeast minimum: Int = 20
    ) -> Trip {
        let rate = Rate(measure: .slowCalls(limit), share: share, window: .time(window), minimum: minimum)
        return Trip(streak: nil, rates: [rate])
    }

    /// A share of slow calls among the last ones, looked at when a call was slow. A probe that is slow opens the breaker
    /// again.
    public static func slowCallRate(
        _ share: Double, slowerThan limit: Duration, ofLast calls: Int, atLeast minimum: Int? = nil
    ) -> Trip {
        let rate = Rate(measure: .slowCalls(limit), share: share, window: .calls(calls), minimum: minimum ?? calls)
        return Trip(streak: nil, rates: [rate])
    }

    /// Whichever of these is met first. Of several streaks, the shortest counts.
    public static func any(_ trips: Trip...) -> Trip {
        Trip(streak: trips.compactMap { $0.streak }.min(), rates: trips.flatMap { $0.rates })
    }

    public var description: String {
        var parts = streak.map { ["\($0) consecutive failures"] } ?? []
        parts += rates.map { rate in
            let measure =
                switch rate.measure {
                case .failures: "failed"
                case .slowCalls(let limit): "took longer than \(limit)"
                }
            let window =
                switch rate.window {
                case .calls(let count): "the last \(count) calls"
                case .time(let duration): "the calls of the last \(duration)"
                }
            return "\(percent(rate.share)) of \(window) \(measure), of at least \(rate.minimum)"
        }
        return parts.joined(separator: ", or ")
    }

    /// Whether the duration of calls has to be known.
    package var measuresTime: Bool {
        rates.contains { if case .slowCalls = $0.measure { true } else { false } }
    }

    /// Whether a call that took so long counts as slow by any rate.
    func isSlow(_ took: Duration) -> Bool {
        rates.contains { if case .slowCalls(let limit) = $0.measure { took > limit } else { false } }
    }

    package func validate() throws(ConfigurationError) {
        guard streak != nil || !rates.isEmpty else {
            throw ConfigurationError(option: "trip", value: "empty", allowed: "at least one condition")
        }
        if let streak { try require("trip.consecutiveFailures", streak, in: 1...1_000_000) }
        try require("trip's number of rates", rates.count, in: 0...Self.rateBound)
        for rate in rates {
            guard rate.share > 0, rate.share <= 1 else {
                throw ConfigurationError(
                    option: "trip.share", value: "\(rate.share)", allowed: "more than 0 and at most 1")
            }
            switch rate.window {
            case .calls(let count):
                try require("trip.window", count, in: 1...10_000)
                try require("trip.minimum", rate.minimum, in: 1...count)
            case .time(let duration):
                try require("trip.window", duration, in: .milliseconds(100) ... .seconds(3_600))
                try require("trip.minimum", rate.minimum, in: 1...1_000_000)
            }
            if case .slowCalls(let limit) = rate.measure {
                try require("trip.slowerThan", limit, in: .milliseconds(1) ... .seconds(3_600))
            }
        }
    }
}

extension Trip.Rate {
    /// Whether a call counts as bad here; nil when it does not count at all.
    @inlinable package func isBad(_ verdict: Verdict, took: Duration) -> Bool? {
        switch (measure, verdict) {
        case (_, .abandoned): nil
        case (.failures, .succeeded): false
        case (.failures, .failed), (.failures, .declined): true
        case (.slowCalls(let limit), _): took > limit
        }
    }

    /// The evidence, if what the window holds is enough to trip.
    @inlinable package func evidence(_ tally: Tally) -> Evidence? {
        guard tally.calls >= minimum, Double(tally.bad) >= share * Double(tally.calls) - 1e-9 else { return nil }
        return evidence(of: tally)
    }

    @inlinable package func evidence(of tally: Tally) -> Evidence {
        switch measure {
        case .failures: .failureRate(failed: tally.bad, of: tally.calls, threshold: share)
        case .slowCalls: .slowCallRate(slow: tally.bad, of: tally.calls, threshold: share)
        }
    }
}

/// Calls, and the bad ones among them.
@usableFromInline
package struct Tally: Sendable, Hashable {
    @usableFromInline package var bad: Int
    @usableFromInline package var calls: Int

    @inlinable package init(bad: Int = 0, calls: Int = 0) {
        self.bad = bad
        self.calls = calls
    }
}

/// A share in words, to a tenth of a percent. A share that is no number is told as it is.
package func percent(_ share: Double) -> String {
    guard share.isFinite, abs(share) < 1e9 else { return "\(share)" }
    let tenths = Int((share * 1_000).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10) %" : "\(tenths / 10).\(tenths % 10) %"
}
