#if Gateway
import Foundation
import Synchronization

/// What became of the readings of the configuration since the start, for metrics. The start is the first that succeeded.
final class ReloadRecord: Sendable {
    struct Figures: Sendable, Equatable {
        /// Whether the last reading is what runs.
        var lastSucceeded = true
        /// When the last one that succeeded did, in seconds since 1970. Shown, and nothing is decided by it.
        var lastSuccess = Int(time(nil))
        var succeeded = 0
        var refused = 0
    }

    private let state = Mutex(Figures())

    var figures: Figures { state.withLock { $0 } }

    /// - Parameter now: In seconds since 1970.
    func succeeded(at now: Int = Int(time(nil))) {
        state.withLock {
            $0.lastSucceeded = true
            $0.lastSuccess = now
            $0.succeeded += 1
        }
    }

    func refused() {
        state.withLock {
            $0.lastSucceeded = false
            $0.refused += 1
        }
    }
}
#endif
