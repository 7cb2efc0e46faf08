/// Decides for one circuit breaker. A value without clock, lock, task or I/O: an event and the time go in, a decision
/// comes out.
///
/// ```
///            trip                    cooldown over, and a call comes
///  closed ─────────▶ open ──────────────────────────────▶ half-open
///    ▲                ▲            a probe failed             │  │
///    │                └───────────────────────────────────────┘  │
///    └───────────────────────────────────────────────────────────┘
///                        enough probes succeeded
/// ```
///
/// Four rules keep it from the faults that breakers are known for:
/// - Admission to half-open *is* the reservation of a probe's place, in one step, so callers cannot stampede.
/// - Each ticket names the generation that issued it. A result from an older generation changes nothing, so a late
///   answer neither closes nor reopens a breaker that has moved on.
/// - A probe is judged as a call is: where slow calls trip, a slow probe opens the breaker again.
/// - A probe's place lapses. A probe that hangs, or is cancelled, cannot hold the breaker in half-open.
///
/// What operators do (isolate, disable, reset) is in `CircuitBreakerMachine+Operators.swift`.
public struct CircuitBreakerMachine: Sendable, Hashable {
    /// The right to make one call, as data. The permit of `CircuitBreaker` is its move-only form.
    public struct Ticket: Sendable, Hashable {
        /// The generation that issued the ticket.
        public let generation: UInt32
        /// Which probe this is, counted within its generation from 1; 0 for a call that is not a probe. After 2³² - 2
        /// probes of one generation, which were all abandoned, it begins again, and passes over those in flight.
        public let probe: UInt32
        /// When the call began, where slow calls are counted; the clock's origin elsewhere.
        public let began: MonotonicInstant

        @inlinable package init(
            generation: UInt32, probe: UInt32, began: MonotonicInstant = MonotonicInstant(nanoseconds: 0)
        ) {
            self.generation = generation
            self.probe = probe
            self.began = began
        }

        /// The number of a call that would have been rejected, had the breaker not been told to observe only.
        @inlinable package static var observed: UInt32 { UInt32.max }
    }

    public enum Admission: Sendable, Hashable {
        case admitted(Ticket)
        case rejected(retryAfter: Duration)
    }

    /// A probe that is in flight, and when its place lapses.
    struct Probe: Sendable, Hashable {
        var number: UInt32
        var lapses: MonotonicInstant
    }

    /// The stretch after closing in which a share of the calls is admitted.
    struct Ramp: Sendable, Hashable {
        static let firstShare = 0.1

        let began: MonotonicInstant
        var asked = 0
        var admitted = 0
    }

    enum Phase: Sendable, Hashable {
        case closed
        case ramping(Ramp)
        case open(until: MonotonicInstant)
        case halfOpen(inFlight: [Probe], issued: UInt32, successes: Int)
    }

    public let configuration: CircuitBreakerConfiguration
    /// Counts state changes, and begins again after 2³² of them: 25 days of changes without a pause at the shortest
    /// cooldown. A ticket would have to be that old, to the change, to be taken for one of now.
    public internal(set) var generation: UInt32 = 0
    /// The trips since the breaker was last closed.
    public internal(set) var tripsInARow = 0
    /// What tripped the breaker last; kept while open and half-open, to explain rejections.
    public internal(set) var tripEvidence: Evidence?

    var phase = Phase.closed
    var statistics: ClosedStatistics
    var isolations = 0
    var isDisabled = false
    /// Decides nothing, but counts what it would have decided.
    package var isObserving = false
    package internal(set) var observed = Observed()
    /// Draws the cooldown's jitter.
    var generator: SplitMix64

    /// - Parameters:
    ///   - configuration: Already validated by the caller.
    ///   - seed: What the cooldown's jitter is drawn from.
    public init(configuration: CircuitBreakerConfiguration, seed: UInt64 = 0) {
        self.configuration = configuration
        statistics = ClosedStatistics(configuration.trip)
        generator = SplitMix64(seed: seed)
    }

    public var state: State {
        if isDisabled { return .disabled }
        if isolations > 0 { return .isolated }
        return switch phase {
        case .closed, .ramping: .closed
        case .open: .open
        case .halfOpen: .halfOpen
        }
    }

    /// When the cooldown ends, while it runs; nil in every other phase. What operators do leaves it as it is.
    package var openUntil: MonotonicInstant? {
        if case .open(let until) = phase { until } else { nil }
    }

