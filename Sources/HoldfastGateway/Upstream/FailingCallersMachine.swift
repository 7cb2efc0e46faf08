#if Gateway
import Holdfast
import NIOCore

/// Decides which failures say something about a service, and whom an open breaker rejects.
///
/// A connection that cannot be made says it by itself. A 500, an answer that does not come, a 429: each may be what one
/// caller's request provokes, and nobody can see whether it is. What tells the two apart is who meets it. So of every
/// caller the last word is kept, and
/// - a failure counts when the last word of several callers was one: of ``needed``, or of all, where there are fewer;
/// - an open breaker whose failures came from fewer than that rejects those callers, and spares the others.
///
/// One caller alone, in whatever share of the traffic, opens a breaker for nobody but itself. Where all calls come from
/// one address, as behind a load balancer that is not trusted, they are one caller's, and the breaker is like any other.
///
/// Callers are told apart by 64 places, which their addresses are hashed to: two who share one count as one.
struct FailingCallersMachine: Sendable {
    /// From how many callers failures must come.
    static let needed = 3
    static let places = 64
    /// For so long, and at most twice as long, a caller is remembered that does not call.
    static let memory = TimeAmount.seconds(30)

    /// A bit for each place.
    typealias Callers = UInt64

    /// Who has called in this period, and in the one before.
    private(set) var seen: Callers = 0
    private var seenBefore: Callers = 0
    private(set) var periodEnd: NIODeadline
    /// Whose last word was a failure.
    private(set) var failing: Callers = 0
    /// For whose failures the breaker is open; none while it is not.
    private(set) var blamed: Callers = 0

    init(at now: NIODeadline) { periodEnd = now + Self.memory }

    private var remembered: Callers { seen | seenBefore }

    mutating func succeeded(_ caller: Int, at now: NIODeadline) {
        saw(caller, at: now)
        failing &= ~(1 << UInt64(caller))
        let others = blamed & ~(1 << UInt64(caller))
        if others != 0 { blamed = others }
    }

    /// - Returns: Whether the failure counts.
    mutating func failed(_ caller: Int, at now: NIODeadline) -> Bool {
        saw(caller, at: now)
        failing |= 1 << UInt64(caller)
        // Who has failed although the breaker spared it is another that failures come from.
        if blamed != 0 { blamed |= 1 << UInt64(caller) }
        return isBroad(failing & remembered)
    }

    /// No connection can be made: whoever called would have met it.
    mutating func unreachable() {
        failing = .max
        if blamed != 0 { blamed = .max }
    }

    /// A caller was rejected. It is there, whatever it would have met.
    mutating func rejected(_ caller: Int, at now: NIODeadline) { saw(caller, at: now) }

    /// What is known belongs to the state in which it was found out: while the breaker probes, failures must come from
    /// several callers again.
    mutating func breakerChanged(to state: CircuitBreaker.State) {
        switch state {
        case .open: blamed = failing
        case .halfOpen: failing = 0
        case .closed, .isolated, .disabled: (failing, blamed) = (0, 0)
        }
    }

    /// Whether an open breaker lets a caller pass, because failures have come from few, and not from this one.
    func spares(_ caller: Int) -> Bool {
        blamed != 0 && blamed.nonzeroBitCount < Self.needed && blamed & (1 << UInt64(caller)) == 0
    }

    private func isBroad(_ callers: Callers) -> Bool {
        callers.nonzeroBitCount >= min(Self.needed, remembered.nonzeroBitCount)
    }

    private mutating func saw(_ caller: Int, at now: NIODeadline) {
        if now >= periodEnd {
            seenBefore = now >= periodEnd + Self.memory ? 0 : seen
            seen = 0
            periodEnd = now + Self.memory
            // The word of one who is gone is old.
            failing &= seenBefore
        }
        seen |= 1 << UInt64(caller)
    }
}
#endif
