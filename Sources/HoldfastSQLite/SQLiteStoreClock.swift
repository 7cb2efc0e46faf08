#if SQLite
import Holdfast
import HoldfastIdempotency
import Synchronization

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

/// The same for a file that several instances write, in one process or in many, none of which knows when another wrote.
///
/// An instance that has been idle must not count its idle hours against a record that a younger one has written
/// meanwhile: it would forget the record early, and the work would be done twice. So each write carries a mark. While the
/// mark is one that this instance has seen, its time goes on; when it is another's, time goes on where the other has left
/// it. A record is kept for at least as long as was promised.
///
/// Instances that write in turn would stand still if that were all, so each may be ahead of the other's write by as much
/// as ``stride``. An instance can do so once for each record, the first time that it looks after the record was
/// written; ``allowance`` makes up for sixty of them.
final class SharedSQLiteClock: Sendable {
    /// The most by which time goes on between two writes whose distance nobody knows.
    static let stride = Duration.seconds(1)
    /// What is added to each retention.
    static let allowance = stride * 60

    private let clock: any TimeSource
    private let state: Mutex<State>

    private struct State {
        var now: StoreInstant
        var at: MonotonicInstant
        /// The marks under which nobody else has written since this instance looked.
        var marks: Set<Int64>
    }

    init(resumingAt tick: StoreInstant, mark: Int64, on clock: any TimeSource) {
        self.clock = clock
        state = Mutex(State(now: tick, at: clock.now, marks: [mark]))
    }

    /// The time, for one who has found this in the file, inside the transaction.
    func now(after tick: StoreInstant, mark: Int64) -> StoreInstant {
        let present = clock.now
        return state.withLock { state in
            var now = state.now.advanced(by: state.at.duration(to: present))
            if !state.marks.contains(mark) {
                now = max(tick, min(now, tick.advanced(by: Self.stride)))
                state.marks = [mark]
            }
            (state.now, state.at) = (now, present)
            return now
        }
    }

    /// A mark for what this instance writes next. The transaction may yet be rolled back, and then the mark that was
    /// found holds on.
    func mark(after found: Int64) -> Int64 {
        let mark = Int64.random(in: 1 ... .max)
        state.withLock { $0.marks = [found, mark] }
        return mark
    }
}
#endif
