#if Gateway
import HoldfastHTTP
import Synchronization

/// Which rejections and replays have a line in the access log: one in so many of each kind, counted, so that a flood of one
/// kind hides no other, and the first of each is there.
final class LogSampling: Sendable {
    private let rejections: Int
    private let replays: Int
    private let counts = Mutex<[Problem.Kind: Int]>([:])
    private let replayed = Atomic<Int>(0)

    init(rejections: Int, replays: Int) { (self.rejections, self.replays) = (max(1, rejections), max(1, replays)) }

    /// The report as it is logged, with how many it stands for; nil if it is not.
    func line(of report: RequestReport) -> RequestReport? {
        switch report.outcome {
        case .rejected where rejections > 1:
            guard let kind = report.problem else { return report }
            // There are as many counters as kinds of problems, which callers cannot add to.
            let before = counts.withLock { counts in
                defer { counts[kind, default: 0] &+= 1 }
                return counts[kind, default: 0]
            }
            return Self.one(of: rejections, before, report)
        case .replayed where replays > 1:
            return Self.one(of: replays, replayed.add(1, ordering: .relaxed).oldValue, report)
        default: return report
        }
    }

    private static func one(of several: Int, _ before: Int, _ report: RequestReport) -> RequestReport? {
        guard before % several == 0 else { return nil }
        var report = report
        report.sampled = several
        return report
    }
}
#endif
