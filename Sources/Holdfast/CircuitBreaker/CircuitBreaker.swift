public import Synchronization

/// Stops calling a dependency that keeps failing, and lets single probes find out when it has recovered.
///
/// ```swift
/// let payments = try CircuitBreaker("payments", trip: .consecutiveFailures(3), cooldown: .seconds(30))
/// let receipt = try await payments.run { try await client.charge(order) }
/// ```
///
/// Make one breaker for each dependency that can fail on its own, once, and share it between all callers. A breaker
/// that is made anew for each call remembers nothing.
///
/// The class holds a ``CircuitBreakerMachine`` for many threads. What every call has to know fits into one atomic word
/// (`ClosedWord`), and while the breaker is closed, or open, no lock is taken. The machine behind the lock decides every
/// change of state.
public final class CircuitBreaker: Sendable {
    /// What the breaker is called in explanations, logs and metrics.
    public let name: String

    /// When it trips, and how it recovers.
    public let configuration: CircuitBreakerConfiguration

    /// What an error, or a result, says about the dependency, where a call does not say otherwise.
    public let judge: Judge

    private let clock: any TimeSource
    private let listener: (@Sendable (Change) -> Void)?

    /// Changed under `shared`'s lock, but for the streak, which counting moves by compare-and-exchange.
    @usableFromInline let word: Atomic<UInt64>
    @usableFromInline let measuresTime: Bool
    @usableFromInline let hasRates: Bool
    /// Whether a success has to be looked at: a rate counts it, or the judge has a rule for results.
    @usableFromInline let looksAtResults: Bool
    /// When the cooldown ends, and what tripped the breaker, while open.
    private let openUntil = Atomic<Int64>(0)
    private let openEvidence = Atomic<UInt64>(0)
    private let statistics: SharedStatistics
    private let shared: Mutex<Shared>

    private struct Shared: Sendable {
        /// The truth, but for what is counted while closed: that is in the word and the statistics.
        var machine: CircuitBreakerMachine
        var announcements = Announcements()
    }

    /// Builds a breaker.
    ///
    /// - Parameters:
    ///   - name: What it is called. Use few names: they become labels of metrics.
    ///   - configuration: When it trips and how it recovers.
    ///   - observing: Whether it counts and announces, and never rejects. What it would have rejected is in
    ///     ``snapshot()``.
    ///   - judge: What an error says about the dependency. Default: ``Judge/standard``.
    ///   - clock: Where it reads the time. A breaker that trips on a streak alone reads it only when it is not closed.
    ///   - seed: What the cooldown's jitter is drawn from. By default each breaker draws its own.
    ///   - onChange: Called for each change of state, in order, outside any lock; it may call back into the breaker.
    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public convenience init(
        _ name: String, configuration: CircuitBreakerConfiguration, observing: Bool = false,
        judging judge: Judge = .standard, clock: any TimeSource = MonotonicClock(),
        seed: UInt64 = .random(in: 0 ... .max),
        onChange: (@Sendable (Change) -> Void)? = nil
    ) throws(ConfigurationError) {
        try requireName(name)
        try configuration.validate()
        var machine = CircuitBreakerMachine(configuration: configuration, seed: seed)
        machine.isObserving = observing
        self.init(name, machine: machine, judging: judge, clock: clock, onChange: onChange)
    }

    /// Builds a breaker that begins in a state.
    ///
    /// - Parameter machine: Of a configuration that was validated.
    init(
        _ name: String, machine: CircuitBreakerMachine, judging judge: Judge = .standard, clock: any TimeSource,
        onChange: (@Sendable (Change) -> Void)? = nil
    ) {
        let configuration = machine.configuration
        self.name = name
        self.configuration = configuration
        self.judge = judge
        self.clock = clock
        listener = onChange
        measuresTime = configuration.trip.measuresTime
        hasRates = !configuration.trip.rates.isEmpty
        looksAtResults = hasRates || judge.results != nil
        statistics = SharedStatistics(configuration.trip)
        statistics.begin(machine.generation)
        word = Atomic(ClosedWord(machine).bits)
        shared = Mutex(Shared(machine: machine))
    }

