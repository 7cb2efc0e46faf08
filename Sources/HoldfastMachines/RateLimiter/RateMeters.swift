/// The "leaky bucket as a meter" of ITU-T I.371's generic cell rate algorithm. Times are in nanoseconds times the calls
/// of a period, so that one call's share of it is a whole number.
struct TokenBucket: Sendable, Hashable {
    private let scale: Int128
    /// What one call costs.
    let cost: Int128
    private let depth: Int128
    /// When the bucket will be full again.
    var full: Int128 = .min

    init(calls: Int, per: Duration, burst: Int) {
        scale = Int128(calls)
        cost = Int128(per.saturatingNanoseconds)
        depth = Int128(burst) * cost
    }

    /// How long until the next call, and when the bucket would be full after it.
    func next(at now: MonotonicInstant) -> (due: Duration, full: Int128) {
        let next = max(full, present(now)) + cost
        return (due(next, at: now), next)
    }

    /// How long until the call after which the bucket is full at this time.
    func due(_ full: Int128, at now: MonotonicInstant) -> Duration {
        let early = full - depth - present(now)
        return early > 0 ? .nanoseconds(Int64(clamping: (early + scale - 1) / scale)) : .zero
    }

    /// Whether a call that is reserved now lies behind the one after which the bucket is full at this time.
    func isPassed(_ full: Int128, at now: MonotonicInstant) -> Bool { full < present(now) + cost }

    private func present(_ now: MonotonicInstant) -> Int128 { Int128(now.nanoseconds) * scale }
}

/// When each of the last calls was made, or will be.
struct SlidingWindow: Sendable, Hashable {
    private let calls: Int
    private let per: Duration
    /// A ring whose oldest entry is at `oldest`, once it is full. It grows with the first calls.
    private var times: [MonotonicInstant] = []
    private var oldest = 0

    init(calls: Int, per: Duration) {
        self.calls = calls
        self.per = per
    }

    /// The latest turn that was taken.
    var latest: MonotonicInstant? { times.isEmpty ? nil : times[(oldest + times.count - 1) % times.count] }

    func next(at now: MonotonicInstant) -> MonotonicInstant {
        guard let latest else { return now }
        let turn = max(now, latest)
        return times.count < calls ? turn : max(turn, times[oldest].advanced(by: per))
    }

    mutating func take(_ turn: MonotonicInstant) {
        guard times.count == calls else { return times.append(turn) }
        times[oldest] = turn
        oldest = (oldest + 1) % calls
    }

    /// Forgets the latest turn.
    mutating func giveBack() {
        guard times.count == calls else {
            times.removeLast()
            return
        }
        oldest = (oldest + calls - 1) % calls
        // What it replaced is not known any more, but was a whole period older at least.
        times[oldest] = times[oldest].advanced(by: .zero - per)
    }
}
