public import Synchronization

/// Where the process hears what its policies do: one place for logs, metrics and traces, whatever policies there are.
///
/// ```swift
/// let listening = try HoldfastEvents.listen { event in print(event.label) }
/// let policy = try Policy("payments") { payments }
/// _ = try await policy.run(repeatable: .once) { _ in try await client.charge(order) }
/// listening.stop()
/// ```
///
/// While nobody listens, an event costs a load of one word, and is not even made.
public enum HoldfastEvents {
    /// How many may listen at once.
    public static let maximumListeners = 64

    /// Hears events until it is stopped, or dropped.
    public final class Listening: Sendable {
        private let number: Int

        fileprivate init(_ number: Int) { self.number = number }

        /// Hears no event that happens from now on. A second time changes nothing.
        public func stop() { HoldfastEvents.remove(number) }

        deinit { stop() }
    }

    private struct Listeners: Sendable {
        var bodies: [Int: @Sendable (HoldfastEvent) -> Void] = [:]
        var issued = 0
    }

    @usableFromInline static let heard = Atomic(false)
    private static let listeners = Mutex(Listeners())

    /// Whether anybody listens.
    @inlinable static var isHeard: Bool { heard.load(ordering: .relaxed) }

    /// Calls a closure for each event, on the thread that meets it and outside any lock of a policy. It must be quick:
    /// the call waits for it.
    ///
    /// - Returns: Keep it as long as events are to be heard.
    /// - Throws: ``ConfigurationError`` beyond ``maximumListeners``.
    public static func listen(
        _ body: @escaping @Sendable (HoldfastEvent) -> Void
    ) throws(ConfigurationError) -> Listening {
        let (number, count) = listeners.withLock { listeners -> (Int?, Int) in
            guard listeners.bodies.count < maximumListeners else { return (nil, listeners.bodies.count + 1) }
            listeners.issued += 1
            listeners.bodies[listeners.issued] = body
            heard.store(true, ordering: .relaxed)
            return (listeners.issued, listeners.bodies.count)
        }
        guard let number else {
            throw ConfigurationError(option: "listeners", value: "\(count)", allowed: "1 to \(maximumListeners)")
        }
        return Listening(number)
    }

    /// The events from now on, as a sequence. Whoever reads it slowly loses the oldest: no policy waits for a reader.
    ///
    /// - Parameter bufferingNewest: How many wait for the reader: 1 to 1,000,000. Default: 1,024.
    /// - Throws: ``ConfigurationError`` for a number out of its range, and beyond ``maximumListeners``.
    public static func stream(bufferingNewest: Int = 1_024) throws(ConfigurationError) -> AsyncStream<HoldfastEvent> {
        try require("bufferingNewest", bufferingNewest, in: 1...1_000_000)
        let (stream, continuation) = AsyncStream.makeStream(
            of: HoldfastEvent.self, bufferingPolicy: .bufferingNewest(bufferingNewest))
        let listening = try listen { continuation.yield($0) }
        continuation.onTermination = { _ in listening.stop() }
        return stream
    }

    private static func remove(_ number: Int) {
        // What the closure keeps is let go outside the lock: it may end another listening.
        let body = listeners.withLock { listeners in
            let body = listeners.bodies.removeValue(forKey: number)
            heard.store(!listeners.bodies.isEmpty, ordering: .relaxed)
            return body
        }
        _ = consume body
    }

    /// Tells whoever listens.
    @inlinable
    package static func tell(_ event: @autoclosure () -> HoldfastEvent) {
        if isHeard { deliver(event()) }
    }

    @usableFromInline
    static func deliver(_ event: HoldfastEvent) {
        for body in listeners.withLock({ Array($0.bodies.values) }) { body(event) }
    }
}
