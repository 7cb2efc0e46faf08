import Holdfast

/// What a store holds: its keys, the bytes of their outcomes and causes, and how many of the keys are unknown.
public struct ClaimUsage: Sendable, Hashable {
    public var keys: Int
    public var bytes: Int
    /// Keys that began and of which nobody knows how they ended: they were given up, or their lease is over.
    public var unknown: Int

    public init(keys: Int = 0, bytes: Int = 0, unknown: Int = 0) {
        self.keys = keys
        self.bytes = bytes
        self.unknown = unknown
    }

    package static func += (left: inout ClaimUsage, right: ClaimUsage) {
        left.keys += right.keys
        left.bytes += right.bytes
        left.unknown += right.unknown
    }

    package static func -= (left: inout ClaimUsage, right: ClaimUsage) {
        left += ClaimUsage(keys: -right.keys, bytes: -right.bytes, unknown: -right.unknown)
    }
}

extension ClaimRecord {
    /// What the record adds to what a store holds, as long as no lease ends.
    package var usage: ClaimUsage {
        ClaimUsage(keys: 1, bytes: keptBytes, unknown: state == .unknown ? 1 : 0)
    }
}

extension ClaimRecord? {
    /// The same, and nothing where there is no record.
    package var usage: ClaimUsage { map(\.usage) ?? ClaimUsage() }
}

/// Decides whether the whole store has room for another key. What it holds is the store's to say: it is asked when the
/// first key comes, and again every ten seconds while keys come. In between, what this process adds is counted here.
///
/// So one process never passes the bound by more than what it records of keys that it was let have, and those that share
/// a store pass it by what the others add within ten seconds.
struct StoreRoom: Sendable {
    /// How old the store's word may be.
    static let age = Duration.seconds(10)

    enum Admission: Sendable, Hashable {
        case admitted
        case full
        /// The store has not said yet: ask again when it has.
        case unknown
    }

    let bound: ClaimUsage
    /// What the store has said; nil before it has, and where it cannot tell.
    private(set) var said: ClaimUsage?
    /// Whether the store has been asked, and has answered or failed to.
    private(set) var isKnown = false
    /// What has changed since the store was asked, before it said what it said.
    private var since = ClaimUsage()
    private var sinceAsked = ClaimUsage()
    private var askedAt: MonotonicInstant?
    private var isAsking = false

    init(bound: ClaimUsage) { self.bound = bound }

    /// About what the store holds.
    var usage: ClaimUsage? {
        said.map { said in
            ClaimUsage(
                keys: max(0, said.keys + since.keys), bytes: max(0, said.bytes + since.bytes),
                unknown: max(0, said.unknown + since.unknown))
        }
    }

    var isFull: Bool {
        guard let usage else { return false }
        return usage.keys >= bound.keys || usage.bytes >= bound.bytes
    }

    /// Counts a key, if there is room for one.
    mutating func admit() -> Admission {
        guard isKnown else { return .unknown }
        if isFull { return .full }
        count(ClaimUsage(keys: 1))
        return .admitted
    }

    /// Counts an outcome's bytes, if there is room for them.
    mutating func admit(bytes: Int) -> Bool {
        if let usage, usage.bytes + bytes > bound.bytes { return false }
        count(ClaimUsage(bytes: bytes))
        return true
    }

    mutating func count(_ change: ClaimUsage) {
        since += change
        sinceAsked += change
    }

    /// Whether the store is to be asked now. Whoever is told so has to ask, and to say what was heard.
    mutating func isToAsk(at now: MonotonicInstant) -> Bool {
        if isAsking { return false }
        if let askedAt, askedAt.duration(to: now) < Self.age { return false }
        (isAsking, askedAt, sinceAsked) = (true, now, ClaimUsage())
        return true
    }

    /// Takes what the store says; nil, if it cannot tell, or has not answered. Then what it said before stands.
    mutating func hear(_ usage: ClaimUsage?) {
        (isAsking, isKnown) = (false, true)
        guard let usage else { return }
        // What changed while it was asked may be in its answer or not: counted twice for ten seconds, rather than not.
        (said, since) = (usage, ClaimUsage(keys: max(0, sinceAsked.keys), bytes: max(0, sinceAsked.bytes)))
    }
}
