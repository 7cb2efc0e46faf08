import Synchronization

/// Bounds how many calls are made in a stretch of time: what a dependency has asked for, or pays for.
///
/// ```swift
/// let maps = try RateLimiter("maps", .tokenBucket(calls: 50, per: .seconds(1), burst: 10))
/// let route = try await maps.run { try await client.route(from: home, to: work) }
/// ```
///
/// It is no protection against overload: a dependency that slows down is called as often as before. That is what a
/// ``Bulkhead`` is for.
public final class RateLimiter: Sendable {
    public let name: String
    public let configuration: RateLimiterConfiguration
    private let clock: any TimeSource
    private let machine: Mutex<RateLimiterMachine>

    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        _ name: String, configuration: RateLimiterConfiguration, clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        try requireName(name)
        try configuration.validate()
        self.name = name
        self.configuration = configuration
        self.clock = clock
        machine = Mutex(RateLimiterMachine(configuration: configuration))
    }

    /// A limiter that rejects what comes too soon, or lets it wait.
    public convenience init(
        _ name: String, _ algorithm: RateLimiterConfiguration.Algorithm, maximumWait: Duration = .zero,
        clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        var configuration = RateLimiterConfiguration(algorithm)
        configuration.maximumWait = maximumWait
        try self.init(name, configuration: configuration, clock: clock)
    }

    /// A call that came too soon. It was certainly not sent, and is told when to come back.
    public struct Rejection: PolicyRejection, Hashable {
        public let explanation: Explanation
    }

    /// Makes one call when its turn comes.
    ///
    /// - Throws: ``Rejection`` when that is not soon enough; otherwise what `body` throws.
    @inlinable
    nonisolated(nonsending) public func run<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        if let turn = try turn() { try await wait(for: turn) }
        return try await body()
    }

    /// The next turn; nil if it is now.
    @usableFromInline
    func turn() throws(Rejection) -> RateLimiterMachine.Reservation? {
        let wait = configuration.maximumWait
        let turn = try reserve(waitingAtMost: wait > .zero ? min(wait, Lineage.current.remaining ?? wait) : wait)
        return turn.wait > .zero ? turn : nil
    }

    @usableFromInline
    nonisolated(nonsending) func wait(for turn: RateLimiterMachine.Reservation) async throws {
        do {
            try await clock.sleep(for: turn.wait, as: .turn)
        } catch {
            cancel(turn)
            throw error
        }
    }

    /// Takes a turn if there is one now.
    public func acquire() throws(Rejection) { _ = try reserve(waitingAtMost: .zero) }

    /// Takes the next turn, and tells how long to wait for it. Who does not take it hands it back with ``cancel(_:)``.
    public func reserve(waitingAtMost wait: Duration) throws(Rejection) -> RateLimiterMachine.Reservation {
        let now = clock.now
        switch machine.withLock({ $0.reserve(at: now, waitingAtMost: wait) }) {
        case .granted(let reservation):
            return reservation
        case .rejected(let retryAfter):
            throw Rejection(
                explanation: Explanation(
                    policy: .rateLimiter, name: name, state: "limiting", evidence: configuration.evidence,
                    retryAfter: retryAfter
                ).told())
        }
    }

    /// Hands a turn back that was not taken.
    public func cancel(_ reservation: RateLimiterMachine.Reservation) { machine.withLock { $0.cancel(reservation) } }
}

extension RateLimiter: PolicyStage {
    public var shape: PolicyShape { PolicyShape(.rateLimiter, "'\(name)' \(configuration)", instance: self) }

    @inlinable
    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        try await run { try await next(attempt) }
    }
}
