#if Gateway
import HoldfastIdempotency

/// Decides which unknown keys have a line in the log: those whose process has told nothing of them, because it ended, or
/// was cut off until the lease was over. What a process has told is in its own log.
///
/// It goes through the store's unknown keys by the page, round and round, and knows them by their claims: of two that
/// were settled and two that came, the number says nothing. A page at a time costs no claim anything; when there are more
/// keys than before, it goes through all of them at once, within a bound.
struct UnknownTeller {
    /// How many have a line of their own at a time: as many as a person reads.
    static let linesBound = 20
    /// How many are remembered as told. Beyond it, what is new is known by its fence, which rises with each claim.
    static let toldBound = 10_000
    /// How many records are looked at at once, and how many pages in a row: few enough that no claim waits for long.
    static let page = 200
    static let pages = 10

    private struct Claim: Hashable {
        let record: RecordID
        let fence: Int64
    }

    private var told: Set<Claim> = []
    /// Those of them that were met since the first page: the others are settled, and need not be remembered.
    private var met: Set<Claim> = []
    private var newestTold: Int64 = 0
    /// How many were unknown when they were looked at last.
    private var expected = 0
    private var round = Round.leisurely
    /// Where the next page begins.
    private(set) var cursor: String?

    private enum Round {
        /// A page at a time.
        case leisurely
        /// To the last page, since there are more than were known.
        case hasty
        /// The same, and once more, since there were more again in the meantime.
        case hastyTwice
    }

    /// How many pages are to be looked at now.
    ///
    /// - Parameters:
    ///   - count: How many unknown keys the store has.
    ///   - own: How many this process has told of since it was asked last.
    mutating func pagesToLookAt(at count: Int, own: Int) -> Int {
        defer { expected = count }
        guard count > 0 else {
            (told, met, cursor, round) = ([], [], nil, .leisurely)
            return 0
        }
        if count > expected + own {
            switch round {
            case .leisurely: (round, cursor, met) = (.hasty, nil, [])
            case .hasty, .hastyTwice: round = .hastyTwice
            }
        }
        return round == .leisurely ? 1 : Self.pages
    }

    /// Takes a page of those that were found, the oldest first.
    ///
    /// - Returns: Those that have not been told.
    mutating func take(_ page: ClaimPage) -> [ClaimSummary] {
        let new = page.summaries.filter { summary in
            guard summary.isUnreported else { return false }
            let claim = Claim(record: summary.id, fence: summary.fence)
            let isNew = !told.contains(claim) && (told.count < Self.toldBound || summary.fence > newestTold)
            if told.count < Self.toldBound { told.insert(claim) }
            if told.contains(claim) { met.insert(claim) }
            return isNew
        }
        newestTold = max(newestTold, new.lazy.map(\.fence).max() ?? 0)
        cursor = page.next
        if cursor == nil {
            (told, met) = (met, [])
            round = round == .hastyTwice ? .hasty : .leisurely
        }
        return new
    }

    /// Whether a whole round is over, so that none is left that has not been looked at.
    var isThrough: Bool { cursor == nil && round == .leisurely }

    /// Which of those that are new have a line: of many the newest, since they are what has just happened.
    static func lines(of new: [ClaimSummary]) -> (lines: ArraySlice<ClaimSummary>, more: Int) {
        (new.suffix(linesBound), max(0, new.count - linesBound))
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
