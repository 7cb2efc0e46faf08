import Holdfast

/// Decides whether somebody may have another key: a caller, or an address. It counts what this process has granted within
/// one retention, in twenty-four parts: about what their keys hold in the store, without asking the store.
///
/// Its memory is bounded, and nobody is not counted. So many as there are places are counted each for themselves. Whoever
/// comes when all are taken is counted together with others, in one of the shared places, which its name leads to: however
/// many names somebody makes up, they have no more room together than the shared places. Nothing is searched for: a place
/// whose time is over is found a few steps at a time, when one is needed.
struct CallerQuota: Sendable {
    static let partCount: Int64 = 24
    /// Those that are counted for themselves in one table: about 2 MB of names with few keys.
    static let ownPlaces = 6_250
    /// The places that all others share.
    static let sharedPlaces = 256

    struct Usage: Sendable, Hashable {
        var keys = 0
        var bytes = 0

        static func += (left: inout Usage, right: Usage) {
            left.keys += right.keys
            left.bytes += right.bytes
        }
    }

    /// What was counted in one place, by the part of the retention that it was counted in.
    private struct Tally: Sendable {
        /// The oldest first; only those in which something was counted.
        var parts: [(number: Int64, usage: Usage)] = []
        var total = Usage()

        mutating func forget(until number: Int64) {
            guard let first = parts.first, first.number <= number else { return }
            parts.removeAll { $0.number <= number }
            total = parts.reduce(into: Usage()) { $0 += $1.usage }
        }

        mutating func count(_ change: Usage, in number: Int64) {
            if parts.last?.number == number {
                parts[parts.count - 1].usage += change
            } else {
                parts.append((number, change))
            }
            total += change
        }
    }

    private let bound: Usage
    private let width: Int64
    private let ownPlaces: Int
    private var own: [UInt64: Tally] = [:]
    /// Those with a place of their own, in the order in which they are looked at when one is needed.
    private var order: [UInt64] = []
    private var next = 0
    private var shared: [Tally] = []

    /// - Parameter bound: The most that somebody may have.
    init(bound: Usage, retention: Duration, ownPlaces: Int = Self.ownPlaces) {
        self.bound = bound
        self.ownPlaces = ownPlaces
        width = max(1, retention.saturatingNanoseconds / Self.partCount)
    }

    /// Counts a key, if there is room for one.
    ///
    /// - Parameter name: A hash that nobody can choose.
    mutating func admit(_ name: UInt64, at now: MonotonicInstant) -> Bool {
        let bound = bound
        return at(name, now) { tally, number in
            guard tally.total.keys < bound.keys, tally.total.bytes < bound.bytes else { return false }
            tally.count(Usage(keys: 1), in: number)
            return true
        }
    }

    /// Counts what was stored, or takes back what was not.
    mutating func count(_ change: Usage, of name: UInt64, at now: MonotonicInstant) {
        at(name, now) { tally, number in tally.count(change, in: number) }
    }

    /// What somebody has, maybe together with others.
    mutating func usage(of name: UInt64, at now: MonotonicInstant) -> Usage {
        at(name, now) { tally, _ in tally.total }
    }

    /// How many are counted for themselves.
    var ownCount: Int { own.count }

    private mutating func at<R>(
        _ name: UInt64, _ now: MonotonicInstant, _ body: (inout Tally, _ number: Int64) -> R
    ) -> R {
        let number = now.nanoseconds / width
        if own[name] == nil, !takePlace(for: name, at: number) {
            if shared.isEmpty { shared = Array(repeating: Tally(), count: Self.sharedPlaces) }
            let place = Int(name >> 32 % UInt64(Self.sharedPlaces))
            shared[place].forget(until: number - Self.partCount)
            return body(&shared[place], number)
        }
        own[name, default: Tally()].forget(until: number - Self.partCount)
        return body(&own[name, default: Tally()], number)
    }

    private mutating func takePlace(for name: UInt64, at number: Int64) -> Bool {
        if own.count < ownPlaces {
            order.append(name)
            own[name] = Tally()
            return true
        }
        for _ in 0..<4 {
            defer { next = (next + 1) % order.count }
            let other = order[next]
            own[other]?.forget(until: number - Self.partCount)
            guard own[other]?.total == Usage() else { continue }
            own[other] = nil
            order[next] = name
            own[name] = Tally()
            return true
        }
        return false
    }
}
