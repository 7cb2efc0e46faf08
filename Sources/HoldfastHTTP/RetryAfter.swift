/// The `Retry-After` field (RFC 9110, section 10.2.3), in either form: seconds, or a date.
///
/// A date is compared with the `Date` of the answer that it came in. Both are the server's, so no clock of ours decides,
/// and one that is wrong harms nobody.
public enum RetryAfter {
    /// The most that is read, about 31 years: nine digits.
    private static let limit: Int64 = 999_999_999

    /// Reads the field.
    ///
    /// - Parameters:
    ///   - value: Whole seconds, or a date in any form of HTTP's.
    ///   - date: The `Date` field of the same answer. It is asked for when the value is a date.
    /// - Returns: Zero to 999,999,999 s. Nil for what is neither form, for a date before `date`, and for a date without
    ///   `date`.
    public static func parse(_ value: String, date: @autoclosure () -> String? = nil) -> Duration? {
        if let seconds = HTTPTimestamp.number(value[...], digits: 1...9) { return .seconds(seconds) }
        guard let now = date().flatMap({ HTTPTimestamp($0) }), let later = HTTPTimestamp(value, now: now) else {
            return nil
        }
        let wait = later.seconds - now.seconds
        return (0...limit).contains(wait) ? .seconds(wait) : nil
    }

    /// Whole seconds, rounded up, at least 1: nobody is told to come back before they can be served.
    public static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = max(.zero, duration).components
        return String(max(1, attoseconds > 0 ? seconds + 1 : seconds))
    }
}
