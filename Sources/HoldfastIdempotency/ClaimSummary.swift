/// What a store holds of one key, as an operator sees it: all but the payload.
public struct ClaimSummary: Sendable, Hashable {
    /// How a record stands.
    public enum State: String, Sendable, CaseIterable {
        /// Somebody executes it, under a lease.
        case inFlight = "in-flight"
        case completed
        /// It was executed, and its response was not kept.
        case notKept = "not-kept"
        /// It began and nobody knows how it ended: it was told so, or its lease is over.
        case unknown
        /// It was resolved: nothing happened, and the key may be executed again.
        case released
    }

    public let id: RecordID
    public let state: State
    /// What a resolution or a purge must name, so that it does not meet another claim than the one that was looked at.
    public let fence: Int64
    /// When the lease ends, or has ended, of what is or was in flight.
    public let leaseEnds: StoreInstant?
    /// When the record will be forgotten.
    public let expires: StoreInstant
    /// The payload's length, as it is stored: sealed, where payloads are.
    public let payloadBytes: Int?
    public let history: ClaimHistory
    /// What was said of its cause, as it is stored: sealed, where payloads are. Empty if nothing was, and once it is known
    /// how it ended. ``IdempotencyEngine/context(of:)`` opens it.
    public let context: [UInt8]
    /// The store's time when it was read, which all the other times are to be compared with.
    public let now: StoreInstant

    /// Takes a record; nil if it has expired.
    ///
    /// - Parameters:
    ///   - record: What the store holds.
    ///   - id: What the record is stored under.
    ///   - payloadBytes: The payload's length, where a store has left the payload out.
    ///   - now: The store's time.
    public init?(_ record: ClaimRecord, of id: RecordID, payloadBytes: Int? = nil, at now: StoreInstant) {
        guard now < record.expires else { return nil }
        self.id = id
        self.now = now
        fence = record.fence
        expires = record.expires
        history = record.history
        var leaseEnds: StoreInstant?
        var length: Int?
        switch record.state {
        case .inFlight(let ends):
            state = record.isUnknown(at: now) ? .unknown : .inFlight
            leaseEnds = ends
        case .completed(nil): state = .notKept
        case .completed(let payload?):
            state = .completed
            length = payloadBytes ?? payload.count
        case .unknown: state = .unknown
        case .released: state = .released
        }
        // An older version may have completed it without taking that away.
        context = state == .inFlight || state == .unknown ? record.context : []
        self.leaseEnds = leaseEnds
        self.payloadBytes = length
    }
}

extension ClaimSummary.State {
    /// The state, as stores spell it. What is in flight may be unknown, where its lease is over.
    package var stored: [StoredState] {
        switch self {
        case .inFlight: [.inFlight]
        case .completed: [.completed]
        case .notKept: [.tombstone]
        case .unknown: [.inFlight, .unknown]
        case .released: [.released]
        }
    }
}

/// Some of what a store holds.
public struct ClaimPage: Sendable, Hashable {
    public let summaries: [ClaimSummary]
    /// Where the next page goes on; nil when there is none.
    public let next: String?
    /// The store's time.
    public let now: StoreInstant

    public init(summaries: [ClaimSummary], next: String?, now: StoreInstant) {
        self.summaries = summaries
        self.next = next
        self.now = now
    }
}

extension ClaimPage {
    /// Puts a page together from what was looked at: for each of the states that are stored, at most so many, in the order
    /// of their fences.
    package init(
        of looked: [(fence: Int64, summary: ClaimSummary?)], standing state: ClaimSummary.State, atMost count: Int,
        now: StoreInstant
    ) {
        let page = looked.sorted { $0.fence < $1.fence }.prefix(count)
        self.init(
            summaries: page.compactMap(\.summary).filter { $0.state == state },
            next: looked.count < count ? nil : page.last.map { String($0.fence) }, now: now)
    }
}

extension RecordID {
    /// Reads a cursor of a store that pages through its records by their identity.
    ///
    /// - Throws: ``ClaimStoreError`` with the code `invalid` for anything else.
    package init(cursor: String) throws(ClaimStoreError) {
        guard let id = RecordID(cursor) else {
            throw ClaimStoreError(.invalid, "the cursor '\(cursor)' is not one that a page has ended with")
        }
        self = id
    }
}

/// Reads a cursor of a store that pages through its records by their fences.
///
/// - Throws: ``ClaimStoreError`` with the code `invalid` for anything else.
package func fence(atCursor cursor: String?) throws(ClaimStoreError) -> Int64 {
    guard let cursor else { return 0 }
    guard let fence = Int64(cursor), fence >= 0 else {
        throw ClaimStoreError(.invalid, "the cursor '\(cursor)' is not one that a page has ended with")
    }
    return fence
}
