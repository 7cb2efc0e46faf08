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
/// Three rules keep it from the faults that breakers are known for:
/// - Admission to half-open *is* the reservation of a probe's place, in one step, so callers cannot stampede.
/// - Each ticket names the generation that issued it. A result from an older generation changes nothing, so a late
///   answer neither closes nor reopens a breaker that has moved on.
/// - A probe's place lapses. A probe that hangs, or is cancelled, cannot hold the breaker in half-open.
public struct CircuitBreakerMachine: Sendable, Hashable {
    /// The right to make one call, as data. ``CircuitBreaker/Permit`` is its move-only form.
    public struct Ticket: Sendable, Hashable {
        /// The generation that issued the ticket.
        public let generation: UInt32
        /// Which probe this is, counted within its generation from 1; 0 for a call that is not a probe.
        public let probe: UInt32
    }

    /// How a call ended, as far as the breaker is concerned.
    public enum Verdict: Sendable, Hashable {
        case succeeded
        case failed
        /// Cancelled, or never judged: evidence of nothing.
        case abandoned
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

    enum Phase: Sendable, Hashable {
        case closed(failures: Int)
        case open(until: MonotonicInstant)
        case halfOpen(inFlight: [Probe], issued: UInt32, successes: Int)
    }

    public let configuration: CircuitBreakerConfiguration
    /// Counts state changes.
    public internal(set) var generation: UInt32 = 0
    /// The count of failures that tripped the breaker last; kept while open and half-open, to explain rejections.
    public private(set) var tripCount = 0
    var phase = Phase.closed(failures: 0)

    /// - Parameter configuration: Already validated by the caller.
    public init(configuration: CircuitBreakerConfiguration) {
        self.configuration = configuration
    }

    public var state: CircuitBreaker.State {
        switch phase {
        case .closed: .closed
        case .open: .open
        case .halfOpen: .halfOpen
        }
    }

    /// Asks for the right to make one call.
    ///
    /// - Returns: The decision, and the state change that it brought with it, if any.
    public mutating func admit(
        at now: MonotonicInstant
    ) -> (admission: Admission, change: CircuitBreaker.Change?) {
        switch phase {
        case .closed:
            return (.admitted(Ticket(generation: generation, probe: 0)), nil)
        case .open(let until) where now < until:
            return (.rejected(retryAfter: now.duration(to: until)), nil)
        case .open:
            let change = move(
                to: .halfOpen(inFlight: [], issued: 0, successes: 0), because: .cooldownElapsed)
            return (admitProbe(at: now), change)
        case .halfOpen:
            return (admitProbe(at: now), nil)
        }
    }

    /// Takes in how a call ended.
    ///
    /// - Returns: The state change that the result brought, if any.
    public mutating func record(
        _ verdict: Verdict, for ticket: Ticket, at now: MonotonicInstant
    ) -> CircuitBreaker.Change? {
        guard ticket.generation == generation else { return nil }
        switch phase {
        case .closed(let failures):
            switch verdict {
            case .abandoned: return nil
            case .succeeded: phase = .closed(failures: 0)
            case .failed: return recordFailure(after: failures, at: now)
            }
            return nil
        case .open:
            return nil
        case .halfOpen(var inFlight, let issued, var successes):
            guard let place = inFlight.firstIndex(where: { $0.number == ticket.probe }), now < inFlight[place].lapses
            else { return nil }
            inFlight.remove(at: place)
            switch verdict {
            case .abandoned:
                break
            case .failed:
                return trip(at: now, because: .probeFailed)
            case .succeeded:
                successes += 1
                if successes >= configuration.successesToClose {
                    return move(to: .closed(failures: 0), because: .probesSucceeded(successes))
                }
            }
            phase = .halfOpen(inFlight: inFlight, issued: issued, successes: successes)
            return nil
        }
    }

    /// How long until a call may be admitted: zero when one would be admitted now.
    public func retryAfter(at now: MonotonicInstant) -> Duration {
        switch phase {
        case .closed:
            return .zero
        case .open(let until):
            return max(.zero, now.duration(to: until))
        case .halfOpen(let inFlight, _, _):
            let held = inFlight.filter { now < $0.lapses }
            guard held.count >= configuration.probes else { return .zero }
            // A place is free at the latest when the oldest probe lapses, and usually much sooner. The cooldown is
            // what a failing probe would cost, so nobody is told to wait longer than that.
            let oldest = held.map(\.lapses).min() ?? now
            return min(configuration.cooldown, now.duration(to: oldest))
        }
    }

    /// How many probes hold a place.
    public func probesInFlight(at now: MonotonicInstant) -> Int {
        guard case .halfOpen(let inFlight, _, _) = phase else { return 0 }
        return inFlight.count { now < $0.lapses }
    }

    /// The consecutive failures so far, or those that tripped the breaker.
    public var failures: Int {
        if case .closed(let failures) = phase { failures } else { tripCount }
    }

    private mutating func admitProbe(at now: MonotonicInstant) -> Admission {
        guard case .halfOpen(var inFlight, let issued, let successes) = phase else {
            return .rejected(retryAfter: .zero)
        }
        inFlight.removeAll { $0.lapses <= now }
        guard inFlight.count < configuration.probes else {
            return .rejected(retryAfter: retryAfter(at: now))
        }
        let number = issued &+ 1
        inFlight.append(Probe(number: number, lapses: now.advanced(by: configuration.probeHold)))
        phase = .halfOpen(inFlight: inFlight, issued: number, successes: successes)
        return .admitted(Ticket(generation: generation, probe: number))
    }

    private mutating func recordFailure(after failures: Int, at now: MonotonicInstant) -> CircuitBreaker.Change? {
        guard failures + 1 >= configuration.threshold else {
            phase = .closed(failures: failures + 1)
            return nil
        }
        tripCount = failures + 1
        return trip(at: now, because: .consecutiveFailures(failures + 1))
    }

    private mutating func trip(
        at now: MonotonicInstant, because reason: CircuitBreaker.Reason
    ) -> CircuitBreaker.Change {
        move(to: .open(until: now.advanced(by: configuration.cooldown)), because: reason)
    }

    private mutating func move(to next: Phase, because reason: CircuitBreaker.Reason) -> CircuitBreaker.Change {
        let former = state
        phase = next
        generation &+= 1
        return CircuitBreaker.Change(from: former, to: state, reason: reason, generation: generation)
    }
}
