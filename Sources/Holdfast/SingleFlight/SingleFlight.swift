import Synchronization

/// Lets concurrent callers of the same key share one execution: a hundred callers who miss the same entry of a cache ask
/// the dependency once.
///
/// The execution is a task of its own, tied to no caller's deadline or cancellation. A caller who is cancelled leaves at
/// once; when the last one has left, the execution is cancelled. Nothing is kept: a call after the end executes again.
public final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// There is no room for another key, or for another caller of this one.
    public struct Full: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
    }

    private struct Entry: Sendable {
        let flight: Flight<Value>
        let task: Task<Void, Never>
        var callers = 1
    }

    private let keys: Int
    private let callers: Int
    private let entries = Mutex<[Key: Entry]>([:])

    /// - Parameters:
    ///   - keys: How many keys may be in progress at once: 1 to 1,000,000. Default: 10,000.
    ///   - callers: How many callers may share one: 1 to 1,000,000. Default: 10,000.
    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(keys: Int = 10_000, callers: Int = 10_000) throws(ConfigurationError) {
        try require("keys", keys, in: 1...1_000_000)
        try require("callers", callers, in: 1...1_000_000)
        self.keys = keys
        self.callers = callers
    }

    /// How many keys are in progress.
    public var inFlight: Int { entries.withLock { $0.count } }

    /// How many callers share the execution that is in progress under this key; zero if there is none.
    public func callers(of key: Key) -> Int { entries.withLock { $0[key]?.callers ?? 0 } }

    /// Executes the operation, or waits for the execution that is in progress under this key.
    ///
    /// - Throws: ``Full``; `CancellationError` when this caller is cancelled; otherwise what the operation throws, to
    ///   all who share it.
    public func run(
        _ key: Key, _ operation: @escaping @Sendable @concurrent () async throws -> Value
    ) async throws -> Value {
        let flight = try join(key, operation)
        do {
            return try await flight.result()
        } catch let error as Left {
            leave(key, flight)
            throw error.reason
        }
    }

    private func join(
        _ key: Key, _ operation: @escaping @Sendable @concurrent () async throws -> Value
    ) throws -> Flight<Value> {
        try entries.withLock { entries in
            if let entry = entries[key] {
                guard entry.callers < callers else {
                    throw Full(description: "\(entry.callers) callers share this key already, which is the limit")
                }
                entries[key]?.callers += 1
                return entry.flight
            }
            guard entries.count < keys else {
                throw Full(description: "\(entries.count) keys are in progress, which is the limit")
            }
            let flight = Flight<Value>()
            let task = Task {
                let result: Result<Value, any Error>
                do {
                    // The first caller's deadline is not the others'.
                    result = .success(try await Lineage.$task.withValue(nil) { try await operation() })
                } catch { result = .failure(error) }
                self.entries.withLock { if $0[key]?.flight === flight { $0[key] = nil } }
                flight.end(result)
            }
            entries[key] = Entry(flight: flight, task: task)
            return flight
        }
    }

    private func leave(_ key: Key, _ flight: Flight<Value>) {
        let abandoned = entries.withLock { entries -> Task<Void, Never>? in
            guard let entry = entries[key], entry.flight === flight else { return nil }
            entries[key]?.callers -= 1
            guard entry.callers == 1 else { return nil }
            entries[key] = nil
            return entry.task
        }
        abandoned?.cancel()
    }
}

/// A caller left before the end.
private struct Left: Error {
    let reason = CancellationError()
}

/// One execution, and those who wait for its end.
private final class Flight<Value: Sendable>: Sendable {
    private struct State: Sendable {
        var result: Result<Value, any Error>?
        var waiters: [Int: CheckedContinuation<Value, any Error>] = [:]
        var issued = 0
    }

    private let state = Mutex(State())

    func end(_ result: Result<Value, any Error>) {
        let waiters = state.withLock { state in
            state.result = result
            defer { state.waiters = [:] }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume(with: result) }
    }

    /// Waits for the end.
    ///
    /// - Throws: ``Left`` when the caller is cancelled before.
    func result() async throws -> Value {
        let number = state.withLock { state in
            state.issued += 1
            return state.issued
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let now = state.withLock { state -> Result<Value, any Error>? in
                    if let result = state.result { return result }
                    if Task.isCancelled { return .failure(Left()) }
                    state.waiters[number] = continuation
                    return nil
                }
                if let now { continuation.resume(with: now) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume(throwing: Left())
        }
    }
}
