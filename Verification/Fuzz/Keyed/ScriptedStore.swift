#if Gateway && (FUZZ || DEBUG)
import HoldfastIdempotency

/// A store in memory that does what it is told to: it answers, fails, loses its answer, or takes its time.
class ScriptedStore: ClaimStore, @unchecked Sendable {
    enum Behaviour: Int, CaseIterable {
        case answers, fails, losesAnswer, isOverloaded, waits
    }

    // Everything here happens on one thread.
    private let memory: MemoryStore
    private let ledger: KeyedLedger
    private var script: [Behaviour] = []
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ memory: MemoryStore, _ ledger: KeyedLedger) {
        self.memory = memory
        self.ledger = ledger
    }

    /// What it does next, before it answers again.
    func behave(_ behaviours: [Behaviour]) {
        script = behaviours
        if behaviours.isEmpty { goOn() }
    }

    /// Lets those go on who wait.
    func goOn() {
        let continuations = waiting
        waiting = []
        for continuation in continuations { continuation.resume() }
    }

    fileprivate func next() -> Behaviour {
        let next = script.isEmpty ? .answers : script.removeFirst()
        if next != .answers { ledger.hasStoreFailed = true }
        return next
    }

    fileprivate func carryOut(_ command: ClaimCommand) throws(ClaimStoreError) -> ClaimReply {
        let reply = try memory.applyNow(command)
        ledger.stored(command, reply)
        return reply
    }

    func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
        let behaviour = next()
        switch behaviour {
        case .answers, .losesAnswer: break
        case .fails: throw ClaimStoreError(.failed, "it was told to fail")
        case .isOverloaded: throw ClaimStoreError(.overloaded, "it was told to have no room")
        case .waits: await withCheckedContinuation { waiting.append($0) }
        }
        let replies = try batch.map { try carryOut($0) }
        if behaviour == .losesAnswer { throw ClaimStoreError(.failed, "it was told to lose its answer") }
        return replies
    }

    func secret() async throws -> StoreSecret { try await memory.secret() }
    func reap(atMost count: Int) async throws -> Int { try await memory.reap(atMost: count) }

    func summary(of id: RecordID) async throws -> ClaimSummary? {
        if next() == .fails { throw ClaimStoreError(.failed, "it was told to fail") }
        return try await memory.summary(of: id)
    }

    func summaries(after cursor: String?, atMost count: Int) async throws -> ClaimPage {
        try await memory.summaries(after: cursor, atMost: count)
    }

    /// All records, as they are.
    func all() async throws -> [ClaimSummary] { try await memory.summaries(after: nil, atMost: .max).summaries }
}

/// The same, asked directly.
final class ScriptedImmediateStore: ScriptedStore, ImmediateClaimStore, @unchecked Sendable {
    func applyNow(_ command: ClaimCommand) throws(ClaimStoreError) -> ClaimReply {
        switch next() {
        case .fails: throw ClaimStoreError(.failed, "it was told to fail")
        case .isOverloaded: throw ClaimStoreError(.overloaded, "it was told to have no room")
        case .answers, .losesAnswer, .waits: return try carryOut(command)
        }
    }
}
#endif
