/// A point in time on a store's own clock, in milliseconds. Leases and retention are measured on it alone.
public struct StoreInstant: Sendable, Hashable, Comparable {
    public var milliseconds: Int64

    @inlinable public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Moves by a duration, rounded up to whole milliseconds; stays at the end of the range rather than overflow.
    public func advanced(by duration: Duration) -> StoreInstant {
        let nanoseconds = duration.saturatingNanoseconds
        let whole = nanoseconds / 1_000_000 + (nanoseconds % 1_000_000 > 0 ? 1 : 0)
        let (sum, overflow) = milliseconds.addingReportingOverflow(whole)
        return StoreInstant(milliseconds: overflow ? .max : sum)
    }

    /// How long it is until another; zero if that is earlier.
    package func duration(to other: StoreInstant) -> Duration {
        guard self < other else { return .zero }
        let (difference, overflow) = other.milliseconds.subtractingReportingOverflow(milliseconds)
        return .milliseconds(overflow ? .max : difference)
    }

    @inlinable public static func < (left: StoreInstant, right: StoreInstant) -> Bool {
        left.milliseconds < right.milliseconds
    }
}

/// What a store knows of one key.
public struct ClaimRecord: Sendable, Hashable {
    public enum State: Sendable, Hashable {
        /// Somebody executes it, under a lease.
        case inFlight(leaseEnds: StoreInstant)
        /// It was executed. The payload is what a repeat is answered from; nil is the tombstone of an outcome that was
        /// too large to keep.
        case completed(payload: [UInt8]?)
        /// It began and nobody knows how it ended.
        case unknown
        /// Nothing happened, and the key may be executed again. Kept only for the history that it has.
        case released
    }

    public var fingerprint: Fingerprint
    /// Rises with each claim that a store grants, so that no two claims of a key ever share one.
    public var fence: Int64
    public var state: State
    /// When the record may be forgotten.
    public var expires: StoreInstant
    /// What became of it until now.
    public var history: ClaimHistory
    /// What whoever claimed it says of its cause, for operators: opaque to stores, and kept only while it is in flight or
    /// unknown. Empty if nothing was said.
    public var context: [UInt8]

    public init(
        fingerprint: Fingerprint, fence: Int64, state: State, expires: StoreInstant,
        history: ClaimHistory = ClaimHistory(), context: [UInt8] = []
    ) {
        self.fingerprint = fingerprint
        self.fence = fence
        self.state = state
        self.expires = expires
        self.history = history
        self.context = context
    }

    /// Whether nobody knows how it ended: it is told so, or its lease is over.
    public func isUnknown(at now: StoreInstant) -> Bool {
        switch state {
        case .unknown: true
        case .inFlight(let leaseEnds): leaseEnds <= now
        case .completed, .released: false
        }
    }
}

/// What is asked of a store, about one key.
public struct ClaimCommand: Sendable, Hashable {
    public enum Action: Sendable, Hashable {
        /// Asks for the right to execute.
        ///
        /// - Parameters:
        ///   - retention: How long the record is kept when nobody reports before the lease ends, counted from that end.
        ///   - takesOver: What is executed again, under a higher fence, though nobody knows how it ended.
        ///   - owner: Who asks, for the record's history.
        ///   - nonce: Names this one question of this owner, and stands in the history too. Whoever asks again with the
        ///     same nonce, because the answer was lost, gets the claim that it was granted. Default: empty, and then every
        ///     question is another.
        ///   - context: What operators are told of the claim's cause, while it is in flight or unknown. Default: nothing.
        case claim(
            fingerprint: Fingerprint, lease: Duration, retention: Duration, takesOver: Takeover = .nothing,
            owner: String = "", nonce: String = "", context: [UInt8] = [])
        /// Asks what became of a key without claiming it: answered as a claim is, and ``ClaimReply/free`` if it could be
        /// claimed.
        ///
        /// - Parameter retention: As with a claim.
        case look(fingerprint: Fingerprint, retention: Duration)
        /// Prolongs a claim's lease, counted from now, and the record's retention with it.
        case renew(fence: Int64, lease: Duration)
        /// Records the outcome.
        ///
        /// - Parameter retention: Counted from now.
        case complete(fence: Int64, payload: [UInt8]?, retention: Duration)
        /// Nothing happened: the key may be executed again.
        case release(fence: Int64)
        /// It began, and how it ended will not be known.
        case abandon(fence: Int64)
        /// Somebody found out how what is unknown ended, and says who and why.
        ///
        /// - Parameter retention: How long the record is kept from now, if it would not be kept longer anyway.
        case resolve(fence: Int64, Resolution, retention: Duration, by: String = "", why: String = "")
        /// Forgets what is not in flight.
        case purge(fence: Int64)
    }

    /// Which unknown records a claim takes over.
    public enum Takeover: Sendable, Hashable {
        case nothing
        case anything
        /// The claim of this fence, of which somebody has found out that it did nothing. Its successor's is not touched.
        case fence(Int64)
    }

    /// How what was unknown ended.
    public enum Resolution: Sendable, Hashable {
        /// It was executed; the payload is what repeats are answered from.
        case completed(payload: [UInt8]?)
        /// Nothing happened: the key may be executed again.
        case released
    }

    public let id: RecordID
    public let action: Action

    public init(id: RecordID, action: Action) {
        self.id = id
        self.action = action
    }
}

/// A store's answer to one command.
public enum ClaimReply: Sendable, Hashable {
    /// The right to execute, with its fence.
    case claimed(fence: Int64)
    /// Nobody has claimed it, and whoever asked has not either.
    case free
    /// Somebody else executes it.
    case inFlight
    /// It was executed; the payload is nil where it was too large to keep.
    case completed(payload: [UInt8]?)
    /// It began and nobody knows how it ended. The fence is what a resolution must name.
    case unknown(fence: Int64)
    /// The key was used for a request that said something else.
    case mismatched
    /// The command was carried out.
    case done
    /// The record has moved on: whoever sent the command has lost its claim.
    case stale
}
