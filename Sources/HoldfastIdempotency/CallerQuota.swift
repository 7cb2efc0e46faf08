import Holdfast

/// Decides whether somebody may have another key: a caller, or an address. It counts what this process has granted within
/// one retention, in twenty-four parts: about what their keys hold in the store, without asking the store.
///
/// Its memory is bounded, and nobody is not counted. So many as there are places are counted each for themselves. Whoever
/// comes when all are taken is counted in a ``CallerSketch``, never too low: however many names somebody makes up, each has
/// its bound, and together they have no more room than the sketch's cells. Nothing is searched for: a place whose time is
/// over is found a few steps at a time, when one is needed.
struct CallerQuota: Sendable {
    static let partCount: Int64 = 24
    /// Those that are counted for themselves in one table: about 2 MB of names with few keys.
    static let ownPlaces = 6_250

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
    /// Made when the first is without a place.
    private var others: CallerSketch?

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
        let used = usage(of: name, at: now)
        guard used.keys < bound.keys, used.bytes < bound.bytes else { return false }
        count(Usage(keys: 1), of: name, at: now)
        return true
    }

    /// Counts what was stored, or takes back what was not.
    mutating func count(_ change: Usage, of name: UInt64, at now: MonotonicInstant) {
        if hasPlace(name, at: now) {
            own[name]?.count(change, in: now.nanoseconds / width)
        } else {
            others?.count(change, of: name, at: now.nanoseconds)
        }
    }

    /// What somebody has: exactly, or at the most.
    mutating func usage(of name: UInt64, at now: MonotonicInstant) -> Usage {
        if hasPlace(name, at: now) { return own[name]?.total ?? Usage() }
        return others?.usage(of: name, at: now.nanoseconds) ?? Usage()
    }

    /// How many are counted for themselves.
    var ownCount: Int { own.count }

    /// Whether somebody is counted for itself, from now on if a place is free. Then it brings what it was counted for before.
    private mutating func hasPlace(_ name: UInt64, at now: MonotonicInstant) -> Bool {
        let number = now.nanoseconds / width
        if own[name] != nil {
            own[name]?.forget(until: number - Self.partCount)
            return true
        }
        guard takePlace(for: name, at: number) else {
            if others == nil {
                others = CallerSketch(retention: width * Self.partCount, countsBytes: bound.bytes < .max)
            }
            return false
        }
        var tally = Tally()
        if let before = others?.usage(of: name, at: now.nanoseconds), before != Usage() {
            tally.count(before, in: number)
        }
        own[name] = tally
        return true
    }

    private mutating func takePlace(for name: UInt64, at number: Int64) -> Bool {
        if own.count < ownPlaces {
            order.append(name)
            return true
        }
        for _ in 0..<4 {
            defer { next = (next + 1) % order.count }
            let other = order[next]
            own[other]?.forget(until: number - Self.partCount)
            guard own[other]?.total == Usage() else { continue }
            own[other] = nil
            order[next] = name
            return true
        }
        return false
    }
}
