#if Gateway
import Holdfast
import HoldfastIdempotency
import Synchronization

/// A store that, when a test says so, does not answer some commands until it is let go.
final class HeldStore: ClaimStore {
    private let inner = MemoryStore()
    private let state = Mutex(State())

    private struct State {
        var isHeld: @Sendable (ClaimCommand) -> Bool = { _ in false }
        var held: [CheckedContinuation<Void, Never>] = []
        var claimed: RecordID?
    }

    /// So many that one which is held does not hold up another.
    let lanes = 64

    /// The key that was asked for first.
    var firstClaimed: RecordID? { state.withLock { $0.claimed } }

    func hold(_ isHeld: @escaping @Sendable (ClaimCommand) -> Bool) { state.withLock { $0.isHeld = isHeld } }

    func letGo() {
        let held = state.withLock { state in
            defer { state.held = [] }
            state.isHeld = { _ in false }
            return state.held
        }
        for continuation in held { continuation.resume() }
    }

    func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
        await withCheckedContinuation { continuation in
            let isHeld = state.withLock { state in
                state.claimed = state.claimed ?? batch.first?.id
                guard batch.contains(where: state.isHeld) else { return false }
                state.held.append(continuation)
                return true
            }
            if !isHeld { continuation.resume() }
        }
        return try await inner.apply(batch)
    }

    func secret() async throws -> StoreSecret { try await inner.secret() }
    func reap(atMost count: Int) async throws -> Int { try await inner.reap(atMost: count) }
    func summary(of id: RecordID) async throws -> ClaimSummary? { try await inner.summary(of: id) }
    func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
        try await inner.summaries(after: cursor, atMost: count)
    }
}

extension ClaimCommand {
    var isClaim: Bool { if case .claim = action { true } else { false } }
}
#endif
