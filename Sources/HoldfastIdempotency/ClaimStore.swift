public import Holdfast

/// Keeps records. A store that can apply a batch atomically is a whole store: group commit, waiting and replaying are
/// written once, above it.
public protocol ClaimStore: Sendable {
    /// Carries out commands in order, all of them or none. Returns when they are as durable as the store promises.
    ///
    /// - Returns: One reply for each command, in order.
    /// - Throws: When nothing was carried out, or when the store cannot tell.
    func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply]

    /// Carries out commands in order, and answers each for itself: for a store whose batches can fail in parts, because
    /// parts of them go to different servers, or one key is locked by somebody else. A caller who was granted a claim is
    /// not told of another's failure. Default: ``apply(_:)``, which fails for all or for none.
    ///
    /// - Returns: One result for each command, in order.
    func results(of batch: [ClaimCommand]) async -> [Result<ClaimReply, ClaimStoreError>]

    /// How many batches the store carries out at the same time: 1 to 64. Default: 1. The commands of one key always go
    /// the same way, one after the other.
    var lanes: Int { get }

    /// Where batches are best carried out: a store that blocks names the executor whose thread it blocks, so that no
    /// batch has to change threads for it. Default: nil, where all tasks run.
    var executor: (any TaskExecutor)? { get }

    /// The secret that this store's identities are hashed under: the same for all who share the store.
    func secret() async throws -> StoreSecret

    /// Whether records go by themselves when their retention is over, and ``reap(atMost:)`` has nothing to do. Default:
    /// no.
    var forgetsByItself: Bool { get }

    /// Forgets at most this many records whose retention is over, in a batch that does not block claims for long.
    ///
    /// - Returns: How many were forgotten.
    func reap(atMost count: Int) async throws -> Int

    /// What the store holds, counted cheaply: asked every ten seconds while keys come. What has expired and is not yet
    /// forgotten counts. Default: nil, it cannot tell, and then no bound on the whole store holds.
    func usage() async throws -> ClaimUsage?

    /// Waits for the end of what another process executes: until the store hears of it, or the pause is over. Whoever
    /// waits asks again afterwards, so a word that is lost costs time alone. By default nothing is heard, and this sleeps.
    func awaitEnd(of id: RecordID, within pause: Duration, on clock: any TimeSource) async throws

    /// What the store holds of one key, for operators; nil if nothing, or if it has expired.
    func summary(of id: RecordID) async throws -> ClaimSummary?

    /// What the store holds, for operators: some records at a time, in an order of the store's own. A record that is
    /// there from the first page to the last is shown once; one that comes or goes meanwhile may be missing.
    ///
    /// - Parameters:
    ///   - cursor: Where the page before has ended; nil for the first.
    ///   - count: About how many records are looked at, few enough that no claim waits for long.
    func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage

    /// The same for those that stand in one way, the oldest claim first. A store that has no index of states may do
    /// without: by default all records are looked at, page by page, in the order of ``summaries(after:atMost:)``.
    ///
    /// - Parameters:
    ///   - state: The one way.
    ///   - cursor: Where the page before, of the same state, has ended; nil for the first.
    ///   - count: The most that are returned.
    func summaries(
        standing state: ClaimSummary.State, after cursor: String?, atMost count: Int
    ) async throws -> ClaimPage
}

extension ClaimStore {
    public var lanes: Int { 1 }
    public var executor: (any TaskExecutor)? { nil }
    public var forgetsByItself: Bool { false }

    public func usage() async throws -> ClaimUsage? { nil }

    public func summaries(
        standing state: ClaimSummary.State, after cursor: String?, atMost count: Int
    ) async throws -> ClaimPage {
        let page = try await summaries(after: cursor, atMost: count)
        return ClaimPage(summaries: page.summaries.filter { $0.state == state }, next: page.next, now: page.now)
    }

    public func results(of batch: [ClaimCommand]) async -> [Result<ClaimReply, ClaimStoreError>] {
        do {
            return try await apply(batch).map { .success($0) }
        } catch {
            return batch.map { _ in .failure(ClaimStoreError(error)) }
        }
    }

    public func awaitEnd(of id: RecordID, within pause: Duration, on clock: any TimeSource) async throws {
        try await clock.sleep(for: pause)
    }
}

/// A store that never waits: it is asked directly, without a batch to be gathered.
public protocol ImmediateClaimStore: ClaimStore {
    /// ``ClaimStore/apply(_:)`` for one command, at once.
    func applyNow(_ command: ClaimCommand) throws(ClaimStoreError) -> ClaimReply

    /// ``ClaimStore/usage()``, at once. Default: nil. Such a store has its bound itself, since it can keep it exactly.
    var usageNow: ClaimUsage? { get }
}

extension ImmediateClaimStore {
    public var usageNow: ClaimUsage? { nil }

    public func usage() async throws -> ClaimUsage? { usageNow }
}

/// Why a store could not answer.
public struct ClaimStoreError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// More commands wait than the bound allows.
        case overloaded
        /// The store failed. Another try may succeed.
        case failed
        /// The store holds as many keys, or as many bytes, as it may. Nothing was executed, and known keys are answered.
        case full
        /// The record has moved on: the claim is another's by now, or somebody has resolved it.
        case lost
        /// The store cannot be opened, or is not what it should be.
        case unusable
        /// What was asked makes no sense.
        case invalid
    }

    public let code: Code
    public let description: String
    /// Whether the command was sent and its answer is lost, so that it may have been carried out, or may yet be.
    package let isAnswerLost: Bool

    public init(_ code: Code, _ description: String) {
        self.init(code, description, isAnswerLost: false)
    }

    package init(_ code: Code, _ description: String, isAnswerLost: Bool) {
        self.code = code
        self.description = description
        self.isAnswerLost = isAnswerLost
    }

    /// What a store has thrown, whatever it is.
    package init(_ error: any Error) {
        self = error as? ClaimStoreError ?? ClaimStoreError(.failed, "\(error)")
    }
}
