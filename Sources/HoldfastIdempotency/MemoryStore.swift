public import Holdfast
import Synchronization

/// Keeps records in this process's memory: they are gone when it ends. For tests, and for services whose effects are
/// as short-lived as the process.
public final class MemoryStore: ClaimStore {
    /// The most records that are kept. Beyond it, claims fail; nothing is forgotten before its retention is over.
    public let bound: Int

    private let clock: any TimeSource
    private let origin: MonotonicInstant
    private let hashingSecret = StoreSecret.random()
    private let state = Mutex(State())

    private struct State {
        var records: [RecordID: ClaimRecord] = [:]
        var fence: Int64 = 0
    }

    /// - Parameters:
    ///   - bound: The most records that are kept. Default: 1,000,000, which is about 300 MB with small payloads.
    ///   - clock: The store's clock.
    public init(bound: Int = 1_000_000, clock: any TimeSource = MonotonicClock()) {
        self.bound = bound
        self.clock = clock
        origin = clock.now
    }

    public func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
        let now = self.now
        return try state.withLock { state in
            // Asked first and for the whole batch, so that what follows cannot fail half-way.
            let claims = batch.count { if case .claim = $0.action { true } else { false } }
            guard claims == 0 || state.records.count + claims <= bound else {
                throw ClaimStoreError(.overloaded, "the memory store's bound is \(bound) records")
            }
            return batch.map { command in
                let decision = ClaimMachine.apply(
                    command.action, to: state.records[command.id], at: now, nextFence: state.fence + 1)
                if case .claimed(let fence) = decision.reply { state.fence = fence }
                switch decision.write {
                case .nothing: break
                case .put(let record): state.records[command.id] = record
                case .delete: state.records[command.id] = nil
                }
                return decision.reply
            }
        }
    }

    public func secret() async throws -> StoreSecret { hashingSecret }

    public func reap(atMost count: Int) async throws -> Int {
        let now = self.now
        return state.withLock { state in
            let expired = state.records.lazy.filter { $0.value.expires <= now }.prefix(count).map(\.key)
            let identifiers = Array(expired)
            for identifier in identifiers { state.records[identifier] = nil }
            return identifiers.count
        }
    }

    private var now: StoreInstant {
        StoreInstant(milliseconds: 0).advanced(by: origin.duration(to: clock.now))
    }
}
