import Synchronization

/// Runs a candidate breaker beside the calls as they are, and tells what it would have done: "would have rejected X, of
/// which Y succeeded". It rejects nothing.
///
/// ```swift
/// let candidate = try Shadow("payments, stricter", configuration: stricter)
/// let receipt = try await candidate.run { try await payments.run { try await client.charge(order) } }
/// candidate.report()    // what enforcing `stricter` would have cost, and spared
/// ```
///
/// A call that the candidate would have rejected tells it nothing, since it would not have been made.
public final class Shadow: Sendable {
    /// What the candidate would have done so far.
    public struct Report: Sendable, Hashable, CustomStringConvertible {
        /// The calls that were judged.
        public internal(set) var calls = 0
        /// Those that the candidate would have rejected.
        public internal(set) var rejected = 0
        /// Those of them that succeeded: what enforcing it would have cost.
        public internal(set) var rejectedSucceeded = 0
        /// Calls that it would have admitted and that failed: what it would not have spared.
        public internal(set) var admittedFailed = 0

        public var description: String {
            "\(calls) calls: would have rejected \(rejected), of which \(rejectedSucceeded) succeeded; "
                + "\(admittedFailed) failed all the same"
        }
    }

    /// The candidate. Its state, and its changes of state, are those that it would have had.
    public let candidate: CircuitBreaker
    private let counts = Mutex(Report())

    /// - Parameters:
    ///   - name: What it is called in explanations and reports.
    ///   - configuration: The options.
    ///   - judge: What an error says about the dependency.
    ///   - clock: What time is measured on.
    ///   - onChange: Called for each change of state of the candidate.
    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        _ name: String, configuration: CircuitBreakerConfiguration, judging judge: Judge = .standard,
        clock: any TimeSource = MonotonicClock(), onChange: (@Sendable (CircuitBreaker.Change) -> Void)? = nil
    ) throws(ConfigurationError) {
        candidate = try CircuitBreaker(
            name, configuration: configuration, judging: judge, clock: clock, onChange: onChange)
    }

    /// Makes one call, whatever the candidate thinks of it.
    nonisolated(nonsending) public func run<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let permit = try? candidate.admit()
        let isRejected = permit == nil
        do {
            let result = try await body()
            permit?.succeeded()
            count(.succeeded, isRejected: isRejected)
            return result
        } catch {
            let verdict = candidate.judge.verdict(on: error)
            permit?.ended(verdict)
            count(verdict, isRejected: isRejected)
            throw error
        }
    }

    /// What the candidate would have done so far.
    public func report() -> Report { counts.withLock { $0 } }

    private func count(_ verdict: Verdict, isRejected: Bool) {
        counts.withLock { report in
            report.calls += 1
            if isRejected {
                report.rejected += 1
                if verdict == .succeeded { report.rejectedSucceeded += 1 }
            } else if verdict == .failed {
                report.admittedFailed += 1
            }
        }
    }
}

extension Shadow: PolicyStage {
    public var shape: PolicyShape {
        PolicyShape(.shadow, "'\(candidate.name)' \(candidate.configuration)", instance: self)
    }

    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        try await run { try await next(attempt) }
    }
}
