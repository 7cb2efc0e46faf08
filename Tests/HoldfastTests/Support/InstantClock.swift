import Holdfast
import Synchronization

/// A clock that sleeps by jumping to the deadline, and writes down how long each sleep was.
final class InstantClock: TimeSource {
    private let state = Mutex((now: MonotonicInstant(nanoseconds: 0), waits: [Duration]()))

    var now: MonotonicInstant { state.withLock { $0.now } }
    var waits: [Duration] { state.withLock { $0.waits } }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        state.withLock { state in
            state.waits.append(state.now.duration(to: deadline))
            state.now = max(state.now, deadline)
        }
    }
}
