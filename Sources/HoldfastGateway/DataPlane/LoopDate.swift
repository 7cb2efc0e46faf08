#if Gateway
import Foundation
import NIOCore

/// The time of day as `Date` has it (RFC 9110, section 6.6.1), written once a second for all answers of a loop. Nothing is
/// decided by it.
struct LoopDate {
    private var text = ""
    private var end: NIODeadline?

    /// - Parameter now: The loop's time.
    mutating func text(at now: NIODeadline) -> String {
        text(at: now) {
            let now = Date().timeIntervalSince1970
            let second = now.rounded(.down)
            return (Int(second), Int64((now - second) * 1e9))
        }
    }

    /// - Parameter clock: Seconds since 1970, and the nanoseconds of the next one that have passed.
    mutating func text(
        at now: NIODeadline, by clock: () -> (seconds: time_t, nanoseconds: Int64)
    ) -> String {
        if let end, now < end { return text }
        let (seconds, nanoseconds) = clock()
        text = HTTPDate.text(seconds)
        end = now + .nanoseconds(1_000_000_000 - nanoseconds)
        return text
    }
}
#endif
