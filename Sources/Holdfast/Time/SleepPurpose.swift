/// What somebody sleeps for. A clock may ignore it, as ``MonotonicClock`` does; a clock for tests tells sleepers apart by it.
///
/// Those below are Holdfast's own. A purpose of one's own is any other word.
public struct SleepPurpose: Sendable, Hashable, CustomStringConvertible {
    /// The word, for messages.
    public let description: String

    public init(_ word: String) {
        description = word
    }

    /// The wait of a retry before the next attempt.
    public static let backoff = SleepPurpose("backoff")
    /// The wait for a turn at a rate limiter.
    public static let turn = SleepPurpose("turn")
    /// The delay before a hedge.
    public static let hedge = SleepPurpose("hedge")
    /// The timer of a deadline or a timeout.
    public static let limit = SleepPurpose("limit")
    /// Whatever nothing is said of.
    public static let other = SleepPurpose("other")
}
