#if Gateway
import Foundation
import HoldfastHTTP

extension JSONText {
    /// An instant, from milliseconds since 1970, as ISO 8601 has it, in UTC.
    mutating func member(_ name: StaticString, time milliseconds: Int64) {
        self.name(name)
        raw("\"")
        raw(timestamp: milliseconds)
        raw("\"")
    }

    /// The same without quotes.
    mutating func raw(timestamp milliseconds: Int64) {
        var seconds = time_t(milliseconds / 1_000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let fields = [
            (Int(parts.tm_year) + 1_900, 4, "-"), (Int(parts.tm_mon) + 1, 2, "-"), (Int(parts.tm_mday), 2, "T"),
            (Int(parts.tm_hour), 2, ":"), (Int(parts.tm_min), 2, ":"), (Int(parts.tm_sec), 2, "."),
            (Int(milliseconds % 1_000), 3, "Z"),
        ]
        for (value, count, end) in fields {
            digits(value, count: count)
            raw(end)
        }
    }
}
#endif