    /// Builds a breaker from the options that matter most; the others keep their defaults.
    ///
    /// - Parameters:
    ///   - name: What it is called in explanations and reports.
    ///   - trip: When it opens.
    ///   - cooldown: How long it stays open.
    ///   - jitter: How far below `cooldown` each one may be drawn, as a share: 0 to 1. Default: 0.1, as in
    ///     ``CircuitBreakerConfiguration``.
    ///   - clock: What time is measured on.
    ///   - onChange: Called for each change of state, in order, outside any lock. Default: nobody is.
    public convenience init(
        _ name: String, trip: Trip = .consecutiveFailures(5), cooldown: Duration = .seconds(30), jitter: Double = 0.1,
        clock: any TimeSource = MonotonicClock(), onChange: (@Sendable (Change) -> Void)? = nil
    ) throws(ConfigurationError) {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = trip
        configuration.cooldown = .fixed(cooldown, jitter: jitter)
        try self.init(name, configuration: configuration, clock: clock, onChange: onChange)
    }

    // MARK: Calls

    /// Makes one call if the breaker admits it, and learns from how it ends.
    ///
    /// - Parameters:
    ///   - judge: What an error says about the dependency, and a result (``Judge/judgingResults(of:_:)``). Default: the
    ///     breaker's own.
    ///   - body: The call. It runs at most once.
    /// - Throws: ``Rejection`` when the breaker does not admit the call; otherwise what `body` throws, as it is.
    @inlinable
    nonisolated(nonsending) public func run<R>(
        judging judge: Judge? = nil, _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let ticket = try ticket()
        do {
            let result = try await body()
            // Not `returned`: what is inlined here is inlined in each policy, and a larger body made a chain a third dearer.
            record(verdict(onResult: result, judge), for: ticket)
            return result
        } catch {
            record((judge ?? self.judge).verdict(on: error), for: ticket)
            throw error
        }
    }

    /// What a result says: nothing but success, unless the call's judge or the breaker's has a rule for results.
    @inlinable
    func verdict<R>(onResult result: R, _ judge: Judge?) -> Verdict {
        judge == nil && !looksAtResults ? .succeeded : (judge ?? self.judge).verdict(onResult: result)
    }

    /// Records that a call returned. What its result says is asked of the call's judge, or else the breaker's.
    @inlinable
    func returned<R>(_ result: R, _ judge: Judge?, for ticket: CircuitBreakerMachine.Ticket) {
        if judge == nil, !looksAtResults {
            let seen = ClosedWord(bits: word.load(ordering: .acquiring))
            if seen.isCounting, seen.streak == 0, seen.generation == ticket.generation, ticket.probe == 0 { return }
            record(.succeeded, for: ticket)
        } else {
            record(verdict(onResult: result, judge), for: ticket)
        }
    }

    /// Makes one call whose result may be a failure too, such as a response with the status 503.
    ///
    /// - Parameters:
    ///   - judgeResult: What a result says about the dependency. It stands in place of what a ``Judge`` has for
    ///     results.
    ///   - judge: What an error says about it.
    ///   - body: The call.
    @inlinable
    nonisolated(nonsending) public func run<R>(
        judgingResult judgeResult: (R) -> Verdict, judging judge: Judge? = nil,
        _ body: nonisolated(nonsending) () async throws -> R
    ) async throws -> R {
        let ticket = try ticket()
        do {
            let result = try await body()
            record(judgeResult(result), for: ticket)
            return result
        } catch {
            record((judge ?? self.judge).verdict(on: error), for: ticket)
            throw error
        }
    }

    /// Makes one synchronous call if the breaker admits it: as ``run(judging:_:)``, without a task.
    @inlinable
    public func runSync<R>(judging judge: Judge? = nil, _ body: () throws -> R) throws -> R {
        let ticket = try ticket()
        do {
            let result = try body()
            returned(result, judge, for: ticket)
            return result
        } catch {
            record((judge ?? self.judge).verdict(on: error), for: ticket)
            throw error
        }
    }

    /// Asks for the right to make one call.
    ///
    /// - Returns: A permit that is to be consumed exactly once, with how the call ended.
    /// - Throws: ``Rejection``, which carries its explanation.
    @inlinable
    public func admit() throws(Rejection) -> Permit {
        Permit(breaker: self, ticket: try ticket())
    }

    /// The permit as data. What is made of it must come back to ``record(_:for:)``.
    @inlinable
    func ticket() throws(Rejection) -> CircuitBreakerMachine.Ticket {
        let seen = ClosedWord(bits: word.load(ordering: .acquiring))
        if seen.isClosed, !measuresTime { return .init(generation: seen.generation, probe: 0) }
        return try measuredTicket(seen)
    }

