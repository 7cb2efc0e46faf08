/// What stands for a store that the package was built without: its name is there, so that the compiler says which trait
/// brings it, and nothing can be made of it. It keeps nothing, and answers nothing.
@_documentation(visibility: internal)
public protocol AbsentClaimStore: ClaimStore {}

extension AbsentClaimStore {
    private var absence: ClaimStoreError { ClaimStoreError(.unusable, "the store's trait is not enabled") }

    public func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] { throw absence }
    public func secret() async throws -> StoreSecret { throw absence }
    public func reap(atMost count: Int) async throws -> Int { throw absence }
    public func summary(of id: RecordID) async throws -> ClaimSummary? { throw absence }
    public func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage { throw absence }
}
