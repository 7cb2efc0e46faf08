#if Gateway
import HoldfastIdempotency

/// A record, as the API shows it. Times are told as distances from now, on the store's clock.
public struct KeyRecord: Codable, Sendable {
    public struct Event: Codable, Sendable {
        public let event: String
        public let fence: Int64
        public let by: String
        public let why: String
        public let secondsAgo: Double
    }

    public let record: String
    public let state: String
    public let fence: Int64
    public let leaseEndsInSeconds: Double?
    public let expiresInSeconds: Double
    public let payloadBytes: Int?
    public let history: [Event]
    /// Which request it was made for, while it is in flight or unknown; nil where that was not said.
    public let cause: KeyCause?
    /// Why that cannot be read, if it cannot.
    public let causeUnreadable: String?
    /// What was looked for, where a key was, in words.
    public let lookedFor: String?

    init(_ summary: ClaimSummary, cause found: KeyCause.Found = .none, lookedFor: String? = nil) {
        func seconds(to instant: StoreInstant) -> Double {
            // Each alone: the distance between what others have written need not be a number of 64 bits.
            (Double(instant.milliseconds) - Double(summary.now.milliseconds)) / 1_000
        }
        record = summary.id.description
        state = summary.state.rawValue
        fence = summary.fence
        leaseEndsInSeconds = summary.leaseEnds.map(seconds(to:))
        expiresInSeconds = seconds(to: summary.expires)
        payloadBytes = summary.payloadBytes
        history = summary.history.entries.map { entry in
            Event(
                event: entry.event.rawValue, fence: entry.fence, by: entry.by, why: entry.why,
                secondsAgo: -seconds(to: entry.at))
        }
        cause = if case .cause(let cause) = found { cause } else { nil }
        causeUnreadable = if case .unreadable(let reason) = found { reason } else { nil }
        self.lookedFor = lookedFor
    }
}

/// A page of records, as the API shows it.
public struct KeyPage: Codable, Sendable {
    public let records: [KeyRecord]
    /// Where the next page goes on; nil when there is none.
    public let next: String?
    /// What the whole store holds, of all who share it; nil where it cannot tell.
    public let store: StoreCounts?

    init(_ page: ClaimPage, of usage: ClaimUsage?, cause: (ClaimSummary) -> KeyCause.Found) {
        records = page.summaries.map { KeyRecord($0, cause: cause($0)) }
        next = page.next
        store = usage.map { StoreCounts(keys: $0.keys, bytes: $0.bytes, unknown: $0.unknown) }
    }
}

/// How much a store holds.
public struct StoreCounts: Codable, Sendable {
    public let keys: Int
    /// Of outcomes and causes.
    public let bytes: Int
    /// Keys that began and of which nobody knows how they ended.
    public let unknown: Int
}
#endif
