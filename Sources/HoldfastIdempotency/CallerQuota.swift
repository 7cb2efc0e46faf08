import Holdfast

/// Decides whether a caller may have another key. It counts what this process has granted within one retention, in
/// twenty-four parts: about what the caller's keys hold in the store, without asking the store.
struct CallerQuota: Sendable {
    static let partCount = 24
    /// Those who come when so many are known are not counted: who can be so many callers evades a bound on one anyway.
    static let callerBound = 100_000

    struct Usage: Sendable, Hashable {
        var keys = 0
        var bytes = 0
    }

    private struct Caller: Sendable {
        var parts = [Usage](repeating: Usage(), count: CallerQuota.partCount)
        var total = Usage()
        var newest: Int64
    }

    private let bound: Usage
    private let width: Int64
    private var callers: [String: Caller] = [:]

    /// - Parameter bound: The most that a caller may have.
    init(bound: Usage, retention: Duration) {
        self.bound = bound
        width = max(1, retention.saturatingNanoseconds / Int64(Self.partCount))
    }

    /// Counts a key, if there is room for one.
    mutating func admit(_ caller: String, at now: MonotonicInstant) -> Bool {
        if callers[caller] == nil {
            if callers.count >= Self.callerBound { forgetIdle(at: now) }
            guard callers.count < Self.callerBound else { return true }
        }
        let usage = usage(of: caller, at: now)
        guard usage.keys < bound.keys, usage.bytes < bound.bytes else { return false }
        count(Usage(keys: 1), of: caller, at: now)
        return true
    }

    /// Counts what was stored, or takes back what was not.
    mutating func count(_ change: Usage, of caller: String, at now: MonotonicInstant) {
        let number = now.nanoseconds / width
        var entry = turned(callers[caller] ?? Caller(newest: number), to: number)
        let place = ringPlace(of: entry.newest, count: Self.partCount)
        for (part, change) in [(\Usage.keys, change.keys), (\Usage.bytes, change.bytes)] {
            entry.parts[place][keyPath: part] += change
            entry.total[keyPath: part] += change
        }
        callers[caller] = entry
    }

    /// What a caller has.
    func usage(of caller: String, at now: MonotonicInstant) -> Usage {
        guard let entry = callers[caller] else { return Usage() }
        return turned(entry, to: now.nanoseconds / width).total
    }

    var callerCount: Int { callers.count }

    private func turned(_ entry: Caller, to number: Int64) -> Caller {
        guard number > entry.newest else { return entry }
        var turned = entry
        let passed = number.subtractingReportingOverflow(entry.newest)
        guard !passed.overflow, passed.partialValue < Int64(Self.partCount) else { return Caller(newest: number) }
        for gone in (entry.newest + 1)...number {
            let place = ringPlace(of: gone, count: Self.partCount)
            turned.total.keys -= turned.parts[place].keys
            turned.total.bytes -= turned.parts[place].bytes
            turned.parts[place] = Usage()
        }
        turned.newest = number
        return turned
    }

    private mutating func forgetIdle(at now: MonotonicInstant) {
        let number = now.nanoseconds / width
        callers = callers.filter { turned($0.value, to: number).total != Usage() }
    }
}
