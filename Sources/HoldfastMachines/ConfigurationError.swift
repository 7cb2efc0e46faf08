/// A value that a policy cannot be built with. Thrown where the policy is built, never while it runs.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The name of the option, as it is spelled in code.
    public let option: String
    /// The value that was given.
    public let value: String
    /// The values that are allowed, in words.
    public let allowed: String

    public init(option: String, value: String, allowed: String) {
        self.option = option
        self.value = value
        self.allowed = allowed
    }

    public var description: String {
        "\(option) is \(value), but must be \(allowed)"
    }
}

/// Checks a name that tells something from others: a policy in explanations, events and metrics, or a caller.
///
/// - Throws: ``ConfigurationError`` for a name without a visible character.
package func requireName(
    _ name: String, of option: String = "name", suchAs example: String = "payments"
) throws(ConfigurationError) {
    guard name.contains(where: { !$0.isWhitespace }) else {
        throw ConfigurationError(
            option: option, value: "'\(name)'", allowed: "a word that tells it from others, such as '\(example)'")
    }
}

/// Checks one option against its range.
///
/// - Throws: ``ConfigurationError`` with the option's name, its value and the range.
package func require<Value: Comparable>(
    _ option: String, _ value: Value, in range: ClosedRange<Value>
) throws(ConfigurationError) {
    guard range.contains(value) else {
        throw ConfigurationError(
            option: option, value: "\(value)", allowed: "from \(range.lowerBound) to \(range.upperBound)")
    }
}
