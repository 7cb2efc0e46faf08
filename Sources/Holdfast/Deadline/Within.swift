/// Runs the body within a limit. Four steps, each only if the one before it did not settle the matter:
///
/// 1. If an earlier limit is in force already, the body simply runs: that one cancels it.
/// 2. If the time is over, the body does not run.
/// 3. The body runs at once, on this thread and on the caller's actor, as a child task: only a task can be cancelled
///    without its parent. If it ends without waiting for anything, no timer was ever set.
/// 4. Otherwise a timer runs beside it, and whichever ends first cancels the other. The body is always waited for.
nonisolated(nonsending) func within<R>(
    _ limit: TimeLimit, tolerance: Duration? = nil, _ body: nonisolated(nonsending) () async throws -> R
) async throws -> R {
    let outer = Lineage.current
    if let earlier = outer.limit, earlier.instant <= limit.instant { return try await body() }
    guard limit.clock.now < limit.instant else { throw TimeoutError(limit: limit) }
    var lineage = outer
    lineage.limit = limit
    return try await Lineage.$task.withValue(lineage) {
        try await race(isolation: #isolation, limit, tolerance, body).value
    }
}

private func race<R>(
    isolation: isolated (any Actor)?, _ limit: TimeLimit, _ tolerance: Duration?, _ body: () async throws -> R
) async throws -> Sent<R> {
    try await withoutActuallyEscaping(body) { body in
        // Makes this closure the caller's actor's, which is what lets it hand the body on.
        _ = isolation
        return try await race(isolation: isolation, limit, tolerance, SentBody(call: body))
    }
}

private func race<R>(
    isolation: isolated (any Actor)?, _ limit: TimeLimit, _ tolerance: Duration?, _ body: SentBody<R>
) async throws -> Sent<R> {
    try await withThrowingTaskGroup(of: Outcome<R>.self) { group in
        let isDone = Flag()
        group.startNow {
            // Going to an actor, or to none, costs a hop even if one is there already.
            guard let isolation else { return await outcome(of: body, isDone) }
            return await outcome(on: isolation, of: body, isDone)
        }
        if !isDone.isSet {
            group.addTask {
                do {
                    try await limit.clock.sleep(until: limit.instant, tolerance: tolerance, as: .limit)
                    return .timeIsUp
                } catch {
                    return .timerEnded
                }
            }
        }
        var isUp = false
        while let outcome = try await group.next() {
            switch outcome {
            case .timeIsUp:
                isUp = true
                group.cancelAll()
            case .timerEnded:
                break
            case .returned(let value):
                group.cancelAll()
                return value
            case .threw(let error):
                group.cancelAll()
                // Only a cancellation is the limit's doing. What else the body threw is what really happened.
                if isUp, error is CancellationError { throw TimeoutError(limit: limit) }
                throw error
            }
        }
        throw CancellationError()
    }
}

/// Runs the body on the caller's actor.
private func outcome<R>(on actor: isolated any Actor, of body: SentBody<R>, _ isDone: Flag) async -> Outcome<R> {
    await outcome(of: body, isDone)
}

nonisolated(nonsending) private func outcome<R>(of body: SentBody<R>, _ isDone: Flag) async -> Outcome<R> {
    defer { isDone.set() }
    do {
        return .returned(Sent(value: try await body.call()))
    } catch {
        return .threw(error)
    }
}

private enum Outcome<R>: Sendable {
    case returned(Sent<R>)
    case threw(any Error)
    case timeIsUp
    case timerEnded
}

extension ThrowingTaskGroup {
    /// Adds a child that runs on this thread until it waits for something, where the platform can do that.
    fileprivate mutating func startNow(_ body: sending @escaping @isolated(any) () async throws -> ChildTaskResult) {
        if #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *) {
            addImmediateTask(operation: body)
        } else {
            addTask(operation: body)
        }
    }
}
