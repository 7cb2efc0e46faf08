/// Writes metrics in Prometheus' text format, version 0.0.4.
public struct PrometheusText: CustomStringConvertible {
    public enum Kind: String {
        case counter, gauge, histogram
    }

    public private(set) var description = ""
    private var name = ""

    public init() {}

    /// Opens a family of samples that share a name.
    public mutating func family(_ name: String, _ help: String, _ kind: Kind) {
        self.name = name
        description += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Adds a sample to the family that was opened last.
    public mutating func sample(_ labels: KeyValuePairs<String, String>, _ value: Int) {
        write(suffix: "", Self.pairs(labels), "\(value)")
    }

    /// Adds a sample that need not be a whole number.
    public mutating func sample(_ labels: KeyValuePairs<String, String>, _ value: Double) {
        write(suffix: "", Self.pairs(labels), Self.number(value))
    }

    /// Adds a histogram to the family that was opened last.
    ///
    /// - Parameters:
    ///   - labels: What tells this histogram from the others of its family.
    ///   - buckets: How many values fell into each bucket alone; the last is that of the values beyond every bound.
    ///   - bounds: The upper bounds, rising, one fewer than there are buckets.
    ///   - sum: Of all values.
    public mutating func histogram(
        _ labels: KeyValuePairs<String, String>, buckets: [Int], bounds: [Double], sum: Double
    ) {
        let pairs = Self.pairs(labels)
        var count = 0
        for (place, bucket) in buckets.enumerated() {
            count += bucket
            let bound = place < bounds.count ? Self.number(bounds[place]) : "+Inf"
            write(suffix: "_bucket", (pairs.isEmpty ? "" : pairs + ",") + "le=\"\(bound)\"", "\(count)")
        }
        write(suffix: "_sum", pairs, Self.number(sum))
        write(suffix: "_count", pairs, "\(count)")
    }

    /// A counter of one sample.
    public mutating func counter(_ name: String, _ help: String, _ value: Int) {
        family(name, help, .counter)
        sample([:], value)
    }

    /// A gauge of one sample.
    public mutating func gauge(_ name: String, _ help: String, _ value: Int) {
        family(name, help, .gauge)
        sample([:], value)
    }

    private mutating func write(suffix: String, _ pairs: String, _ value: String) {
        description += pairs.isEmpty ? "\(name)\(suffix) \(value)\n" : "\(name)\(suffix){\(pairs)} \(value)\n"
    }

    private static func pairs(_ labels: KeyValuePairs<String, String>) -> String {
        labels.map { "\($0.key)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",")
    }

    /// Whole numbers without a fraction, so that a bound is written as other exporters write it.
    private static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf" }
        return Int(exactly: value).map { "\($0)" } ?? "\(value)"
    }

    private static func escaped(_ value: String, quotes: Bool) -> String {
        guard value.utf8.contains(where: { $0 == 0x5C || $0 == 0x22 || $0 == 0x0A }) else { return value }
        var escaped = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"" where quotes: escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
