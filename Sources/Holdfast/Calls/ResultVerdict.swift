/// What a result says, where not every result is a success: a response with the status 503 is no thrown error, and a
/// failure all the same.
public enum ResultVerdict: Sendable, Hashable {
    /// The dependency did what was asked of it.
    case succeeded
    /// A failure, which proves this: breakers and limits count it, and a retry makes the operation again if it is
    /// repeatable.
    case failed(FailureClass)
    /// A failure that breakers and limits count, and that is not made again: the answer would be the same.
    case failedForGood
}

/// A result that was judged to be a failure, on its way through the stages. It never reaches the caller: who judged the
/// result takes the result out again.
protocol JudgedFailure: ClassifiedError, CustomStringConvertible {
    var verdict: ResultVerdict { get }
}

extension JudgedFailure {
    var failureClass: FailureClass { if case .failed(let failureClass) = verdict { failureClass } else { .failed } }
    /// Whether it is not made again, whatever a classifier says.
    var isFinal: Bool { verdict == .failedForGood }
    var description: String { "a result that was judged a failure" }
}

/// In the caller's task: the result, which need not be `Sendable`, stays with who judged it.
struct MarkedResult: JudgedFailure {
    let verdict: ResultVerdict
}

/// Between tasks: each attempt carries its own result.
struct CarriedResult<R: Sendable>: JudgedFailure {
    let verdict: ResultVerdict
    let result: R
}

/// Turns a result that is a failure into an error, and keeps it for ``result(held:insteadOf:)``.
func kept<R>(_ result: R, ifFailed judge: (R) -> ResultVerdict, in held: inout R?) throws(MarkedResult) -> R {
    let verdict = judge(result)
    guard verdict != .succeeded else { return result }
    held = result
    throw MarkedResult(verdict: verdict)
}

/// Turns the error back into the result that it stood for, if it stands for one.
func result<R>(held: R?, insteadOf error: any Error) throws -> R {
    guard let held, ErrorMeaning.core(of: error) is MarkedResult else { throw error }
    return held
}

/// Runs stages around an operation whose results are judged, where attempts run in tasks of their own.
nonisolated(nonsending) func judgingConcurrently<R: Sendable>(
    _ judge: @escaping @Sendable (R) -> ResultVerdict,
    _ operation: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R,
    through stages:
        nonisolated(nonsending) (
            nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> R
        ) async throws -> R
) async throws -> R {
    do {
        return try await stages { attempt in
            let result = try await operation(attempt)
            let verdict = judge(result)
            guard verdict != .succeeded else { return result }
            throw CarriedResult(verdict: verdict, result: result)
        }
    } catch {
        if let carried = ErrorMeaning.core(of: error) as? CarriedResult<R> { return carried.result }
        throw error
    }
}
