/// What a closed breaker remembers of its calls: the streak of failures, and a window for each rate.
struct ClosedStatistics: Sendable, Hashable {
    private enum Window: Sendable, Hashable {
        case calls(CallWindow)
        case time(TimeWindow)
    }

    /// Where a streak trips: its length.
    var streak = 0
    private let trip: Trip
    private var windows: [Window]

    init(_ trip: Trip) {
        self.trip = trip
        windows = trip.rates.map { rate in
            switch rate.window {
            case .calls(let count): .calls(CallWindow(count))
            case .time(let duration): .time(TimeWindow(duration))
            }
        }
    }

    /// Counts a call.
    ///
    /// - Returns: The evidence, when it is enough to trip.
    mutating func record(
        _ verdict: Verdict, took: Duration, at now: MonotonicInstant
    ) -> Evidence? {
        var found: Evidence?
        for index in windows.indices {
            guard let isBad = trip.rates[index].isBad(verdict, took: took) else { continue }
            let tally: Tally
            switch windows[index] {
            case .calls(var window):
                window.record(isBad: isBad)
                windows[index] = .calls(window)
                tally = window.tally
            case .time(var window):
                window.record(isBad: isBad, at: now)
                windows[index] = .time(window)
                tally = window.tally(at: now)
            }
            if isBad, found == nil { found = trip.rates[index].evidence(tally) }
        }
        switch verdict {
        case .succeeded: streak = 0
        case .failed:
            guard let threshold = trip.streak else { break }
            streak += 1
            if found == nil, streak >= threshold { found = .consecutiveFailures(streak, threshold: threshold) }
        case .declined, .abandoned: break
        }
        return found
    }

    /// What has been counted so far, of the condition that is nearest to the eye: the streak, or else the first rate.
    func evidence(at now: MonotonicInstant) -> Evidence {
        if let threshold = trip.streak { return .consecutiveFailures(streak, threshold: threshold) }
        switch windows[0] {
        case .calls(let window): return trip.rates[0].evidence(of: window.tally)
        case .time(let window): return trip.rates[0].evidence(of: window.tally(at: now))
        }
    }
}
