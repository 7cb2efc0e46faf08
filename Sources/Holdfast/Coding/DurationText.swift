/// A duration as people write it: `250ms`, `5s`, `2m`, `24h`, `7d`. The gateway's configuration file and the coded forms
/// of all configurations have this spelling.
///
/// ```swift
/// struct Settings: Codable {
///     var timeout = DurationText(.seconds(5))
/// }
/// let timeout = try Timeout(Settings().timeout.duration)
/// ```
///
/// It is a whole number and one unit: `ns`, `us`, `ms`, `s`, `m`, `h` or `d`, without a sign, a fraction or a space, and
/// at most 19 digits. It is written in the largest unit that needs no fraction, and read and written without loss, but
/// for what is shorter than a nanosecond.
public struct DurationText: Sendable, Hashable, LosslessStringConvertible, Codable {
    public let duration: Duration

    private static let units: [(suffix: String, nanoseconds: Int64)] = [
        ("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
    ]

    /// What is read, in words.
    static let allowed = "a whole number and a unit in quotes, such as \"250ms\", \"5s\", \"2m\", \"24h\" or \"7d\""

    /// - Parameter duration: Zero to 292 years. What is beyond is held to that.
    public init(_ duration: Duration) {
        self.duration = .nanoseconds(max(0, duration.saturatingNanoseconds))
    }

    /// - Returns: nil for a text that is no duration, or one beyond 292 years.
    public init?(_ text: String) {
        let digits = text.prefix { ("0"..."9").contains($0) }
        guard (1...19).contains(digits.utf8.count), let count = Int64(digits),
            let unit = Self.units.first(where: { $0.suffix == text.dropFirst(digits.count) })
        else { return nil }
        let (nanoseconds, overflow) = count.multipliedReportingOverflow(by: unit.nanoseconds)
        guard !overflow else { return nil }
        duration = .nanoseconds(nanoseconds)
    }

    public var description: String {
        let nanoseconds = duration.saturatingNanoseconds
        guard nanoseconds > 0, let unit = Self.units.last(where: { nanoseconds % $0.nanoseconds == 0 }) else {
            return "0s"
        }
        return "\(nanoseconds / unit.nanoseconds)\(unit.suffix)"
    }

    /// - Throws: `DecodingError` that says what is accepted.
    public init(from decoder: any Decoder) throws {
        guard let text = try? decoder.singleValueContainer().decode(String.self), let read = DurationText(text) else {
            throw decoder.codedError("\(CodedValue(of: decoder)), but must be \(Self.allowed)")
        }
        self = read
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