    /// What the breaker looks like now.
    public func snapshot() -> Snapshot {
        let now = clock.now
        return shared.withLock { shared in
            let machine = shared.machine
            return Snapshot(
                name: name, state: machine.state, generation: machine.generation,
                evidence: evidence(machine, at: now), retryAfter: machine.retryAfter(at: now),
                probesInFlight: machine.probesInFlight(at: now), isObserving: machine.isObserving,
                observed: machine.observed)
        }
    }

    /// How long until a call may be admitted; zero when one would be admitted now. Costs a load while closed.
    public var retryAfter: Duration {
        if ClosedWord(bits: word.load(ordering: .acquiring)).isClosed { return .zero }
        let now = clock.now
        return shared.withLock { $0.machine.retryAfter(at: now) }
    }

    /// What would be lost with the breaker: nothing that matters after a while without calls, or nothing at all.
    func keepsake(at now: MonotonicInstant) -> (isSettled: Bool, isUnremarkable: Bool) {
        let (isSettled, state) = shared.withLock { ($0.machine.isSettled(at: now), $0.machine.state) }
        guard isSettled, state == .closed else { return (isSettled, false) }
        let seen = ClosedWord(bits: word.load(ordering: .acquiring))
        return (true, seen.streak == 0 && statistics.isClean(generation: seen.generation, at: now))
    }

    // MARK: Results

    @inlinable
    func record(
        _ verdict: Verdict, for ticket: CircuitBreakerMachine.Ticket, took: Duration? = nil
    ) {
        let seen = ClosedWord(bits: word.load(ordering: .acquiring))
        // What most calls say: a success where no failure was before it.
        if verdict == .succeeded, !hasRates, ticket.probe == 0, seen.isUnmoved(since: ticket.generation) { return }
        // The generation only moves on, so a result that is late here is late for good.
        if seen.generation != ticket.generation, ticket.probe != CircuitBreakerMachine.Ticket.observed { return }
        recordMeasured(verdict, for: ticket, took: took, seen)
    }

    @usableFromInline
    func recordMeasured(
        _ verdict: Verdict, for ticket: CircuitBreakerMachine.Ticket, took: Duration?,
        _ seen: ClosedWord
    ) {
        guard seen.isCounting, ticket.probe == 0 else {
            return decide { machine, now in machine.record(verdict, for: ticket, took: took, at: now) }
        }
        if hasRates, verdict != .abandoned {
            let now = clock.now
            let evidence = statistics.record(
                verdict, took: took ?? ticket.began.duration(to: now), generation: ticket.generation, at: now)
            if let evidence { return trip(on: evidence, ticket.generation) }
        }
        if let threshold = configuration.trip.streak { countStreak(verdict, ticket.generation, threshold, seen) }
    }

    /// Trips on a rate. Its buckets are read while others count, so a call that ends at the same moment may be missed.
    private func trip(on evidence: Evidence, _ generation: UInt32) {
        decide { machine, now in machine.generation == generation ? machine.trip(on: evidence, at: now) : nil }
    }

    /// Moves the streak, and trips when it is long enough. The failure that trips is decided on in the same exchange
    /// that makes the trip visible, so nobody can see the streak end in between.
    private func countStreak(
        _ verdict: Verdict, _ generation: UInt32, _ threshold: Int, _ seen: ClosedWord
    ) {
        guard verdict == .failed || verdict == .succeeded else { return }
        var seen = seen
        while seen.generation == generation, seen.isCounting {
            let streak = verdict == .failed ? seen.streak + 1 : 0
            if streak == seen.streak { return }
            if streak >= threshold {
                guard tripped(.consecutiveFailures(streak, threshold: threshold), expecting: seen) else {
                    seen = ClosedWord(bits: word.load(ordering: .acquiring))
                    continue
                }
                return
            }
            let (exchanged, original) = word.weakCompareExchange(
                expected: seen.bits, desired: seen.with(streak: streak).bits, ordering: .acquiringAndReleasing)
            if exchanged { return }
            seen = ClosedWord(bits: original)
        }
    }

    /// Trips, if the word is still the one on which that was decided.
    private func tripped(_ evidence: Evidence, expecting seen: ClosedWord) -> Bool {
        let now = clock.now
        let (isTripped, deliver) = shared.withLock { shared in
            var machine = shared.machine
            guard let change = machine.trip(on: evidence, at: now) else { return (false, false) }
            prepare(machine)
            let next = ClosedWord(machine).bits
            guard word.compareExchange(expected: seen.bits, desired: next, ordering: .acquiringAndReleasing).exchanged
            else { return (false, false) }
            shared.machine = machine
            return (true, isHeard && shared.announcements.add(change))
        }
        if deliver { announce() }
        return isTripped
    }

