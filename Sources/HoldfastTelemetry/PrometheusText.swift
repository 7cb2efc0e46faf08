/// Writes metrics in Prometheus' text format, version 0.0.4.
public struct PrometheusText: CustomStringConvertible {
    public enum Kind: String {
        case counter, gauge
    }

    public private(set) var description = ""

    public init() {}

    /// Opens a family of samples that share a name.
    public mutating func family(_ name: String, _ help: String, _ kind: Kind) {
        description += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    /// Adds a sample to the family that was opened last.
    public mutating func sample(_ name: String, _ labels: KeyValuePairs<String, String>, _ value: Int) {
        let pairs = labels.map { "\($0.key)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
        description += pairs.isEmpty ? "\(name) \(value)\n" : "\(name){\(pairs)} \(value)\n"
    }

    /// A counter of one sample.
    public mutating func counter(_ name: String, _ help: String, _ value: Int) {
        family(name, help, .counter)
        sample(name, [:], value)
    }

    /// A gauge of one sample.
    public mutating func gauge(_ name: String, _ help: String, _ value: Int) {
        family(name, help, .gauge)
        sample(name, [:], value)
    }

    private static func escaped(_ value: String) -> String {
        var escaped = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }
}
