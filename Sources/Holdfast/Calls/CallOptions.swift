/// What one call does otherwise than its ``Policy`` says, and what its stages need to know of it.
///
/// ```swift
/// let sharded = try Policy { try CircuitBreakers<Int>("orders", configuration: perShard) }
/// var options = CallOptions(key: shard)
/// options.attempts = 1
/// _ = try await sharded.run(repeatable: .idempotent, with: options) { _ in try await client.order(id, on: shard) }
/// ```
///
/// gRPC Swift has a type of this name too: in a file that imports both modules, write `Holdfast.CallOptions`.
public struct CallOptions: Sendable {
    /// What the call goes to, of the things that fail on their own: which of a ``CircuitBreakers``' breakers is asked.
    public var key: (any Hashable & Sendable)?
    /// All attempts together, in place of ``RetryConfiguration/attempts``: 1 to 100. At 1, nothing is made again.
    public var attempts: Int?
    /// In place of the duration of a ``Deadline`` or ``CooperativeDeadline``: 1 ms to 1 day.
    public var deadline: Duration?
    /// In place of the duration of a ``Timeout`` or ``CooperativeTimeout``: 1 ms to 1 day.
    public var timeout: Duration?

    public init(key: (any Hashable & Sendable)? = nil) {
        self.key = key
    }

    /// Checks every option.
    ///
    /// - Throws: ``ConfigurationError`` for the first option out of its range.
    public func validate() throws(ConfigurationError) {
        if let attempts { try require("attempts", attempts, in: 1...100) }
        if let deadline { try require("deadline", deadline, in: .milliseconds(1) ... .seconds(86_400)) }
        if let timeout { try require("timeout", timeout, in: .milliseconds(1) ... .seconds(86_400)) }
    }
}

/// What an attempt carries beside its number and its reason, in one word: the first attempt of a call without a name and
/// without options carries nothing.
@usableFromInline
final class CallContext: Sendable {
    /// The policy's name.
    let name: String?
    let options: CallOptions
    /// The failures of the attempts before, in order.
    let failures: [any Error]

    init(name: String?, options: CallOptions = CallOptions(), failures: [any Error] = []) {
        self.name = name
        self.options = options
        self.failures = failures
    }
}
