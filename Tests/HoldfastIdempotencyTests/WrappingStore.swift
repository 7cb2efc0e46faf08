import Holdfast
import HoldfastIdempotency
import Synchronization

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

/// A store that fails as often as a test says, before or after it has carried out what was asked, and that can be held.
final class FaultyStore: WrappingStore {
    let inner: MemoryStore
    private let state: Mutex<State>

    private struct State {
        var failures: [@Sendable (ClaimCommand) -> Failure?] = []
        var isHeld = false
        var held: [CheckedContinuation<Void, Never>] = []
        var commands: [ClaimCommand] = []
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    enum Failure {
        case before
        /// Carried out, and the word of it is lost.
        case after
    }

    init(clock: any TimeSource) {
        inner = MemoryStore(clock: clock)
        state = Mutex(State())
    }

    /// The commands that came, in order.
    var commands: [ClaimCommand] { state.withLock { $0.commands } }

    /// Lets the next commands fail of which this says so, so often.
    func fail(_ times: Int = 1, _ failure: Failure = .before, where matches: @escaping @Sendable (ClaimCommand) -> Bool)
    {
        state.withLock { state in
            for _ in 0..<times { state.failures.append { matches($0) ? failure : nil } }
        }
    }

    /// Holds what comes from now on.
    func hold() { state.withLock { $0.isHeld = true } }

    /// Returns when a batch is held.
    func holds() async {
        await withCheckedContinuation { continuation in
            let isHolding = state.withLock { state in
                if state.held.isEmpty { state.watchers.append(continuation) }
                return !state.held.isEmpty
            }
            if isHolding { continuation.resume() }
        }
    }

    func letGo() {
        let held = state.withLock { state in
            defer { state.held = [] }
            state.isHeld = false
            return state.held
        }
        for continuation in held { continuation.resume() }
    }

    func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
        await withCheckedContinuation { continuation in
            let (isHeld, watchers) = state.withLock { state in
                state.commands += batch
                if state.isHeld { state.held.append(continuation) }
                defer { if state.isHeld { state.watchers = [] } }
                return (state.isHeld, state.isHeld ? state.watchers : [])
            }
            for watcher in watchers { watcher.resume() }
            if !isHeld { continuation.resume() }
        }
        let failure = state.withLock { state -> Failure? in
            for command in batch {
                guard let place = state.failures.firstIndex(where: { $0(command) != nil }) else { continue }
                return state.failures.remove(at: place)(command)
            }
            return nil
        }
        if failure == .before { throw ClaimStoreError(.failed, "the store is away") }
        let replies = try await inner.apply(batch)
        if failure == .after { throw ClaimStoreError(.failed, "the connection broke", isAnswerLost: true) }
        return replies
    }
}

extension ClaimCommand {
    var isClaim: Bool { if case .claim = action { true } else { false } }
    var isCompletion: Bool { if case .complete = action { true } else { false } }
    var isRelease: Bool { if case .release = action { true } else { false } }
}
