import Holdfast

/// How a call's lineage crosses the network: what a layer below must know of those above it, and the other way round.
/// There is no standard for it; Envoy's `x-envoy-expected-rq-timeout-ms` and `x-envoy-attempt-count` say the first two.
///
/// The time left is relative, since two machines share no clock; what the network takes is the receiver's loss.
public enum LineageFields {
    /// How many milliseconds are left for the request.
    public static let timeoutName = "holdfast-timeout"
    /// The number of this attempt, from 1. From 2 on, whoever sends it is making the request again: a layer below makes
    /// a single attempt, and leaves the rest to it.
    public static let attemptName = "holdfast-attempt"
    /// In a response: how many attempts were made below. From 2 on, what failed is not made again above.
    public static let attemptsName = "holdfast-attempts"

    /// Reads the time left: 1 ms to 10 days. nil for anything else.
    public static func timeout(_ value: String) -> Duration? {
        number(value, digits: 9).flatMap { $0 > 0 ? .milliseconds($0) : nil }
    }

    /// Writes the time left, in whole milliseconds, at least 1: at zero the request would not be sent.
    public static func format(timeout: Duration) -> String {
        String(max(1, min(999_999_999, timeout.saturatingNanoseconds / 1_000_000)))
    }

    /// Reads a number of attempts: 1 for anything that is none.
    public static func attempts(_ value: String?) -> Int {
        value.flatMap { number($0, digits: 4) }.map { max(1, $0) } ?? 1
    }

    private static func number(_ value: String, digits: Int) -> Int? {
        guard (1...digits).contains(value.utf8.count), value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int(value)
    }
}
