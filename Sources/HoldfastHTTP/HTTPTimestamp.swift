/// An instant as HTTP writes it, in any of its three forms (RFC 9110, section 5.6.7):
///
/// - `Sun, 06 Nov 1994 08:49:37 GMT`, which everybody writes today,
/// - `Sunday, 06-Nov-94 08:49:37 GMT`, as RFC 850 had it, and
/// - `Sun Nov  6 08:49:37 1994`, as C's `asctime` has it.
struct HTTPTimestamp {
    /// From some instant, always the same.
    let seconds: Int64
    let year: Int64

    /// Reads one. The name of the weekday is not looked at. RFC9110-5.6.7-1
    ///
    /// - Parameter now: When it was written. It says which century a year of two digits is of: the same, or the one before
    ///   if the year were more than 50 years away (RFC9110-5.6.7-4). Without it, such years are 1970 to 2069.
    init?(_ text: String, now: HTTPTimestamp? = nil) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        switch parts.count {
        case 6 where parts[0].utf8.count == 4 && parts[0].utf8.last == UInt8(ascii: ",") && parts[5] == "GMT":
            self.init(
                Self.number(parts[3], digits: 4...4), parts[2], Self.number(parts[1], digits: 2...2), time: parts[4])
        case 4 where parts[0].utf8.last == UInt8(ascii: ",") && parts[3] == "GMT":
            let date = parts[1].split(separator: "-", omittingEmptySubsequences: false)
            guard date.count == 3, let short = Self.number(date[2], digits: 2...2) else { return nil }
            self.init(Self.year(short, now: now), date[1], Self.number(date[0], digits: 2...2), time: parts[2])
        // A day of one digit has another space in front of it.
        case 5,
            6 where parts.count == 6 && parts[2].isEmpty:
            guard parts[0].utf8.count == 3, let year = parts.last else { return nil }
            let day = Self.number(parts[parts.count - 3], digits: parts.count == 6 ? 1...1 : 2...2)
            self.init(Self.number(year, digits: 4...4), parts[1], day, time: parts[parts.count - 2])
        default: return nil
        }
    }

    private init?(_ year: Int64?, _ month: Substring, _ day: Int64?, time: Substring) {
        let time = time.split(separator: ":", omittingEmptySubsequences: false)
        guard time.count == 3, let day, (1...31).contains(day), let month = Self.months.firstIndex(of: String(month)),
            let year, year > 0,
            let hour = Self.number(time[0], digits: 2...2), hour < 24,
            let minute = Self.number(time[1], digits: 2...2), minute < 60,
            // 60 is a leap second.
            let second = Self.number(time[2], digits: 2...2), second <= 60
        else { return nil }
        self.year = year
        seconds = ((Self.days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func year(_ short: Int64, now: HTTPTimestamp?) -> Int64 {
        guard let now else { return short < 70 ? 2_000 + short : 1_900 + short }
        let year = now.year / 100 * 100 + short
        return year - now.year > 50 ? year - 100 : year
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

    static func number(_ text: Substring, digits: ClosedRange<Int>) -> Int64? {
        guard digits.contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(text)
    }
}
