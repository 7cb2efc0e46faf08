/// Runs the body within a limit, and cancels it when the time is over. Four steps, each only if the one before it did not
/// settle the matter:
///
/// 1. If this very task is one that an earlier limit on the same clock cancels, the body simply runs: that one does.
/// 2. If the time is over, the body does not run.
/// 3. The body runs at once, on this thread and on the caller's actor, as a child task: only a task can be cancelled
///    without its parent. If it ends without waiting for anything, no timer was ever set.
/// 4. Otherwise a timer runs beside it, and whichever ends first cancels the other. The body is always waited for.
///
/// The body is `Sendable` because it runs in a task that is not the caller's: what belongs to the caller's task (the
/// group that it adds tasks to, its `async let`, a variable that it changes) must not be touched there, and the compiler
/// says so.
nonisolated(nonsending) package func within<R: Sendable>(
    _ limit: TimeLimit, tolerance: Duration? = nil,
    _ body: nonisolated(nonsending) @escaping @Sendable () async throws -> R
) async throws -> R {
    guard let limits = Limits(limit, below: Lineage.current) else { return try await body() }
    if let passed = limits.passed { throw TimeoutError.now(passed) }
    return try await race(isolation: #isolation, limits, tolerance, body)
}

/// Runs the body within those limits above that nobody else enforces (see ``withCooperativeDeadline(_:clock:_:)``);
/// if there are none, just runs it.
nonisolated(nonsending) package func withinLineage<R: Sendable>(
    _ body: nonisolated(nonsending) @escaping @Sendable () async throws -> R
) async throws -> R {
    let lineage = Lineage.current
    for case .limit(let limit, .cooperative) in lineage.facts {
        guard let limits = Limits(limit, below: lineage) else { break }
        if let passed = limits.passed { throw TimeoutError.now(passed) }
        return try await race(isolation: #isolation, limits, nil, body)
    }
    return try await body()
}

/// The limits that a body has to be kept within here: the earliest on each clock.
private struct Limits: Sendable {
    private(set) var first: TimeLimit
    /// On other clocks.
    private(set) var others: [TimeLimit] = []

    /// - Returns: nil when the task that asks is cancelled in time already.
    init?(_ limit: TimeLimit, below lineage: Lineage) {
        first = limit
        var trusted: TimeLimit?
        for case .limit(let outer, let enforcement) in lineage.facts {
            switch enforcement {
            case .cooperative:
                add(outer)
            case .cancelling(let task):
                // The outer limits of one task cancel it as well, so the innermost that is early enough will do.
                guard trusted == nil, outer.isOnClock(of: limit), task == LineageFrame.currentTask else { continue }
                trusted = outer
            }
        }
        if let trusted, others.isEmpty, trusted.instant <= first.instant { return nil }
    }

    private mutating func add(_ limit: TimeLimit) {
        if limit.isOnClock(of: first) {
            if limit.instant < first.instant { first = limit }
        } else if let place = others.firstIndex(where: { $0.isOnClock(of: limit) }) {
            if limit.instant < others[place].instant { others[place] = limit }
        } else {
            others.append(limit)
        }
    }

    var passed: TimeLimit? { first.hasPassed ? first : others.first { $0.hasPassed } }
}

private func race<R: Sendable>(
    isolation: isolated (any Actor)?, _ limits: Limits, _ tolerance: Duration?,
    _ body: nonisolated(nonsending) @escaping @Sendable () async throws -> R
) async throws -> R {
    try await withThrowingTaskGroup(of: Outcome<R>.self) { group in
        let isDone = Flag()
        group.startNow {
            // Going to an actor, or to none, costs a hop even if one is there already.
            guard let isolation else { return await outcome(of: body, within: limits, isDone) }
            return await outcome(on: isolation, of: body, within: limits, isDone)
        }
        if !isDone.isSet {
            for limit in [limits.first] + limits.others {
                group.addTask {
                    do {
                        try await limit.clock.sleep(until: limit.instant, tolerance: tolerance, as: .limit)
                        return .timeIsUp(limit)
                    } catch {
                        return .timerEnded
                    }
                }
            }
        }
        var met: TimeLimit?
        while let outcome = try await group.next() {
            switch outcome {
            case .timeIsUp(let limit):
                // Who was cancelled before the limit was cancelled, and did not meet it.
                if met == nil, !Task.isCancelled { met = limit }
                group.cancelAll()
            case .timerEnded:
                break
            case .returned(let value):
                group.cancelAll()
                return value
            case .threw(let error, let passed):
                group.cancelAll()
                // A body that waited for nothing was met by no timer.
                if met == nil, !Task.isCancelled { met = passed }
                // Whatever a cancelled body throws, after its time: each client has its own words for that.
                if let met, !ErrorMeaning.isMadeHere(error) { throw TimeoutError.now(met, underlyingError: error) }
                throw error
            }
        }
        throw CancellationError()
    }
}

/// Runs the body on the caller's actor.
private func outcome<R: Sendable>(
    on actor: isolated any Actor, of body: nonisolated(nonsending) @Sendable () async throws -> R,
    within limits: Limits, _ isDone: Flag
) async -> Outcome<R> {
    await outcome(of: body, within: limits, isDone)
}

nonisolated(nonsending) private func outcome<R: Sendable>(
    of body: nonisolated(nonsending) @Sendable () async throws -> R, within limits: Limits, _ isDone: Flag
) async -> Outcome<R> {
    defer { isDone.set() }
    do {
        let fact = LineageFrame.Fact.limit(limits.first, .cancelling(task: LineageFrame.currentTask))
        return .returned(try await LineageFrame.run(fact, body))
    } catch {
        return .threw(error, after: limits.passed)
    }
}

private enum Outcome<R: Sendable>: Sendable {
    case returned(R)
    /// And the limit that had passed by then.
    case threw(any Error, after: TimeLimit?)
    case timeIsUp(TimeLimit)
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
