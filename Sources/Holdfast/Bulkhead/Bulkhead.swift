import Synchronization

/// Bounds how many calls are in progress at once, so that a slow dependency cannot take every task and connection of
/// its caller: what a breaker, which only sees calls that have ended, cannot do.
///
/// ```swift
/// let reports = try Bulkhead("reports", limit: 8)
/// let report = try await reports.run { try await client.report(of: month) }
/// ```
public final class Bulkhead: Sendable {
    public let name: String
    public let configuration: BulkheadConfiguration
    private let clock: any TimeSource
    private let shared: Mutex<Shared>

    private struct Shared: Sendable {
        var machine: BulkheadMachine
        var continuations: [BulkheadMachine.Waiter: CheckedContinuation<Bool, Never>] = [:]
        /// Places that were granted before their waiter had begun to wait.
        var early: Set<BulkheadMachine.Waiter> = []
    }

    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        _ name: String, configuration: BulkheadConfiguration, clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        try requireName(name)
        try configuration.validate()
        self.name = name
        self.configuration = configuration
        self.clock = clock
        shared = Mutex(Shared(machine: BulkheadMachine(configuration: configuration)))
    }

    /// A bulkhead that rejects what finds no place.
    public convenience init(
        _ name: String, limit: Int, queue: Int = 0, clock: any TimeSource = MonotonicClock()
    ) throws(ConfigurationError) {
        var configuration = BulkheadConfiguration()
        (configuration.limit, configuration.queue) = (limit, queue)
        try self.init(name, configuration: configuration, clock: clock)
    }

    /// A place. It is given back when it is consumed, or dropped.
    public struct Place: ~Copyable, Sendable {
        private let bulkhead: Bulkhead

        init(of bulkhead: Bulkhead) {
            self.bulkhead = bulkhead
        }

        /// Gives the place back.
        public consuming func release() {}

        deinit { bulkhead.release() }
    }

    /// A call that found no place, or waited for one in vain. It was certainly not sent.
    public struct Rejection: PolicyRejection, Hashable {
        public let explanation: Explanation
    }

    /// What a bulkhead looked like at one moment.
    public struct Snapshot: Sendable, Hashable {
        public let name: String
        public let inFlight: Int
        public let waiting: Int
    }

    /// Makes one call when there is a place for it.
    ///
    /// - Throws: ``Rejection`` when there is none in time; `CancellationError` when the caller is cancelled while it
    ///   waits; otherwise what `body` throws.
    @inlinable
    nonisolated(nonsending) public func run<R>(
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        if let waiter = try enter() { try await wait(for: waiter) }
        defer { release() }
        return try await body()
    }

    /// Waits for a place.
    public func acquire() async throws -> Place {
        if let waiter = try enter() { try await wait(for: waiter) }
        return Place(of: self)
    }

    /// A place, if there is one now.
    public func tryAcquire() throws(Rejection) -> Place {
        guard shared.withLock({ $0.machine.admit(mayWait: false) }) == .admitted else { throw rejection() }
        return Place(of: self)
    }

    public func snapshot() -> Snapshot {
        shared.withLock { Snapshot(name: name, inFlight: $0.machine.inFlight, waiting: $0.machine.waiting) }
    }

    /// Takes a place if there is one, or else one in the queue, which is to be waited for.
    @usableFromInline
    func enter() throws(Rejection) -> BulkheadMachine.Waiter? {
        switch shared.withLock({ $0.machine.admit() }) {
        case .admitted: return nil
        case .rejected: throw rejection()
        case .queued(let waiter): return waiter
        }
    }

    /// Waits until the place is granted, the time is over, or the caller is cancelled: whatever comes first decides,
    /// under the lock, and a place that was granted meanwhile goes to the next.
    @usableFromInline
    nonisolated(nonsending) func wait(for waiter: BulkheadMachine.Waiter) async throws {
        let limit = TimeLimit(
            .timeout, at: clock.now.advanced(by: configuration.maximumWait), duration: configuration.maximumWait,
            clock: clock)
        do {
            try await within(limit) { [self] in
                let isGranted = await withTaskCancellationHandler {
                    await withCheckedContinuation { continuation in
                        let now = shared.withLock { shared -> Bool? in
                            if shared.early.remove(waiter) != nil { return true }
                            if Task.isCancelled {
                                shared.machine.leave(waiter)
                                return false
                            }
                            shared.continuations[waiter] = continuation
                            return nil
                        }
                        if let now { continuation.resume(returning: now) }
                    }
                } onCancel: {
                    let continuation = shared.withLock { shared in
                        let continuation = shared.continuations.removeValue(forKey: waiter)
                        if continuation != nil { shared.machine.leave(waiter) }
                        return continuation
                    }
                    continuation?.resume(returning: false)
                }
                if !isGranted { throw CancellationError() }
            }
        } catch {
            giveUp(waiter)
            // The call has not begun, so a limit that ends the wait, ours or the call's own, is no timeout of the
            // dependency.
            if error is TimeoutError || Lineage.current.hasExpired { throw rejection() }
            throw error
        }
    }

    /// Takes a waiter out of the queue. If its place was granted before it had begun to wait, the next has it.
    private func giveUp(_ waiter: BulkheadMachine.Waiter) {
        let wasGranted = shared.withLock { shared in
            if shared.early.remove(waiter) != nil { return true }
            shared.machine.leave(waiter)
            return false
        }
        if wasGranted { release() }
    }

    @usableFromInline
    func release() {
        let continuation = shared.withLock { shared -> CheckedContinuation<Bool, Never>? in
            guard let waiter = shared.machine.release() else { return nil }
            if let continuation = shared.continuations.removeValue(forKey: waiter) { return continuation }
            shared.early.insert(waiter)
            return nil
        }
        continuation?.resume(returning: true)
    }

    private func rejection() -> Rejection {
        let now = snapshot()
        return Rejection(
            explanation: Explanation(
                policy: .bulkhead, name: name, state: "full",
                evidence: .concurrency(inFlight: now.inFlight, limit: configuration.limit, waiting: now.waiting),
                retryAfter: .zero
            ).told())
    }
}

extension Bulkhead: PolicyStage {
    public var shape: PolicyShape { PolicyShape(.bulkhead, "'\(name)' \(configuration)", instance: self) }

    @inlinable
    nonisolated(nonsending) public func run<R>(
        _ attempt: Attempt, _ next: nonisolated(nonsending) (Attempt) async throws -> R
    ) async throws -> R {
        try await run { try await next(attempt) }
    }
}
