/// Decides when a call may be made. A value without clock or lock. All arithmetic is on whole numbers, so that nothing
/// drifts however long it runs, and an idle gap of any length costs nothing.
///
/// A turn that is handed back is not lost: the latest ones are taken off the end of the queue, and one from between is
/// given to whoever asks next, at the moment for which it was planned. So a queue whose callers have all left is empty.
public struct RateLimiterMachine: Sendable, Hashable {
    /// A turn: how long to wait for it, and what to hand back if it is not taken.
    public struct Reservation: Sendable, Hashable {
        public let wait: Duration
        let mark: Mark
        /// Tells apart two who hold the same turn one after the other: counted from 1.
        let number: UInt64

        enum Mark: Sendable, Hashable {
            case bucket(full: Int128)
            case window(turn: MonotonicInstant)
        }
    }

    public enum Decision: Sendable, Hashable {
        case granted(Reservation)
        case rejected(retryAfter: Duration)
    }

    fileprivate enum Meter: Sendable, Hashable {
        case bucket(TokenBucket)
        case window(SlidingWindow)
    }

    public let configuration: RateLimiterConfiguration
    private var meter: Meter
    private var issued: UInt64 = 0
    private var returned = ReturnedTurns()

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

    /// Takes the next turn, if it comes soon enough: one that was handed back, or else the one behind all others. Time
    /// that goes back counts as standing still.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - wait: How long the caller would wait for it.
    public mutating func reserve(at now: MonotonicInstant, waitingAtMost wait: Duration = .zero) -> Decision {
        if !returned.isEmpty, let decision = takeReturned(at: now, waitingAtMost: wait) { return decision }
        switch meter {
        case .bucket(var bucket):
            let (due, full) = bucket.next(at: now)
            guard due <= wait else { return .rejected(retryAfter: due) }
            bucket.full = full
            meter = .bucket(bucket)
            return granted(.bucket(full: full), after: due)
        case .window(var window):
            let turn = window.next(at: now)
            let due = now.duration(to: turn)
            guard due <= wait else { return .rejected(retryAfter: due) }
            // Only one reference to the ring, so that it is written in place.
            meter = .window(SlidingWindow(calls: 1, per: .zero))
            window.take(turn)
            meter = .window(window)
            return granted(.window(turn: turn), after: due)
        }
    }

    /// Hands a turn back that was not taken. A second time changes nothing.
    public mutating func cancel(_ reservation: Reservation) {
        if returned.contains(reservation) { return }
        // What finds no room there is lost, but for the latest.
        if !returned.insert(reservation), meter.latest == reservation.mark { forgetLatest() }
        while let latest = meter.latest, returned.takeFree(at: latest) { forgetLatest() }
    }

    private mutating func granted(_ mark: Reservation.Mark, after wait: Duration) -> Decision {
        issued += 1
        return .granted(Reservation(wait: wait, mark: mark, number: issued))
    }

    /// A turn that was handed back and whose moment has not passed; nil if there is none.
    private mutating func takeReturned(at now: MonotonicInstant, waitingAtMost wait: Duration) -> Decision? {
        let meter = meter
        returned.forgetPassed { meter.isPassed($0, at: now) }
        guard let mark = returned.firstFree else { return nil }
        let due = meter.due(mark, at: now)
        guard due <= wait else { return .rejected(retryAfter: due) }
        _ = returned.takeFree(at: mark)
        return granted(mark, after: due)
    }

    private mutating func forgetLatest() {
        switch meter {
        case .bucket(var bucket):
            bucket.full -= bucket.cost
            meter = .bucket(bucket)
        case .window(var window):
            meter = .window(SlidingWindow(calls: 1, per: .zero))
            window.giveBack()
            meter = .window(window)
        }
    }
}

extension RateLimiterMachine.Meter {
    /// Whether a turn that nobody took cannot be taken any more. A bucket's can for as long as one that is reserved now
    /// would lie no earlier: later, it would come on top of what was gained since.
    fileprivate func isPassed(_ mark: RateLimiterMachine.Reservation.Mark, at now: MonotonicInstant) -> Bool {
        switch (mark, self) {
        case (.bucket(let full), .bucket(let bucket)): bucket.isPassed(full, at: now)
        case (.window(let turn), .window): turn < now
        default: true
        }
    }

    fileprivate func due(_ mark: RateLimiterMachine.Reservation.Mark, at now: MonotonicInstant) -> Duration {
        switch (mark, self) {
        case (.bucket(let full), .bucket(let bucket)): bucket.due(full, at: now)
        case (.window(let turn), _): now.duration(to: turn)
        default: .zero
        }
    }

    /// The latest turn that was given out.
    fileprivate var latest: RateLimiterMachine.Reservation.Mark? {
        switch self {
        case .bucket(let bucket): bucket.full == .min ? nil : .bucket(full: bucket.full)
        case .window(let window): window.latest.map { .window(turn: $0) }
        }
    }
}
