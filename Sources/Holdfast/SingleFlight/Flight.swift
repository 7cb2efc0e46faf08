import Synchronization

/// A caller left before the end.
struct Left: Error {
    let reason = CancellationError()
}

/// One execution, and those who wait for its end.
final class Flight<Value: Sendable>: Sendable {
    private struct State: Sendable {
        var result: Result<Value, any Error>?
        var waiters: [Int: CheckedContinuation<Value, any Error>] = [:]
        var issued = 0
    }

    private let state = Mutex(State())
    let number = FlightWaits.nextNumber()

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

extension Task {
    /// Lets the task run with this priority, if that is higher than its own and the platform can do that.
    func raise(to priority: TaskPriority) {
        if #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *) { escalatePriority(to: priority) }
    }
}
