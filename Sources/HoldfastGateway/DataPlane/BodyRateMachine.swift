#if Gateway
import Holdfast
import NIOCore

/// Decides whether a request's body comes fast enough: in each stretch of time it must bring what the rate asks of it.
///
/// Apache's `MinRate` and Kestrel's minimum data rate look at the whole body, so that whoever has sent a megabyte may
/// drip for half an hour. Here a stretch that is over counts no longer. Time in which nobody reads is not the client's:
/// the stretch is so much longer.
struct BodyRateMachine {
    enum Verdict {
        /// Its stretch is not over.
        case early
        case enough
        case tooSlow
    }

    /// How many bytes a stretch must bring.
    private let share: Int
    private let grace: TimeAmount
    private var end: NIODeadline
    private var received = 0
    /// Since when nobody reads.
    private var heldSince: NIODeadline?

    /// - Parameters:
    ///   - rate: In bytes a second, at least 1.
    ///   - grace: How long a stretch is.
    init(rate: Int, grace: Duration, at now: NIODeadline) {
        let (seconds, attoseconds) = grace.components
        // Both have bounds: 1 GiB a second for an hour is far from the end of a number.
        share = rate * Int(seconds) + Int(Double(rate) * Double(attoseconds) / 1e18)
        self.grace = TimeAmount(grace)
        end = now + self.grace
    }

    /// When to judge; nil while nobody reads.
    var deadline: NIODeadline? { heldSince == nil ? end : nil }

    mutating func received(_ bytes: Int) { received += bytes }

    /// - Returns: Whether that is new.
    mutating func hold(_ hold: Bool, at now: NIODeadline) -> Bool {
        guard hold != (heldSince != nil) else { return false }
        if let since = heldSince {
            end = end + (now - since)
            heldSince = nil
        } else {
            heldSince = now
        }
        return true
    }

    /// Once it was enough, the next stretch begins.
    mutating func judge(at now: NIODeadline) -> Verdict {
        guard let deadline, now >= deadline else { return .early }
        guard received >= max(1, share) else { return .tooSlow }
        received = 0
        end = now + grace
        return .enough
    }
}
#endif
