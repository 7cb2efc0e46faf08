/// Answers with something else when a call failed: a cached value, a default, a cheaper service.
///
/// A cancellation is not answered, whatever it is wrapped in, since nobody waits for the answer, and neither is a
/// ``PolicyError``, which is a mistake in the program. Keep a fallback simpler than what it stands for,
/// and try it often: code that runs only in an outage fails in the outage (Brooker, "Avoiding fallback in distributed
/// systems", AWS, 2019).
///
/// - Parameters:
///   - isAnswered: Whether a failure is answered: it is asked about what really happened, such as the last failure of a
///     ``CallFailure`` (``ErrorMeaning/core(of:)``). Default: each.
///   - body: The call.
///   - fallback: What to answer with. It is given the call's error.
/// - Throws: The call's error, if it is not answered; ``FallbackFailure`` if the fallback fails too.
nonisolated(nonsending) public func withFallback<R>(
    on isAnswered: (any Error) -> Bool = { _ in true },
    _ body: nonisolated(nonsending) () async throws -> R,
    fallback: nonisolated(nonsending) (any Error) async throws -> R
) async throws -> R {
    do {
        return try await body()
    } catch {
        guard !Task.isCancelled, !ErrorMeaning(of: error).isCancellation, !(error is PolicyError),
            isAnswered(ErrorMeaning.core(of: error))
        else { throw error }
        let original = error
        do {
            return try await fallback(original)
        } catch {
            throw FallbackFailure(original: original, fallback: error)
        }
    }
}

/// The call failed, and what should have stood in for it failed too.
public struct FallbackFailure: WrappingError, CustomStringConvertible {
    /// Why the call failed: what the caller wants to know.
    public let original: any Error
    /// Why the fallback did.
    public let fallback: any Error

    public var underlyingError: (any Error)? { original }
    public var description: String { "\(original) (and the fallback: \(fallback))" }
}
