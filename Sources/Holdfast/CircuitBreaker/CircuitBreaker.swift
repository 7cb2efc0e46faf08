import Synchronization

/// Stops calling a dependency that keeps failing, and lets single probes find out when it has recovered.
///
/// ```swift
/// let payments = try CircuitBreaker("payments", trip: .consecutiveFailures(3), cooldown: .seconds(30))
/// let receipt = try await payments.run { try await client.charge(order) }
/// ```
///
/// Make one breaker for each dependency that can fail on its own, once, and share it between all callers.
///
/// The class holds a ``CircuitBreakerMachine`` for many threads. While the breaker is closed, which is the path that
/// every call takes, everything there is to know fits into one atomic word and no lock is taken. The machine behind
/// the lock decides every change of state.
public final class CircuitBreaker: Sendable {
    /// What the breaker is called in explanations, logs and metrics.
    public let name: String

    public var configuration: CircuitBreakerConfiguration { configured }

    private let configured: CircuitBreakerConfiguration
    private let clock: any TimeSource
    private let listener: (@Sendable (Change) -> Void)?

    /// The closed path's whole state. Changed under `shared`'s lock, but for the count of failures, which the closed
    /// path moves by compare-and-exchange.
    private let word: Atomic<UInt64>
    private let shared: Mutex<Shared>

    private struct Shared: Sendable {
        /// The truth in every state but closed. While closed, the count of failures is in the word.
        var machine: CircuitBreakerMachine
        var announcements = Announcements()
    }

