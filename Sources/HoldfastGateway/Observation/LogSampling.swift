#if Gateway
import HoldfastHTTP
import Synchronization

/// Which rejections and replays have a line in the access log: one in so many of each kind, counted, so that a flood of one
/// kind hides no other, and the first of each is there.
///
/// Of rejections no more than so many of a kind are logged in a second as they are configured to be, and one in
/// ``beyond`` of the rest: anybody can have himself rejected, with a line of several times the bytes that he sends.
final class LogSampling: Sendable {
    /// Of how many one is logged that are too many for their second.
    static let beyond = 100

    private struct Count {
        /// Since 1970.
        var second: Int64 = 0
        /// How many were logged in it.
        var logged = 0
        var all = 0
        var tooMany = 0
    }

    private let rejections: Int
    private let perSecond: Int
    private let replays: Int
    private let counts = Mutex<[Problem.Kind: Count]>([:])
    private let replayed = Atomic<Int>(0)

    init(_ configuration: AccessLogConfiguration) {
        rejections = max(1, configuration.rejections)
        perSecond = max(1, configuration.rejectionsPerSecond)
        replays = max(1, configuration.replays)
    }

    /// The report as it is logged, with how many it stands for; nil if it is not.
    func line(of report: RequestReport) -> RequestReport? {
        switch report.outcome {
        case .rejected:
            guard let kind = report.problem else { return report }
            // There are as many counters as kinds of problems, which callers cannot add to.
            let count = counts.withLock { counts -> Int? in
                several(of: &counts[kind, default: Count()], in: report.time / 1_000)
            }
            return count.map { Self.standing(for: $0, report) }
        case .replayed:
            let before = replayed.add(1, ordering: .relaxed).oldValue
            return before % replays == 0 ? Self.standing(for: replays, report) : nil
        default: return report
        }
    }

    /// How many the next one stands for, if it is logged.
    private func several(of count: inout Count, in second: Int64) -> Int? {
        defer { count.all &+= 1 }
        guard count.all % rejections == 0 else { return nil }
        // A clock that was set back begins a second as well.
        if count.second != second { (count.second, count.logged) = (second, 0) }
        guard count.logged >= perSecond else {
            count.logged += 1
            return rejections
        }
        defer { count.tooMany &+= 1 }
        return count.tooMany % Self.beyond == 0 ? rejections * Self.beyond : nil
    }

    private static func standing(for several: Int, _ report: RequestReport) -> RequestReport {
        var report = report
        report.sampled = several > 1 ? several : nil
        return report
    }
}
#endif
