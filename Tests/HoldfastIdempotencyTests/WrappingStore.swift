import HoldfastIdempotency

/// A store that a test puts before another, to count or to fail; whatever it does not say is the other's.
protocol WrappingStore: ClaimStore {
    var inner: MemoryStore { get }
}

extension WrappingStore {
    func secret() async throws -> StoreSecret { try await inner.secret() }
    func reap(atMost count: Int) async throws -> Int { try await inner.reap(atMost: count) }
    func summary(of id: RecordID) async throws -> ClaimSummary? { try await inner.summary(of: id) }
    func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
        try await inner.summaries(after: cursor, atMost: count)
    }
}
