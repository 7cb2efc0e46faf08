public import Holdfast

/// For whoever is called at three in the morning.
extension IdempotencyEngine {
    /// Who decided, and why: both are written into the record's history.
    public struct Decision: Sendable, Hashable {
        public let by: String
        public let why: String

        /// - Parameters:
        ///   - by: A name, 1 to 64 bytes.
        ///   - why: A reason, 1 to 256 bytes.
        /// - Throws: `ConfigurationError` for a length out of its range.
        public init(by: String, why: String) throws(ConfigurationError) {
            try require("the name's length in bytes", by.utf8.count, in: 1...ClaimHistory.nameBound)
            try require("the reason's length in bytes", why.utf8.count, in: 1...ClaimHistory.reasonBound)
            self.by = by
            self.why = why
        }
    }

    /// Lists records, a page at a time.
    ///
    /// - Parameters:
    ///   - state: Only those that stand so, the oldest claim first, where the store has an index of states. Default: all,
    ///     in an order of the store's own.
    ///   - cursor: The `next` of the page before.
    ///   - count: About how many records are looked at: 1 to 1,000. Default: 1,000, so that no claim waits for long.
    /// - Returns: Those of them that stand so: maybe none, while there are more. Go on until `next` is nil.
    public func list(
        _ state: ClaimSummary.State? = nil, after cursor: String? = nil, lookingAt count: Int = 1_000
    ) async throws -> ClaimPage {
        try require("how many records are looked at", count, in: 1...1_000)
        guard let state else { return try await store.summaries(after: cursor, atMost: count) }
        return try await store.summaries(standing: state, after: cursor, atMost: count)
    }

    /// Forgets records whose retention is over, until it is cancelled: a few at a time, and for at most a quarter of the
    /// time, so that claims go on. Run it once for each store, beside the service:
    ///
    /// ```swift
    /// try await withThrowingTaskGroup(of: Void.self) { group in
    ///     group.addTask { await engine.keepReaping() }
    ///     try await serve()
    ///     group.cancelAll()
    /// }
    /// ```
    ///
    /// Without it a store on disk grows for ever. A ``MemoryStore`` forgets as new keys come, and keeps within its bound;
    /// with it, it forgets in quiet hours too. A store that ``ClaimStore/forgetsByItself`` has nothing to forget, and this
    /// returns at once.
    ///
    /// - Parameters:
    ///   - pause: How long it rests when there is nothing to forget. Default: 30 s.
    ///   - failed: Told of what went wrong. It goes on after the pause.
    public func keepReaping(
        every pause: Duration = .seconds(30), failed: @Sendable (any Error) -> Void = { _ in }
    ) async {
        var pace = ReapingPace()
        while !store.forgetsByItself, !Task.isCancelled {
            let start = clock.now
            var rest = pause
            do {
                let count = pace.count
                let reaped = try await store.reap(atMost: count)
                let taken = start.duration(to: clock.now)
                pace.adapt(to: taken)
                if reaped == count { rest = taken * 3 }
            } catch {
                tellIfGrave(ClaimStoreError(error))
                failed(error)
            }
            try? await clock.sleep(for: rest)
        }
    }

    /// Asks the store every ten seconds what it holds, until it is cancelled: so ``usage()`` is right also while no key
    /// comes, and where others share the store. Run it beside the service, if somebody is to be told of unknown keys.
    ///
    /// - Parameter counted: Given what the store holds, each time. Default: nothing.
    public func keepCounting(_ counted: (ClaimUsage) async -> Void = { _ in }) async {
        while !Task.isCancelled {
            await learnUsage()
            if let usage = usage() { await counted(usage) }
            try? await clock.sleep(for: StoreRoom.age)
        }
    }

    /// A key's record and its whole history; nil if there is none.
    public func explain(_ id: RecordID) async throws -> ClaimSummary? {
        try await store.summary(of: id)
    }

    /// What was said of the cause of a record that is in flight or unknown; nil if nothing was.
    ///
    /// - Throws: ``ClaimStoreError`` if it does not open: it was sealed with a key that is missing, or was changed.
    public func context(of summary: ClaimSummary) throws(ClaimStoreError) -> [UInt8]? {
        if summary.context.isEmpty { return nil }
        guard let seal else { return summary.context }
        return try seal.open(summary.context, as: .context, of: summary.id)
    }

    /// Says how what is unknown ended.
    ///
    /// - Parameters:
    ///   - id: The record.
    ///   - fence: The unknown record's. If it has moved on meanwhile, nothing is changed.
    ///   - resolution: How it ended.
    ///   - decision: Who decided, and why.
    /// - Throws: ``ClaimStoreError``, with the code `lost` if the record is not unknown any more.
    public func resolve(
        _ id: RecordID, fence: Int64, as resolution: ClaimCommand.Resolution, _ decision: Decision
    ) async throws(ClaimStoreError) {
        try await resolve(id, fence: fence, as: resolution, by: decision.by, why: decision.why)
    }

    /// Forgets a record, and all that it says. Then the key may be executed again, as if it had never been seen.
    ///
    /// - Parameters:
    ///   - id: The record.
    ///   - fence: The record's. If it has moved on meanwhile, nothing is changed.
    ///   - decision: Who decided, and why.
    /// - Throws: ``ClaimStoreError``, with the code `lost` if the record is in flight, or is another by now.
    public func purge(_ id: RecordID, fence: Int64, _ decision: Decision) async throws(ClaimStoreError) {
        try await write(id, .purge(fence: fence))
        forgetReplay(of: id)
        tell(.purged(id, fence: fence, by: decision.by, why: decision.why))
    }
}
