import HoldfastIdempotency
import Synchronization

/// A store as it is, that counts what is reaped and says when there is no more.
final class Reaped: ClaimStore {
    let count = Atomic<Int>(0)
    let isDone: AsyncStream<Void>
    private let done: AsyncStream<Void>.Continuation
    private let store: any ClaimStore

    init(of store: any ClaimStore) {
        self.store = store
        (isDone, done) = AsyncStream.makeStream()
    }

    func reap(atMost bound: Int) async throws -> Int {
        let reaped = try await store.reap(atMost: bound)
        count.add(reaped, ordering: .relaxed)
        if reaped < bound { done.finish() }
        return reaped
    }

    func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] { try await store.apply(batch) }
    func secret() async throws -> StoreSecret { try await store.secret() }
    func summary(of id: RecordID) async throws -> ClaimSummary? { try await store.summary(of: id) }
    func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
        try await store.summaries(after: cursor, atMost: count)
    }
}
