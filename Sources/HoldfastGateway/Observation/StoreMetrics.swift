#if Gateway
import HoldfastIdempotency
import Synchronization

/// What is counted of the store of keys.
final class StoreMetrics: Sendable {
    let latency = LatencyHistogram(bounds: LatencyHistogram.ofCommits)
    /// How many commands shared a commit.
    let commands = Histogram(bounds: [1, 2, 4, 8, 16, 32, 64, 128, 256])
    private let failureCount = Atomic<Int>(0)
    private let events = AtomicCells(count: Event.allCases.count)

    /// What the engine tells.
    enum Event: String, Sendable, CaseIterable {
        case storeFailed = "store-failed"
        case storeFull = "store-full"
        case recordingFailed = "recording-failed"
        case outcomeLost = "outcome-lost"
        case releaseFailed = "release-failed"
        case becameUnknown = "became-unknown"
        case renewalFailed = "renewal-failed"
        case resolved, purged

        init(_ event: IdempotencyEvent) {
            switch event {
            case .storeFailed: self = .storeFailed
            case .storeFull: self = .storeFull
            case .recordingFailed: self = .recordingFailed
            case .outcomeLost: self = .outcomeLost
            case .releaseFailed: self = .releaseFailed
            case .becameUnknown: self = .becameUnknown
            case .renewalFailed: self = .renewalFailed
            case .resolved: self = .resolved
            case .purged: self = .purged
            }
        }
    }

    /// Counts a commit, or an attempt at one.
    func committed(_ commit: GroupCommit.Report) {
        latency.record(commit.duration)
        commands.record(commit.commands)
        if !commit.succeeded { failureCount.add(1, ordering: .relaxed) }
    }

    /// Counts what the engine tells.
    func heard(_ event: IdempotencyEvent) {
        if let place = Event.allCases.firstIndex(of: Event(event)) { events.add(at: place) }
    }

    var failures: Int { failureCount.load(ordering: .relaxed) }

    func count(of event: Event) -> Int {
        Event.allCases.firstIndex(of: event).map { events.values[$0] } ?? 0
    }
}
#endif