    /// Asks for the right to make one call.
    ///
    /// - Returns: The decision, and the state change that it brought with it, if any.
    public mutating func admit(
        at now: MonotonicInstant
    ) -> (admission: Admission, change: Change?) {
        let (admission, change) = decide(at: now)
        guard isObserving, case .rejected = admission else { return (admission, change) }
        observed.rejected += 1
        return (.admitted(Ticket(generation: generation, probe: Ticket.observed)), change)
    }

    private mutating func decide(at now: MonotonicInstant) -> (Admission, Change?) {
        let began = configuration.trip.measuresTime ? now : MonotonicInstant(nanoseconds: 0)
        let call = Ticket(generation: generation, probe: 0, began: began)
        if isDisabled { return (.admitted(call), nil) }
        if isolations > 0 { return (.rejected(retryAfter: retryAfter(at: now)), nil) }
        switch phase {
        case .closed:
            return (.admitted(call), nil)
        case .ramping(var ramp):
            guard let share = share(of: ramp, at: now) else {
                phase = .closed
                return (.admitted(call), nil)
            }
            ramp.asked += 1
            let isAdmitted = Double(ramp.admitted) < share * Double(ramp.asked)
            if isAdmitted { ramp.admitted += 1 }
            phase = .ramping(ramp)
            return (isAdmitted ? .admitted(call) : .rejected(retryAfter: retryAfter(at: now)), nil)
        case .open(let until) where now < until:
            return (.rejected(retryAfter: now.duration(to: until)), nil)
        case .open:
            let change = move(to: .halfOpen(inFlight: [], issued: 0, successes: 0), because: .cooldownElapsed)
            return (admitProbe(at: now), change)
        case .halfOpen:
            return (admitProbe(at: now), nil)
        }
    }

    /// Takes in how a call ended.
    ///
    /// - Parameters:
    ///   - verdict: How the call ended.
    ///   - ticket: What the admission handed out.
    ///   - took: How long it took; nil: from its ticket until now.
    ///   - now: The time.
    /// - Returns: The state change that the result brought, if any.
    public mutating func record(
        _ verdict: Verdict, for ticket: Ticket, took: Duration? = nil, at now: MonotonicInstant
    ) -> Change? {
        if ticket.probe == Ticket.observed {
            if verdict == .succeeded { observed.succeeded += 1 }
            return nil
        }
        guard ticket.generation == generation, !isDisabled, isolations == 0 else { return nil }
        switch phase {
        case .closed, .ramping:
            let took = took ?? ticket.began.duration(to: now)
            guard let evidence = statistics.record(verdict, took: took, at: now) else {
                return nil
            }
            return trip(on: evidence, at: now)
        case .open:
            return nil
        case .halfOpen(var inFlight, let issued, var successes):
            guard let place = inFlight.firstIndex(where: { $0.number == ticket.probe }), now < inFlight[place].lapses
            else { return nil }
            inFlight.remove(at: place)
            switch verdict {
            case .abandoned:
                break
            case .failed, .declined:
                return open(at: now, because: .probeFailed)
            case .succeeded where configuration.trip.isSlow(took ?? ticket.began.duration(to: now)):
                return open(at: now, because: .probeSlow)
            case .succeeded:
                successes += 1
                if successes >= configuration.successesToClose {
                    return close(at: now, because: .probesSucceeded(successes))
                }
            }
            phase = .halfOpen(inFlight: inFlight, issued: issued, successes: successes)
            return nil
        }
    }

    /// Trips a closed breaker on evidence that was gathered elsewhere. ``record(_:for:at:)`` gathers its own.
    package mutating func trip(on evidence: Evidence, at now: MonotonicInstant) -> Change? {
        switch phase {
        case .closed, .ramping: break
        case .open, .halfOpen: return nil
        }
        tripEvidence = evidence
        return open(at: now, because: .tripped(evidence))
    }

