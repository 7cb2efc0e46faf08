#if Gateway
import HoldfastIdempotency

/// Decides which unknown keys have a line in the log: those whose process has told nothing of them, because it ended, or
/// was cut off until the lease was over. What a process has told is in its own log.
struct UnknownTeller {
    /// How many have a line of their own at a time: as many as a person reads.
    static let linesBound = 20
    /// How many are remembered as told. Beyond it all are forgotten, and told once more.
    static let toldBound = 10_000

    private struct Claim: Hashable {
        let record: RecordID
        let fence: Int64
    }

    private var told: Set<Claim> = []
    /// How many were unknown when they were looked at last, with those that this process has told of since.
    private var expected = 0

    /// Whether there are more unknown keys than are known of, so that somebody has to look.
    ///
    /// - Parameters:
    ///   - count: How many the store has.
    ///   - own: How many this process has told of since it was asked last.
    mutating func isToLook(at count: Int, own: Int) -> Bool {
        defer { expected = count }
        return count > expected + own
    }

    /// Takes those that were found, the oldest first.
    ///
    /// - Returns: Those that are told, and how many others are not, because they are too many.
    mutating func tell(_ found: [ClaimSummary]) -> (lines: [ClaimSummary], more: Int) {
        let new = found.filter { summary in
            summary.isUnreported && !told.contains(Claim(record: summary.id, fence: summary.fence))
        }
        if told.count + new.count > Self.toldBound { told = [] }
        for summary in new.suffix(Self.toldBound) {
            told.insert(Claim(record: summary.id, fence: summary.fence))
        }
        // Of many, the newest: they are what has just happened.
        return (new.suffix(Self.linesBound), max(0, new.count - Self.linesBound))
    }
}

extension ClaimSummary {
    /// Whether it is unknown without a word of whoever claimed it.
    fileprivate var isUnreported: Bool {
        guard state == .unknown, let last = history.entries.last else { return false }
        return switch last.event {
        case .claimed, .leaseEnded: true
        // A store that knows that the process has ended says so in its place.
        case .abandoned: !last.why.isEmpty
        case .completed, .released, .resolvedCompleted, .resolvedReleased: false
        }
    }
}
#endif
