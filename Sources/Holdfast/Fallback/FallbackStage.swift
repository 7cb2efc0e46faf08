/// Answers with something else when a call failed: ``withFallback(on:_:fallback:)`` as a stage of a ``Policy``, above its
/// retry.
///
/// ```swift
/// let balance = try Policy {
///     Fallback { _ in 0 }
///     try Retry(.constant(.milliseconds(50)), budget: budget, on: .anyError)
/// }
/// print(try await balance.run(repeatable: .idempotent) { _ in try await client.balance() })
/// ```
///
/// A policy is for calls with whatever results, and a fallback answers with values of one type. A call with another is
/// refused with a ``PolicyError`` before it is made, and not only in the outage.
public struct Fallback<Value: Sendable>: PolicyStage {
    private let isAnswered: @Sendable (any Error) -> Bool
    private let answer: @Sendable (any Error) async throws -> Value

    /// - Parameters:
    ///   - isAnswered: Whether a failure is answered; it is asked about what really happened. Default: each.
    ///   - answer: What to answer with. It is given the call's error.
    public init(
        on isAnswered: @escaping @Sendable (any Error) -> Bool = { _ in true },
        _ answer: @escaping @Sendable (any Error) async throws -> Value
    ) {
        self.isAnswered = isAnswered
        self.answer = answer
    }

    public var shape: PolicyShape { PolicyShape(.fallback, "a value of type \(Value.self)") }

    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        guard R.self == Value.self else { throw PolicyError.fallback(of: Value.self, for: R.self) }
        return try await withFallback(on: isAnswered) {
            try await next(attempt)
        } fallback: { error in
            guard let value = try await answer(error) as? R else {
                throw PolicyError.fallback(of: Value.self, for: R.self)
            }
            return value
        }
    }
}
