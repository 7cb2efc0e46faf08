/// What operators may do to a breaker by hand. Each begins a new generation, so that no call from before decides
/// anything after.
extension CircuitBreakerMachine {
    /// Holds the breaker open until as many have released it as have isolated it.
    package mutating func isolate() -> Change {
        changing(because: .isolated) { $0.isolations += 1 }
    }

    /// Takes one isolation back. The last one returns the breaker to where it was, but for a half-open one, whose
    /// probes' results the isolation has discarded: it begins to probe anew.
    package mutating func release() -> Change? {
        guard isolations > 0 else { return nil }
        return changing(because: .released) { machine in
            machine.isolations -= 1
            machine.forgetProbes()
        }
    }

    /// Lets all calls through and records nothing.
    package mutating func disable() -> Change? {
        guard !isDisabled else { return nil }
        return changing(because: .disabled) { $0.isDisabled = true }
    }

    package mutating func enable() -> Change? {
        guard isDisabled else { return nil }
        return changing(because: .enabled) { machine in
            machine.isDisabled = false
            machine.forgetProbes()
        }
    }

    /// Closes the breaker and forgets what it has counted. Isolation and disabling stay.
    package mutating func reset() -> Change {
        changing(because: .reset) { machine in
            machine.phase = .closed
            machine.tripsInARow = 0
            machine.tripEvidence = nil
        }
    }

    /// Whether time alone has brought it to an end: it is closed, or would admit the next call, with no probe in flight;
    /// and no operator holds it.
    package func isSettled(at now: MonotonicInstant) -> Bool {
        guard !isObserving, !isDisabled, isolations == 0 else { return false }
        return switch phase {
        case .closed: true
        case .ramping: !isRamping(at: now)
        case .open(let until): until <= now
        case .halfOpen: probesInFlight(at: now) == 0
        }
    }

    private mutating func forgetProbes() {
        if case .halfOpen = phase { phase = .halfOpen(inFlight: [], issued: 0, successes: 0) }
    }

    /// What may be carried over to another process.
    package func export(at now: MonotonicInstant) -> SavedState {
        let cooldown: Duration? =
            switch phase {
            case .closed, .ramping: nil
            case .open(let until): max(.zero, now.duration(to: until))
            case .halfOpen: .zero
            }
        return SavedState(
            cooldownNanoseconds: cooldown?.saturatingNanoseconds, tripsInARow: tripsInARow)
    }

    /// Takes over what another process knew. An open breaker stays open for what was left of its cooldown, and no
    /// longer than its own configuration allows.
    package mutating func restore(_ saved: SavedState, at now: MonotonicInstant) -> Change {
        changing(because: .restored) { machine in
            machine.tripsInARow = min(max(0, saved.tripsInARow), machine.configuration.cooldown.tripsToCap)
            if let left = saved.cooldownNanoseconds {
                let bounded = min(max(.zero, .nanoseconds(left)), machine.configuration.cooldown.cap)
                machine.phase = .open(until: now.advanced(by: bounded))
            } else {
                machine.phase = .closed
            }
        }
    }
}
