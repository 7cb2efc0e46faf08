#if Gateway
import Foundation
import Holdfast
import Synchronization

/// The latest changes of state, and whoever wants to hear of the next ones.
final class TransitionLog: Sendable {
    /// The changes that are kept, and the most that wait for a slow listener; beyond either, the oldest are dropped.
    static let bound = 100

    struct Entry: Sendable, Encodable {
        /// The endpoint's name, or the service's where the breaker is the service's own.
        let breaker: String
        let service: String
        /// Nil where the breaker is the service's own.
        let endpoint: String?
        let from: String
        let to: String
        let reason: String
        let generation: UInt32
        /// For people to read. No decision looks at it.
        let at: String
    }

    enum Event: Sendable {
        case transition(Entry)
        /// Time to look whether anything that is only counted has moved.
        case sample
    }

    private struct State {
        var entries: [Entry] = []
        var listeners: [Int: AsyncStream<Event>.Continuation] = [:]
        var nextListener = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    func add(_ change: CircuitBreaker.Change, of service: String, endpoint: String?) {
        let now = Date.now.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        let entry = Entry(
            breaker: endpoint ?? service, service: service, endpoint: endpoint, from: change.from.rawValue,
            to: change.to.rawValue, reason: change.reason.description,
            generation: change.generation, at: now)
        let listeners = state.withLock { state in
            if state.entries.count == Self.bound { state.entries.removeFirst() }
            state.entries.append(entry)
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.yield(.transition(entry)) }
    }

    /// Has every listener look at the counts.
    func sample() {
        for listener in state.withLock({ Array($0.listeners.values) }) { listener.yield(.sample) }
    }

    var entries: [Entry] { state.withLock { $0.entries } }

    func listen() -> AsyncStream<Event> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Event.self, bufferingPolicy: .bufferingNewest(Self.bound))
        let identifier = state.withLock { state -> Int? in
            guard !state.isClosed else { return nil }
            state.nextListener += 1
            state.listeners[state.nextListener] = continuation
            return state.nextListener
        }
        guard let identifier else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.listeners.removeValue(forKey: identifier) }
        }
        return stream
    }

    /// Ends every stream, and each that is asked for later, so that those who listen can leave.
    func close() {
        let listeners = state.withLock { state in
            state.isClosed = true
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }
}
#endif