    /// How long until a call may be admitted: zero when one would be admitted now.
    public func retryAfter(at now: MonotonicInstant) -> Duration {
        if isDisabled { return .zero }
        // Nobody knows when an operator lets go. The cooldown is how often it is worth a look.
        if isolations > 0 { return configuration.cooldown.base }
        switch phase {
        case .closed:
            return .zero
        case .ramping(let ramp):
            // By then, another tenth is admitted.
            return share(of: ramp, at: now) == nil ? .zero : configuration.ramp / 10
        case .open(let until):
            return max(.zero, now.duration(to: until))
        case .halfOpen(let inFlight, _, _):
            let held = inFlight.filter { now < $0.lapses }
            guard held.count >= configuration.probes else { return .zero }
            // A place is free at the latest when the oldest probe lapses, and usually much sooner. The cooldown is
            // what a failing probe would cost, so nobody is told to wait longer than that.
            let oldest = held.map { $0.lapses }.min() ?? now
            return min(configuration.cooldown.base, now.duration(to: oldest))
        }
    }

    /// Whether only a share of the calls is admitted, because it has just closed.
    package func isRamping(at now: MonotonicInstant) -> Bool {
        guard case .ramping(let ramp) = phase else { return false }
        return share(of: ramp, at: now) != nil
    }

    /// How many probes hold a place.
    public func probesInFlight(at now: MonotonicInstant) -> Int {
        guard case .halfOpen(let inFlight, _, _) = phase else { return 0 }
        return inFlight.count { now < $0.lapses }
    }

    /// What has been counted so far, or what tripped the breaker.
    public func evidence(at now: MonotonicInstant) -> Evidence {
        if isolations > 0 { return .isolated(by: isolations) }
        switch phase {
        case .ramping(let ramp):
            if let share = share(of: ramp, at: now) { return .ramp(admitting: share) }
            fallthrough
        case .closed:
            return statistics.evidence(at: now)
        case .open, .halfOpen:
            return tripEvidence ?? statistics.evidence(at: now)
        }
    }

    private mutating func admitProbe(at now: MonotonicInstant) -> Admission {
        guard case .halfOpen(var inFlight, let issued, let successes) = phase else {
            return .rejected(retryAfter: .zero)
        }
        inFlight.removeAll { $0.lapses <= now }
        guard inFlight.count < configuration.probes else {
            return .rejected(retryAfter: retryAfter(at: now))
        }
        let number = probeNumber(after: issued, inFlight)
        inFlight.append(Probe(number: number, lapses: now.advanced(by: configuration.probeHold)))
        phase = .halfOpen(inFlight: inFlight, issued: number, successes: successes)
        let began = configuration.trip.measuresTime ? now : MonotonicInstant(nanoseconds: 0)
        return .admitted(Ticket(generation: generation, probe: number, began: began))
    }

    /// The next number that means a probe, and none that is in flight.
    private func probeNumber(after issued: UInt32, _ inFlight: [Probe]) -> UInt32 {
        var number = issued
        repeat {
            number = number &+ 1
        } while number == 0 || number == Ticket.observed
            || inFlight.contains { $0.number == number }
        return number
    }

    /// The share of calls that a ramp admits; nil when it is over.
    private func share(of ramp: Ramp, at now: MonotonicInstant) -> Double? {
        let elapsed = ramp.began.duration(to: now) / configuration.ramp
        guard elapsed < 1 else { return nil }
        return Ramp.firstShare + (1 - Ramp.firstShare) * max(0, elapsed)
    }

    private mutating func open(
        at now: MonotonicInstant, because reason: Reason
    ) -> Change {
        // No further than the cooldown grows.
        tripsInARow = min(tripsInARow + 1, configuration.cooldown.tripsToCap)
        let cooldown = configuration.cooldown.duration(afterTrips: tripsInARow, using: &generator)
        return move(to: .open(until: now.advanced(by: cooldown)), because: reason)
    }

    mutating func close(at now: MonotonicInstant, because reason: Reason) -> Change {
        tripsInARow = 0
        tripEvidence = nil
        let next: Phase = configuration.ramp > .zero ? .ramping(Ramp(began: now)) : .closed
        return move(to: next, because: reason)
    }

    private mutating func move(to next: Phase, because reason: Reason) -> Change {
        changing(because: reason) { $0.phase = next }
    }

    mutating func changing(
        because reason: Reason, _ change: (inout Self) -> Void
    ) -> Change {
        let former = state
        change(&self)
        // What was counted belongs to the generation in which it was.
        statistics = ClosedStatistics(configuration.trip)
        generation &+= 1
        return Change(from: former, to: state, reason: reason, generation: generation)
    }
}
