/// Facts about the call in progress that layers below must know: how much time is left, and that a layer above retries
/// already. Task-local: it reaches everything that the call awaits.
///
/// Swift copies task-local values into a `Task {}`, and does not hand cancellation down to it. So what is known from here
/// binds no longer than it is true: a fact ends with the part of the call that set it, and a task that goes on after
/// that no longer sees it. While that part lasts, a `Task {}` started in it counts as part of it. A limit is never
/// trusted because it is known: whoever sets one enforces it, with a timer of its own, unless this very task is the one
/// that an earlier limit on the same clock cancels.
///
/// What has nothing to do with the call in progress leaves it with ``withoutLineage(_:)``: a token that is refreshed, a
/// connection that others will use.
public struct Lineage: Sendable {
    @TaskLocal static var innermost: LineageFrame?

    let frame: LineageFrame?

    /// Of the task that asks.
    public static var current: Lineage { Lineage(frame: innermost?.lasting) }

    /// The limit that ends first, of those that bound what is under way; nil if there is none. Limits on different
    /// clocks are compared by what is left of them.
    public var limit: TimeLimit? {
        var earliest: TimeLimit?
        for case .limit(let limit, _) in facts {
            if let found = earliest, !limit.ends(before: found) { continue }
            earliest = limit
        }
        return earliest
    }

    /// The attempt in progress of the nearest retry above, from 1.
    public var attempt: Int {
        for case .attempt(let number, _) in facts { return number }
        return 1
    }

    /// How many retries above are making an operation *again*. A retry below them makes one attempt and leaves the
    /// rest to them, so that layers do not multiply.
    public var retriesAbove: Int {
        var count = 0
        for case .attempt in facts { count += 1 }
        return count
    }

    /// The budget that the nearest retry above draws on.
    public var budget: RetryBudget? {
        for case .attempt(_, let budget) in facts { return budget }
        return nil
    }

    /// How much time is left; nil if there is no limit.
    public var remaining: Duration? { limit?.remaining }

    /// Whether the time is over.
    public var hasExpired: Bool {
        for case .limit(let limit, _) in facts where limit.hasPassed { return true }
        return false
    }

    /// What is true of the call, the innermost first.
    var facts: Facts { Facts(frame: frame) }

    struct Facts: Sequence, IteratorProtocol {
        var frame: LineageFrame?

        mutating func next() -> LineageFrame.Fact? {
            guard let now = frame else { return nil }
            frame = now.outer?.lasting
            return now.fact
        }
    }
}

/// Runs the body as part of no call: no limit, no retry above and no budget of the caller's binds it.
///
/// For what serves others than the call in progress, above all in a task that outlives it:
///
/// ```swift
/// Task { try await withoutLineage { try await tokens.refresh() } }
/// ```
///
/// It changes what is *known*. A limit that cancels this very task still does.
///
/// - Throws: What the body throws.
nonisolated(nonsending) public func withoutLineage<R, Failure: Error>(
    _ body: nonisolated(nonsending) () async throws(Failure) -> R
) async throws(Failure) -> R {
    let result: Result<R, Failure> = await Lineage.$innermost.withValue(nil) {
        do throws(Failure) {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
    return try result.get()
}
