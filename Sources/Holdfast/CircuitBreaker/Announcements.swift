/// Changes of state that wait for the listener, in order. One thread delivers at a time.
struct Announcements: Sendable {
    /// A listener that is stuck while the breaker goes on changing loses the oldest changes beyond this many.
    static let bound = 256

    private var waiting: [CircuitBreaker.Change] = []
    private var isDelivering = false

    /// Adds a change.
    ///
    /// - Returns: Whether the caller is to deliver; if not, somebody already does.
    mutating func add(_ change: CircuitBreaker.Change) -> Bool {
        if waiting.count == Self.bound { waiting.removeFirst() }
        waiting.append(change)
        defer { isDelivering = true }
        return !isDelivering
    }

    /// The next change to deliver, or nil when the delivery is over.
    mutating func next() -> CircuitBreaker.Change? {
        guard waiting.isEmpty else { return waiting.removeFirst() }
        isDelivering = false
        return nil
    }
}
