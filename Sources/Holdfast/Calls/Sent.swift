import Synchronization

/// A result that a child task hands to the parent that waits for it. One of them has it at a time, so it need not be
/// `Sendable`.
struct Sent<R>: @unchecked Sendable {
    let value: R
}

/// A body that a child task runs on the actor of the parent, which waits for it: never at the same time as anything
/// else of the parent's.
struct SentBody<R>: @unchecked Sendable {
    let call: () async throws -> R
}

/// Set once, by one task; read by another.
final class Flag: Sendable {
    private let value = Atomic(false)

    var isSet: Bool { value.load(ordering: .acquiring) }
    func set() { value.store(true, ordering: .releasing) }
}
