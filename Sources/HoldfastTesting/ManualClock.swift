public import Holdfast
import Synchronization

/// A clock that stands still until a test moves it, and that knows who sleeps on it.
///
/// ```swift
/// let clock = ManualClock()
/// async let result = retry.run(…)
/// await clock.sleepers(1)          // the retry has begun to wait
/// clock.advance(by: .seconds(2))   // and now it goes on
/// ```
public final class ManualClock: TimeSource {
    private struct Sleeper {
        let wakes: MonotonicInstant
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var now: MonotonicInstant
        var sleepers: [Int: Sleeper] = [:]
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var nextIdentifier = 0
        var cancelled: Set<Int> = []

        mutating func satisfiedWatchers() -> [CheckedContinuation<Void, Never>] {
            let satisfied = watchers.filter { $0.count <= sleepers.count }
            watchers.removeAll { $0.count <= sleepers.count }
            return satisfied.map(\.continuation)
        }
    }

    private let state: Mutex<State>

    /// - Parameter start: Where the clock stands at first.
    public init(at start: MonotonicInstant = MonotonicInstant(nanoseconds: 0)) {
        state = Mutex(State(now: start))
    }

    public var now: MonotonicInstant { state.withLock { $0.now } }
    public var minimumResolution: Duration { .nanoseconds(1) }

    /// Moves the clock and wakes every sleeper whose time has come, the earliest first.
    public func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now.advanced(by: duration)
            let due = state.sleepers.filter { $0.value.wakes <= state.now }
            for identifier in due.keys { state.sleepers[identifier] = nil }
            return due.values.sorted { $0.wakes < $1.wakes }.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }

    /// Returns as soon as at least this many tasks sleep on the clock.
    public func sleepers(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let satisfied = state.withLock { state in
                state.watchers.append((count, continuation))
                return state.satisfiedWatchers()
            }
            for watcher in satisfied { watcher.resume() }
        }
    }

    public func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        let identifier = state.withLock { state in
            state.nextIdentifier += 1
            return state.nextIdentifier
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                enum Start { case due, cancelled, asleep([CheckedContinuation<Void, Never>]) }
                let start = state.withLock { state -> Start in
                    if state.cancelled.remove(identifier) != nil { return .cancelled }
                    if deadline <= state.now { return .due }
                    state.sleepers[identifier] = Sleeper(wakes: deadline, continuation: continuation)
                    return .asleep(state.satisfiedWatchers())
                }
                switch start {
                case .due: continuation.resume()
                case .cancelled: continuation.resume(throwing: CancellationError())
                case .asleep(let watchers): for watcher in watchers { watcher.resume() }
                }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: identifier)
                if sleeper == nil { state.cancelled.insert(identifier) }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
        state.withLock { _ = $0.cancelled.remove(identifier) }
    }
}
