/// Decides when a call may be made. A value without clock or lock. All arithmetic is on whole numbers, so that nothing
/// drifts however long it runs, and an idle gap of any length costs nothing.
public struct RateLimiterMachine: Sendable, Hashable {
    /// A turn: how long to wait for it, and what to hand back if it is not taken.
    public struct Reservation: Sendable, Hashable {
        public let wait: Duration
        let mark: Mark

        enum Mark: Sendable, Hashable {
            case bucket(full: Int128)
            case window(turn: MonotonicInstant)
        }
    }

    public enum Decision: Sendable, Hashable {
        case granted(Reservation)
        case rejected(retryAfter: Duration)
    }

    private enum Meter: Sendable, Hashable {
        case bucket(TokenBucket)
        case window(SlidingWindow)
    }

    public let configuration: RateLimiterConfiguration
    private var meter: Meter

    /// - Parameter configuration: Already validated by the caller.
    public init(configuration: RateLimiterConfiguration) {
        self.configuration = configuration
        switch configuration.algorithm {
        case .tokenBucket(let calls, let per, let burst):
            meter = .bucket(TokenBucket(calls: calls, per: per, burst: burst))
        case .slidingWindow(let calls, let per):
            meter = .window(SlidingWindow(calls: calls, per: per))
        }
    }

    /// Takes the next turn, if it comes soon enough. Nobody overtakes a turn that is reserved already, and time that
    /// goes back counts as standing still.
    ///
    /// - Parameter wait: How long the caller would wait for it.
    public mutating func reserve(at now: MonotonicInstant, waitingAtMost wait: Duration = .zero) -> Decision {
        switch meter {
        case .bucket(var bucket):
            let (due, full) = bucket.next(at: now)
            guard due <= wait else { return .rejected(retryAfter: due) }
            bucket.full = full
            meter = .bucket(bucket)
            return .granted(Reservation(wait: due, mark: .bucket(full: full)))
        case .window(var window):
            let turn = window.next(at: now)
            let due = now.duration(to: turn)
            guard due <= wait else { return .rejected(retryAfter: due) }
            // Only one reference to the ring, so that it is written in place.
            meter = .window(SlidingWindow(calls: 1, per: .zero))
            window.take(turn)
            meter = .window(window)
            return .granted(Reservation(wait: due, mark: .window(turn: turn)))
        }
    }

    /// Hands a turn back that was not taken. Only the latest one can be used again: the turns after any other have been
    /// planned around it, and giving it to somebody who comes later would put two calls where one was allowed.
    public mutating func cancel(_ reservation: Reservation) {
        switch (meter, reservation.mark) {
        case (.bucket(var bucket), .bucket(let full)) where bucket.full == full:
            bucket.full -= bucket.cost
            meter = .bucket(bucket)
        case (.window(var window), .window(let turn)) where window.latest == turn:
            window.giveBack()
            meter = .window(window)
        default:
            break
        }
    }
}

/// The "leaky bucket as a meter" of ITU-T I.371's generic cell rate algorithm. Times are in nanoseconds times the calls
/// of a period, so that one call's share of it is a whole number.
private struct TokenBucket: Sendable, Hashable {
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
        let present = Int128(now.nanoseconds) * scale
        let next = max(full, present) + cost
        let early = next - depth - present
        return (early > 0 ? .nanoseconds(Int64(clamping: (early + scale - 1) / scale)) : .zero, next)
    }
}

/// When each of the last calls was made, or will be.
private struct SlidingWindow: Sendable, Hashable {
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