    // MARK: Decisions

    @usableFromInline
    func measuredTicket(_ seen: ClosedWord) throws(Rejection) -> CircuitBreakerMachine.Ticket {
        let now = clock.now
        if seen.isClosed {
            return .init(generation: seen.generation, probe: 0, began: now)
        }
        if seen.isOpen {
            let until = MonotonicInstant(nanoseconds: openUntil.load(ordering: .acquiring))
            // If another trip has moved it meanwhile, the breaker is open all the same.
            if now < until {
                let evidence = PackedEvidence(bits: openEvidence.load(ordering: .acquiring)).evidence(
                    of: configuration.trip)
                throw rejection(.open, seen.generation, evidence: evidence, now.duration(to: until))
            }
        }
        let answer = decide { machine, now -> (Result<CircuitBreakerMachine.Ticket, Rejection>, Change?) in
            let (admission, change) = machine.admit(at: now)
            switch admission {
            case .admitted(let ticket):
                return (.success(ticket), change)
            case .rejected(let retryAfter):
                let evidence = self.evidence(machine, at: now)
                return (.failure(rejection(machine.state, machine.generation, evidence: evidence, retryAfter)), change)
            }
        }
        return try answer.get()
    }

    private func rejection(
        _ state: State, _ generation: UInt32, evidence: Evidence, _ retryAfter: Duration
    ) -> Rejection {
        Rejection(
            explanation: Explanation(
                policy: .circuitBreaker, name: name, state: state.rawValue, generation: generation, evidence: evidence,
                retryAfter: retryAfter
            ).told())
    }

    private func evidence(_ machine: CircuitBreakerMachine, at now: MonotonicInstant) -> Evidence {
        let seen = ClosedWord(bits: word.load(ordering: .acquiring))
        guard machine.state == .closed, !machine.isRamping(at: now) else { return machine.evidence(at: now) }
        if let threshold = configuration.trip.streak { return .consecutiveFailures(seen.streak, threshold: threshold) }
        return statistics.evidence(generation: machine.generation, at: now) ?? machine.evidence(at: now)
    }

    func decide(_ body: (inout CircuitBreakerMachine, MonotonicInstant) -> Change?) {
        decide { machine, now in ((), body(&machine, now)) }
    }

    /// Lets the machine decide under the lock, publishes the word, and announces the change after the lock is
    /// released.
    func decide<R>(_ body: (inout CircuitBreakerMachine, MonotonicInstant) -> (R, Change?)) -> R {
        let now = clock.now
        let (result, deliver) = shared.withLock { shared in
            let (result, change) = body(&shared.machine, now)
            publish(shared.machine)
            guard let change, isHeard else { return (result, false) }
            return (result, shared.announcements.add(change))
        }
        if deliver { announce() }
        return result
    }

    /// Makes what the machine decided visible to the paths without a lock. The streak is kept within a generation, and
    /// begins anew with the next.
    private func publish(_ machine: CircuitBreakerMachine) {
        prepare(machine)
        var seen = ClosedWord(bits: word.load(ordering: .acquiring))
        if seen.generation != machine.generation { statistics.begin(machine.generation) }
        while true {
            let streak = seen.generation == machine.generation ? seen.streak : 0
            let next = ClosedWord(machine, streak: streak)
            if next == seen { return }
            let (exchanged, original) = word.weakCompareExchange(
                expected: seen.bits, desired: next.bits, ordering: .acquiringAndReleasing)
            if exchanged { return }
            seen = ClosedWord(bits: original)
        }
    }

    private func prepare(_ machine: CircuitBreakerMachine) {
        guard let until = machine.openUntil else { return }
        openEvidence.store(PackedEvidence(machine.tripEvidence, of: configuration.trip).bits, ordering: .releasing)
        openUntil.store(until.nanoseconds, ordering: .releasing)
    }

    private var isHeard: Bool { listener != nil || HoldfastEvents.isHeard }

    /// Delivers what waits, in order. Only one thread delivers at a time; what a listener causes is added to the end.
    private func announce() {
        while let change = shared.withLock({ $0.announcements.next() }) {
            listener?(change)
            HoldfastEvents.tell(.change(breaker: name, change))
        }
    }
}
