#if SQLite
import Holdfast
import HoldfastIdempotency

/// The store's own clock: it counts the time that the store is open, and goes on where it stood when the store was
/// last written. So no decision reads a wall clock, a step of the wall clock expires nothing, and retention is at
/// least what was promised: the time while the store was closed does not count.
struct SQLiteStoreClock: Sendable {
    private let start: StoreInstant
    private let clock: any TimeSource
    private let origin: MonotonicInstant

    init(resumingAt start: StoreInstant, on clock: any TimeSource) {
        self.start = start
        self.clock = clock
        origin = clock.now
    }

    var now: StoreInstant { start.advanced(by: origin.duration(to: clock.now)) }
}
#endif
