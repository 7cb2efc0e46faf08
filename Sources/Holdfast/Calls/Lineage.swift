/// Facts about the call in progress that layers below must know: how much time is left, and that a layer above retries
/// already. Task-local: it reaches everything that the call awaits.
public struct Lineage: Sendable {
    @TaskLocal static var task: Lineage?

    /// The earliest limit that bounds what is under way; nil if there is none.
    public internal(set) var limit: TimeLimit?
    /// The attempt in progress of the nearest retry above, from 1.
    public internal(set) var attempt = 1
    /// How many retries above are making an operation *again*. A retry below them makes one attempt and leaves the
    /// rest to them, so that layers do not multiply.
    public internal(set) var retriesAbove = 0
    /// The budget that the nearest retry above draws on.
    public internal(set) var budget: RetryBudget?

    /// Of the task that asks.
    public static var current: Lineage { task ?? Lineage() }

    /// Runs what serves several callers, so that no one caller's facts bind it.
    nonisolated(nonsending) package static func withoutCaller<R>(
        _ body: nonisolated(nonsending) () async -> R
    ) async -> R {
        await $task.withValue(nil) { await body() }
    }

    /// How much time is left; nil if there is no limit.
    public var remaining: Duration? { limit?.remaining }

    /// Whether the time is over.
    public var hasExpired: Bool { limit.map { $0.clock.now >= $0.instant } ?? false }
}
