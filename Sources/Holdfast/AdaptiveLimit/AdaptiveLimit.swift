import Synchronization

/// Bounds how many calls are in progress at once, and finds out by itself how many that should be: as many as the
/// dependency takes before its latency rises.
public final class AdaptiveLimit: Sendable {
    public let name: String
    public let configuration: AdaptiveLimitConfiguration
    private let judge: Judge
    private let clock: any TimeSource
    private let machine: Mutex<AdaptiveLimitMachine>

    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        _ name: String, configuration: AdaptiveLimitConfiguration = AdaptiveLimitConfiguration(),
        judging judge: Judge = .standard, clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        try requireName(name)
        try configuration.validate()
        self.name = name
        self.configuration = configuration
        self.judge = judge
        self.clock = clock
        machine = Mutex(AdaptiveLimitMachine(configuration: configuration))
    }

    /// A call beyond the limit. It was certainly not sent.
    public struct Rejection: PolicyRejection, Hashable {
        public let explanation: Explanation
    }

    /// The right to make one call. It is consumed exactly once, with how the call ended; one that is dropped counts as
    /// abandoned, so its place always comes back.
    public struct Permit: ~Copyable, Sendable {
        private let limit: AdaptiveLimit
        private let ticket: AdaptiveLimitMachine.Ticket
        private var isSpent = false

        init(of limit: AdaptiveLimit, ticket: AdaptiveLimitMachine.Ticket) {
            self.limit = limit
            self.ticket = ticket
        }

        /// Hands in how the call ended.
        ///
        /// - Parameters:
        ///   - verdict: How the call ended.
        ///   - isTimeout: Whether it failed by a limit of time, which says that the dependency is too slow.
        ///   - took: How long the dependency took, where whoever calls knows that; nil: from the permit until now.
        public consuming func ended(
            _ verdict: Verdict, isTimeout: Bool = false, took: Duration? = nil
        ) {
            isSpent = true
            limit.record(verdict, isTimeout: isTimeout, took: took, for: ticket)
        }

        deinit {
            if !isSpent { limit.record(.abandoned, for: ticket) }
        }
    }

    /// Asks for the right to make one call.
    ///
    /// - Throws: ``Rejection``, which carries its explanation.
    public func admit() throws(Rejection) -> Permit {
        let now = clock.now
        guard let ticket = machine.withLock({ $0.admit(at: now) }) else { throw rejection() }
        return Permit(of: self, ticket: ticket)
    }

    /// What a limit looked like at one moment.
    public struct Snapshot: Sendable, Hashable {
        public let name: String
        public let limit: Int
        public let inFlight: Int
        /// The usual latency: that of calls with half of the limit in flight. With AIMD, of all.
        public let latency: Duration
    }

    /// Makes one call, if the limit admits it, and learns from how long it takes.
    ///
    /// - Throws: ``Rejection`` when the limit does not admit it; otherwise what `body` throws.
    nonisolated(nonsending) public func run<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let began = clock.now
        guard let ticket = machine.withLock({ $0.admit(at: began) }) else { throw rejection() }
        do {
            let result = try await body()
            record(judge.verdict(onResult: result), for: ticket)
            return result
        } catch {
            let verdict = judge.verdict(on: error)
            let meaning = ErrorMeaning(of: error)
            let isTimeout = meaning.isTimeout || (meaning.isCancellation && verdict == .failed)
            record(verdict, isTimeout: isTimeout, for: ticket)
            throw error
        }
    }

    public func snapshot() -> Snapshot {
        machine.withLock { Snapshot(name: name, limit: $0.limit, inFlight: $0.inFlight, latency: $0.latency) }
    }

    fileprivate func record(
        _ verdict: Verdict, isTimeout: Bool = false, took: Duration? = nil,
        for ticket: AdaptiveLimitMachine.Ticket
    ) {
        let now = clock.now
        machine.withLock { $0.record(verdict, isTimeout: isTimeout, took: took, for: ticket, at: now) }
    }

    private func rejection() -> Rejection {
        let now = snapshot()
        return Rejection(
            explanation: Explanation(
                policy: .adaptiveLimit, name: name, state: "full",
                evidence: .concurrency(inFlight: now.inFlight, limit: now.limit, waiting: 0), retryAfter: .zero
            ).told())
    }
}

extension AdaptiveLimit: PolicyStage {
    public var shape: PolicyShape { PolicyShape(.adaptiveLimit, "'\(name)' \(configuration)", instance: self) }

    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        try await run { try await next(attempt) }
    }
}