    /// Builds a breaker.
    ///
    /// - Parameters:
    ///   - name: What it is called. Use few names: they become labels of metrics.
    ///   - configuration: When it trips and how it recovers.
    ///   - clock: Where it reads the time, which it does only when it is not closed.
    ///   - onChange: Called for each change of state, in order, outside any lock; it may call back into the breaker.
    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        _ name: String, configuration: CircuitBreakerConfiguration, clock: any TimeSource = MonotonicClock(),
        onChange: (@Sendable (Change) -> Void)? = nil
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.name = name
        self.configured = configuration
        self.clock = clock
        self.listener = onChange
        let machine = CircuitBreakerMachine(configuration: configuration)
        word = Atomic(ClosedWord(machine).bits)
        shared = Mutex(Shared(machine: machine))
    }

    /// Builds a breaker from the two options that matter most; the others keep their defaults.
    public convenience init(
        _ name: String, trip: CircuitBreakerConfiguration.Trip = .consecutiveFailures(5),
        cooldown: Duration = .seconds(30), clock: any TimeSource = MonotonicClock(),
        onChange: (@Sendable (Change) -> Void)? = nil
    ) throws(ConfigurationError) {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = trip
        configuration.cooldown = cooldown
        try self.init(name, configuration: configuration, clock: clock, onChange: onChange)
    }

    /// Makes one call if the breaker admits it, and learns from how it ends.
    ///
    /// - Parameters:
    ///   - judge: What an error says about the dependency. By default each error is a failure, but cancellation, which
    ///     is evidence of nothing.
    ///   - body: The call. It runs at most once.
    /// - Throws: ``Rejection`` when the breaker does not admit the call; otherwise what `body` throws, as it is.
    nonisolated(nonsending) public func run<R>(
        judging judge: (any Error) -> CircuitBreakerMachine.Verdict = CircuitBreaker.failureUnlessCancelled,
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let permit = try admit()
        do {
            let result = try await body()
            permit.succeeded()
            return result
        } catch {
            permit.ended(judge(error))
            throw error
        }
    }

    /// Each error is a failure, but a cancellation is evidence of nothing.
    public static func failureUnlessCancelled(_ error: any Error) -> CircuitBreakerMachine.Verdict {
        error is CancellationError ? .abandoned : .failed
    }

    /// Asks for the right to make one call.
    ///
    /// - Returns: A permit that is to be consumed exactly once, with how the call ended.
    /// - Throws: ``Rejection``, which carries its explanation.
    public func admit() throws(Rejection) -> Permit {
        let seen = ClosedWord(bits: word.load(ordering: .acquiring))
        if seen.isClosed {
            return Permit(breaker: self, ticket: .init(generation: seen.generation, probe: 0))
        }
        return try admitSlowly()
    }

    /// What the breaker looks like now.
    public func snapshot() -> Snapshot {
        let now = clock.now
        return shared.withLock { shared in
            let machine = current(shared.machine)
            return Snapshot(
                name: name, state: machine.state, generation: machine.generation, failures: machine.failures,
                threshold: configured.threshold, retryAfter: machine.retryAfter(at: now),
                probesInFlight: machine.probesInFlight(at: now))
        }
    }

    func record(_ verdict: CircuitBreakerMachine.Verdict, for ticket: CircuitBreakerMachine.Ticket) {
        while true {
            let bits = word.load(ordering: .acquiring)
            let seen = ClosedWord(bits: bits)
            // The generation only moves on, so a result that is late here is late for good.
            guard seen.generation == ticket.generation else { return }
            guard seen.isClosed, let next = seen.after(verdict, threshold: configured.threshold) else { break }
            if next == seen { return }
            if word.compareExchange(expected: bits, desired: next.bits, ordering: .acquiringAndReleasing).exchanged {
                return
            }
        }
        recordSlowly(verdict, for: ticket)
    }

    private func admitSlowly() throws(Rejection) -> Permit {
        let now = clock.now
        let answer = change { machine -> (Result<CircuitBreakerMachine.Ticket, Rejection>, Change?) in
            let (admission, change) = machine.admit(at: now)
            switch admission {
            case .admitted(let ticket):
                return (.success(ticket), change)
            case .rejected(let retryAfter):
                let explanation = Explanation(
                    policy: .circuitBreaker, name: name, state: machine.state, generation: machine.generation,
                    count: machine.failures, threshold: configured.threshold, retryAfter: retryAfter)
                return (.failure(Rejection(explanation: explanation)), change)
            }
        }
        return Permit(breaker: self, ticket: try answer.get())
    }

    private func recordSlowly(_ verdict: CircuitBreakerMachine.Verdict, for ticket: CircuitBreakerMachine.Ticket) {
        let now = clock.now
        change { machine in
            ((), machine.record(verdict, for: ticket, at: now))
        }
    }

    /// Lets the machine decide under the lock, publishes the word, and announces the change after the lock is
    /// released.
    private func change<R>(
        _ decide: (inout CircuitBreakerMachine) -> (R, Change?)
    ) -> R {
        let (result, deliver) = shared.withLock { shared in
            while true {
                // The closed path may move the count of failures between the load and the exchange: decide again.
                let bits = word.load(ordering: .acquiring)
                var machine = current(shared.machine, word: ClosedWord(bits: bits))
                let (result, change) = decide(&machine)
                let next = ClosedWord(machine).bits
                guard word.compareExchange(expected: bits, desired: next, ordering: .acquiringAndReleasing).exchanged
                else { continue }
                shared.machine = machine
                guard let change, listener != nil else { return (result, false) }
                return (result, shared.announcements.add(change))
            }
        }
        if deliver { announce() }
        return result
    }

    private func current(_ machine: CircuitBreakerMachine) -> CircuitBreakerMachine {
        current(machine, word: ClosedWord(bits: word.load(ordering: .acquiring)))
    }

    private func current(_ machine: CircuitBreakerMachine, word: ClosedWord) -> CircuitBreakerMachine {
        guard case .closed = machine.phase else { return machine }
        var machine = machine
        machine.phase = .closed(failures: word.failures)
        return machine
    }

    /// Delivers what waits, in order. Only one thread delivers at a time; what a listener causes is added to the end.
    private func announce() {
        while let change = shared.withLock({ $0.announcements.next() }) {
            listener?(change)
        }
    }
}
