/// What operators do to a breaker by hand, and what outlives its process.
extension CircuitBreaker {
    /// Holds the breaker open until the handle is released, or dropped.
    public func isolate() -> Isolation {
        decide { machine, _ in machine.isolate() }
        return Isolation(of: self)
    }

    func release() { decide { machine, _ in machine.release() } }

    /// Lets all calls through and records nothing, until ``enable()``.
    public func disable() { decide { machine, _ in machine.disable() } }

    /// Takes ``disable()`` back.
    public func enable() { decide { machine, _ in machine.enable() } }

    /// Closes the breaker and forgets what it has counted. Calls in flight decide nothing any more.
    public func reset() { decide { machine, _ in machine.reset() } }

    /// Decides whether the breaker only observes: counts, announces, and never rejects.
    public func observe(_ isObserving: Bool = true) {
        decide { machine, _ in
            machine.isObserving = isObserving
            return nil
        }
    }

    /// What may be carried over to another process.
    public func savedState() -> SavedState {
        decide { machine, now in (machine.export(at: now), nil) }
    }

    /// Takes over what another process knew. An open breaker stays open for what was left of its cooldown.
    public func restore(_ saved: SavedState) { decide { machine, now in machine.restore(saved, at: now) } }
}
