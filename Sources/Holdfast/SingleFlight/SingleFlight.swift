import Synchronization

/// Lets concurrent callers of the same key share one execution: a hundred callers who miss the same entry of a cache ask
/// the dependency once.
///
/// The execution is a task of its own, tied to no caller's deadline or cancellation. A caller who is cancelled leaves at
/// once; when the last one has left, the execution is cancelled. It runs with the priority of its most urgent caller,
/// where the platform can raise one. Nothing is kept: a call after the end executes again.
///
/// An execution that asks for its own key, itself or through another execution that it waits for, would wait for ever;
/// it gets ``Circular`` instead.
public final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    /// There is no room for another key, or for another caller of this one.
    public struct Full: Error, Sendable, Hashable, CustomStringConvertible {
        public let description: String
    }

    /// An execution asked for a key whose execution waits for it.
    public struct Circular: Error, Sendable, Hashable, CustomStringConvertible {
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
    /// - Throws: ``Full``; ``Circular``; `CancellationError` when this caller is cancelled; ``TimeoutError`` when the time
    ///   of a cooperative limit is over; otherwise what the operation throws, to all who share it.
    public func run(
        _ key: Key, _ operation: @escaping @Sendable @concurrent () async throws -> Value
    ) async throws -> Value {
        try await withinLineage {
            let flight = try self.join(key, operation)
            do {
                return try await self.wait(for: flight, key)
            } catch let error as Left {
                self.leave(key, flight)
                throw error.reason
            }
        }
    }

    private func wait(for flight: Flight<Value>, _ key: Key) async throws -> Value {
        guard let asker = FlightWaits.current else { return try await result(of: flight, key) }
        guard FlightWaits.begin(asker, for: flight.number) else {
            leave(key, flight)
            throw Circular(description: "the execution of '\(key)' waits for the one that asks for it")
        }
        defer { FlightWaits.end(asker, for: flight.number) }
        return try await result(of: flight, key)
    }

    /// Waits for the end. A caller who becomes urgent meanwhile takes the execution along.
    private func result(of flight: Flight<Value>, _ key: Key) async throws -> Value {
        guard #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *) else {
            return try await flight.result()
        }
        return try await withTaskPriorityEscalationHandler {
            try await flight.result()
        } onPriorityEscalated: { _, priority in
            let task = entries.withLock { $0[key].flatMap { $0.flight === flight ? $0.task : nil } }
            task?.raise(to: priority)
        }
    }

    private func join(
        _ key: Key, _ operation: @escaping @Sendable @concurrent () async throws -> Value
    ) throws -> Flight<Value> {
        let entry = try entry(of: key, operation)
        // Outside the lock: what is told of a raise may come back here.
        if entry.callers > 1 { entry.task.raise(to: Task.currentPriority) }
        return entry.flight
    }

    private func entry(
        of key: Key, _ operation: @escaping @Sendable @concurrent () async throws -> Value
    ) throws -> Entry {
        try entries.withLock { entries in
            if var entry = entries[key] {
                guard entry.callers < callers else {
                    throw Full(description: "\(entry.callers) callers share this key already, which is the limit")
                }
                entry.callers += 1
                entries[key] = entry
                return entry
            }
            guard entries.count < keys else {
                throw Full(description: "\(entries.count) keys are in progress, which is the limit")
            }
            let flight = Flight<Value>()
            let task = Task {
                let result: Result<Value, any Error>
                do {
                    // The first caller's deadline is not the others'.
                    result = .success(
                        try await withoutLineage {
                            try await FlightWaits.$current.withValue(flight.number) { try await operation() }
                        })
                } catch { result = .failure(error) }
                self.entries.withLock { if $0[key]?.flight === flight { $0[key] = nil } }
                flight.end(result)
            }
            let entry = Entry(flight: flight, task: task)
            entries[key] = entry
            return entry
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
