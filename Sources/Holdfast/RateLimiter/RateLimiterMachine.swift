/// Decides when a call may be made. A value without clock or lock. All arithmetic is on whole numbers, so that nothing
/// drifts however long it runs, and an idle gap of any length costs nothing.
public struct RateLimiterMachine: Sendable, Hashable {
    /// A turn: how long to wait for it, and what to hand back if it is not taken.
    public struct Reservation: Sendable, Hashable {
        public let wait: Duration
        let at: MonotonicInstant
    }

    public enum Decision: Sendable, Hashable {
        case granted(Reservation)
        case rejected(retryAfter: Duration)
    }

    private enum State: Sendable, Hashable {
        /// The instant at which the bucket would be full again, in nanoseconds times the calls of a period: Turner's
        /// "leaky bucket as a meter", ITU-T I.371's generic cell rate algorithm.
        case bucket(full: Int128)
        /// When each of the last calls was made, or will be: a ring whose oldest entry is next.
        case log([MonotonicInstant], next: Int)
    }

    public let configuration: RateLimiterConfiguration
    private var state: State

    /// - Parameter configuration: Already validated by the caller.
    public init(configuration: RateLimiterConfiguration) {
        self.configuration = configuration
        switch configuration.algorithm {
        case .tokenBucket: state = .bucket(full: .min)
        case .slidingWindow: state = .log([], next: 0)
        }
    }

    /// Takes the next turn, if it comes soon enough.
    ///
    /// - Parameter wait: How long the caller would wait for it.
    public mutating func reserve(at now: MonotonicInstant, waitingAtMost wait: Duration = .zero) -> Decision {
        switch (configuration.algorithm, state) {
        case (.tokenBucket(let calls, let per, let burst), .bucket(let full)):
            let (scale, cost) = (Int128(calls), Int128(per.saturatingNanoseconds))
            let present = Int128(now.nanoseconds) * scale
            let next = max(full, present) + cost
            let early = next - Int128(burst) * cost - present
            let due = early > 0 ? Duration.nanoseconds(Int64(clamping: (early + scale - 1) / scale)) : .zero
            guard due <= wait else { return .rejected(retryAfter: due) }
            state = .bucket(full: next)
            return .granted(Reservation(wait: due, at: now.advanced(by: due)))
        case (.slidingWindow(let calls, let per), .log(var times, var next)):
            let oldest = times.count < calls ? nil : times[next]
            let latest = times.isEmpty ? now : times[times.count < calls ? times.count - 1 : (next + calls - 1) % calls]
            // Nobody overtakes a turn that is reserved already, and time that goes back counts as standing still.
            let turn = max(oldest?.advanced(by: per) ?? now, max(now, latest))
            let due = now.duration(to: turn)
            guard due <= wait else { return .rejected(retryAfter: due) }
            if times.count < calls {
                times.append(turn)
            } else {
                times[next] = turn
                next = (next + 1) % calls
            }
            state = .log(times, next: next)
            return .granted(Reservation(wait: due, at: turn))
        default:
            return .rejected(retryAfter: .zero)
        }
    }

    /// Hands a turn back that was not taken. In a sliding window only the latest one can be: others have been planned
    /// around it.
    public mutating func cancel(_ reservation: Reservation) {
        switch (configuration.algorithm, state) {
        case (.tokenBucket(_, let per, _), .bucket(let full)):
            state = .bucket(full: full - Int128(per.saturatingNanoseconds))
        case (.slidingWindow(let calls, _), .log(var times, let next)):
            guard times.count < calls, times.last == reservation.at else { return }
            times.removeLast()
            state = .log(times, next: next)
        default:
            break
        }
    }
}
