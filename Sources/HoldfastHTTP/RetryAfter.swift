/// The `Retry-After` field (RFC 9110, section 10.2.3), in either form: seconds, or a date.
///
/// A date is compared with the `Date` of the answer that it came in. Both are the server's, so no clock of ours decides,
/// and one that is wrong harms nobody.
public enum RetryAfter {
    /// The most that is read, about 31 years: nine digits.
    private static let limit: Int64 = 999_999_999
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Reads the field.
    ///
    /// - Parameters:
    ///   - value: Whole seconds, or a date in HTTP's own form (`Sun, 06 Nov 1994 08:49:37 GMT`). The two obsolete forms,
    ///     which no server of today writes, are not read.
    ///   - date: The `Date` field of the same answer. It is asked for when the value is a date.
    /// - Returns: Zero to 999,999,999 s. Nil for what is neither form, for a date before `date`, and for a date without
    ///   `date`.
    public static func parse(_ value: String, date: @autoclosure () -> String? = nil) -> Duration? {
        if let seconds = number(value[...], digits: 1...9) { return .seconds(seconds) }
        guard let later = self.seconds(ofDate: value), let now = date().flatMap(self.seconds(ofDate:)) else {
            return nil
        }
        return (0...limit).contains(later - now) ? .seconds(later - now) : nil
    }

    /// Whole seconds, rounded up, at least 1: nobody is told to come back before they can be served.
    public static func format(_ duration: Duration) -> String {
        let (seconds, attoseconds) = max(.zero, duration).components
        return String(max(1, attoseconds > 0 ? seconds + 1 : seconds))
    }

    /// The seconds from some instant, always the same, to one in HTTP's own form (section 5.6.7).
    private static func seconds(ofDate text: String) -> Int64? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].utf8.count == 4, parts[0].utf8.last == UInt8(ascii: ","), parts[5] == "GMT"
        else { return nil }
        let time = parts[4].split(separator: ":", omittingEmptySubsequences: false)
        guard time.count == 3, let day = number(parts[1], digits: 2...2), (1...31).contains(day),
            let month = months.firstIndex(of: String(parts[2])), let year = number(parts[3], digits: 4...4), year > 0,
            let hour = number(time[0], digits: 2...2), hour < 24,
            let minute = number(time[1], digits: 2...2), minute < 60,
            // 60 is a leap second.
            let second = number(time[2], digits: 2...2), second <= 60
        else { return nil }
        return ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    }

    /// Days since 1 March of the year 0, in the Gregorian calendar. A year that begins with March has its leap day at its
    /// end, and five of its months in a row have 153 days.
    ///
    /// - Parameter month: From 0, which is January.
    private static func days(_ year: Int64, _ month: Int, _ day: Int64) -> Int64 {
        let year = month < 2 ? year - 1 : year
        let monthFromMarch = Int64((month + 10) % 12)
        return year * 365 + year / 4 - year / 100 + year / 400 + (153 * monthFromMarch + 2) / 5 + day - 1
    }

    private static func number(_ text: Substring, digits: ClosedRange<Int>) -> Int64? {
        guard digits.contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(text)
    }
}
