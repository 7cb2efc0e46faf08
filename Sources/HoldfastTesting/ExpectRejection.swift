public import Holdfast

/// What was expected, and what happened instead. Test frameworks report it like any error that a test throws.
public struct UnexpectedOutcome: Error, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

/// Makes a call that a policy is expected to reject, and returns the explanation for a closer look. The rejection may come
/// wrapped, as by a retry above the policy.
///
/// - Parameters:
///   - policy: Which kind of policy rejects.
///   - name: The policy's name, if it matters.
///   - retryAfter: When it says to come back, if it matters.
///   - call: What is expected to be rejected.
/// - Throws: ``UnexpectedOutcome`` if it is not rejected, or by another, or otherwise.
@discardableResult
nonisolated(nonsending) public func expectRejection<R>(
    by policy: Explanation.Policy, named name: String? = nil, retryAfter: Duration? = nil,
    _ call: nonisolated(nonsending) () async throws -> R
) async throws -> Explanation {
    let expected = "a rejection by a \(policy.rawValue)"
    do {
        _ = try await call()
    } catch {
        guard case .rejection(let rejection) = ErrorMeaning(of: error) else {
            throw UnexpectedOutcome("expected \(expected), but it threw \(error)")
        }
        let found = rejection.explanation
        guard found.policy == policy, name == nil || found.name == name,
            retryAfter == nil || found.retryAfter == retryAfter
        else {
            let details = [name.map { "named '\($0)'" }, retryAfter.map { "to come back after \($0)" }]
            let wanted = ([expected] + details.compactMap { $0 }).joined(separator: ", ")
            throw UnexpectedOutcome("expected \(wanted), but: \(found)")
        }
        return found
    }
    throw UnexpectedOutcome("expected \(expected), but the call was made")
}
