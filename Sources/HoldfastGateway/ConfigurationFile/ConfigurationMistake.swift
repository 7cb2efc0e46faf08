#if Gateway
/// One thing in a configuration file that is wrong, or that can hardly be meant, and where.
public struct ConfigurationMistake: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file, as it was named.
    public let file: String
    /// Counted from 1; nil where the file as a whole is meant.
    public let line: Int?
    /// Counted from 1, in Unicode scalars.
    public let column: Int?
    /// What is wrong, and what is allowed. Never a secret.
    public let message: String

    /// `FILE:LINE:COLUMN: MESSAGE`.
    public var description: String {
        guard let line, let column else { return "\(file): \(message)" }
        return "\(file):\(line):\(column): \(message)"
    }
}

/// Everything that is wrong in a configuration file, in the order of its lines.
public struct ConfigurationMistakes: Error, Sendable, Hashable, CustomStringConvertible {
    /// At least one.
    public let all: [ConfigurationMistake]
    /// The files that were looked at. A change of any may put it right.
    public let files: [String]
    /// What the file says of the log, as far as it could be read.
    package var logFormat = LogFormat.text

    /// One a line.
    public var description: String { all.map(\.description).joined(separator: "\n") }
}
#endif
