import Synchronization

/// Rejects calls here that the dependency would reject there: when it declines more than half of them, sending fewer
/// helps both (Google, "Site Reliability Engineering", chapter 21, "Client-Side Throttling").
///
/// It needs no threshold and no cooldown, and lets some calls through at all times, which is how it notices that the
/// dependency is back. It answers "too much"; a ``CircuitBreaker`` answers "broken".
public final class ClientThrottle: Sendable {
    public let name: String
    public let configuration: ClientThrottleConfiguration
    private let judge: Judge
    private let clock: any TimeSource
    private let draws: JitterSource
    private let machine: Mutex<ClientThrottleMachine>

    /// - Parameters:
    ///   - name: What it is called in explanations and reports.
    ///   - configuration: The options.
    ///   - judge: What an error says. ``Verdict/declined`` is what is throttled for; all others but an abandoned call
    ///     were accepted.
    ///   - clock: What time is measured on.
    ///   - draws: What the dice are thrown with.
    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        _ name: String, configuration: ClientThrottleConfiguration = ClientThrottleConfiguration(),
        judging judge: Judge = .standard, clock: any TimeSource = MonotonicClock(), draws: JitterSource = JitterSource()
    ) throws(ConfigurationError) {
        try requireName(name)
        try configuration.validate()
        self.name = name
        self.configuration = configuration
        self.judge = judge
        self.clock = clock
        self.draws = draws
        machine = Mutex(ClientThrottleMachine(configuration: configuration))
    }

    /// A call that was not worth sending.
    public struct Rejection: PolicyRejection, Hashable {
        public let explanation: Explanation
    }

    /// Makes one call, if the dice say so.
    ///
    /// - Throws: ``Rejection`` if they do not; otherwise what `body` throws.
    nonisolated(nonsending) public func run<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let call = try ask()
        do {
            let result = try await body()
            record(judge.verdict(onResult: result), for: call)
            return result
        } catch {
            record(judge.verdict(on: error), for: call)
            throw error
        }
    }

    /// Counts a call that is about to be made. Its end is told with ``record(_:for:)``.
    public func ask() throws(Rejection) -> ClientThrottleMachine.Call {
        let now = clock.now
        // 53 bits, which is what a Double holds.
        let draw = Double(draws.next() >> 11) * 0x1p-53
        let (decision, counts) = machine.withLock { ($0.ask(at: now, draw: draw), $0.counts(at: now)) }
        switch decision {
        case .made(let call):
            return call
        case .rejected(let probability):
            throw Rejection(
                explanation: Explanation(
                    policy: .clientThrottle, name: name, state: "throttling",
                    evidence: .throttle(accepted: counts.accepts, of: counts.requests, rejecting: probability),
                    retryAfter: .zero
                ).told())
        }
    }

    /// Takes in how a call ended.
    public func record(_ verdict: Verdict, for call: ClientThrottleMachine.Call) {
        machine.withLock { $0.record(verdict, for: call) }
    }

    /// The probability with which a call is rejected now.
    public var probability: Double {
        let now = clock.now
        return machine.withLock { $0.probability(at: now) }
    }
}

extension ClientThrottle: PolicyStage {
    public var shape: PolicyShape { PolicyShape(.clientThrottle, "'\(name)' \(configuration)", instance: self) }

    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        try await run { try await next(attempt) }
    }
}
