public import Holdfast
import Synchronization

/// One effect per key: lets one caller execute, and answers all others from what it left.
///
/// Calls take a completion rather than suspend, so that an event loop drives the engine as well as a task does. The
/// decisions are ``ClaimMachine``'s; the engine adds what only one process can know: who else here waits for the same
/// key, so that duplicates share an outcome without asking the store.
public final class IdempotencyEngine: Sendable {
    /// What a caller is to do.
    public enum Start: ~Copyable, Sendable {
        /// Execute, and hand in the outcome.
        case execute(Claim)
        /// Answer from this outcome; the payload is nil where it was too large to keep.
        case replay(payload: [UInt8]?)
        /// It executes at this moment, elsewhere or with too many waiting.
        case conflict
        /// The key was used for a request that said something else.
        case mismatched
        /// It began and nobody knows how it ended.
        case unknown
        /// The store did not answer. Nothing was executed.
        case unavailable(ClaimStoreError)
    }

    public typealias Decided = @Sendable (consuming Start) -> Void

    /// How much is going on.
    public struct Snapshot: Sendable, Hashable {
        /// The keys in flight in this process.
        public let inFlight: Int
        /// The duplicates that wait for one of them.
        public let waiting: Int
    }

    public let configuration: IdempotencyConfiguration
    private let commit: GroupCommit
    private let entries = Mutex<[RecordID: Entry]>([:])

    private struct Entry {
        let fingerprint: Fingerprint
        var waiters: [Decided] = []
    }

    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        store: any ClaimStore, configuration: IdempotencyConfiguration = IdempotencyConfiguration()
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
        commit = GroupCommit(store: store)
    }

    /// Asks what to do about a key.
    ///
    /// - Parameter decided: Called exactly once, on any thread. A duplicate of what is in flight here is called when
    ///   that has ended.
    public func begin(_ id: RecordID, fingerprint: Fingerprint, decided: @escaping Decided) {
        enum Arrival { case claim, wait, mismatch, conflict, overload }
        let arrival = entries.withLock { entries -> Arrival in
            guard var entry = entries[id] else {
                guard entries.count < configuration.keysInFlight else { return .overload }
                entries[id] = Entry(fingerprint: fingerprint)
                return .claim
            }
            guard entry.fingerprint == fingerprint else { return .mismatch }
            guard entry.waiters.count < configuration.waitersPerKey else { return .conflict }
            entry.waiters.append(decided)
            entries[id] = entry
            return .wait
        }
        switch arrival {
        case .wait: break
        case .mismatch: decided(.mismatched)
        case .conflict: decided(.conflict)
        case .overload: decided(.unavailable(ClaimStoreError(.overloaded, "too many keys are in flight")))
        case .claim: claim(id, fingerprint: fingerprint, decided: decided)
        }
    }

    public func snapshot() -> Snapshot {
        entries.withLock { entries in
            Snapshot(inFlight: entries.count, waiting: entries.values.reduce(0) { $0 + $1.waiters.count })
        }
    }

    private func claim(_ id: RecordID, fingerprint: Fingerprint, decided: @escaping Decided) {
        let action = ClaimCommand.Action.claim(
            fingerprint: fingerprint, lease: configuration.lease, retention: configuration.retention)
        commit.submit(ClaimCommand(id: id, action: action)) { result in
            if case .success(.claimed(let fence)) = result {
                decided(.execute(Claim(id: id, fence: fence, engine: self)))
                return
            }
            for waiter in [decided] + self.remove(id) { waiter(Self.start(after: result)) }
        }
    }

    private static func start(after result: Result<ClaimReply, ClaimStoreError>) -> Start {
        switch result {
        case .success(.inFlight): .conflict
        case .success(.completed(let payload)): .replay(payload: payload)
        case .success(.unknown): .unknown
        case .success(.mismatched): .mismatched
        case .success(let reply): .unavailable(ClaimStoreError(.failed, "the store answered a claim with \(reply)"))
        case .failure(let error): .unavailable(error)
        }
    }

    func complete(_ id: RecordID, fence: Int64, payload: [UInt8]?, completion: @escaping Claim.Completion) {
        write(id, .complete(fence: fence, payload: payload, retention: configuration.retention)) { error in
            // What could not be recorded is not shared either: a repeat could not be given the same answer.
            for waiter in self.remove(id) { waiter(error == nil ? .replay(payload: payload) : .unknown) }
            completion(error)
        }
    }

    func release(_ id: RecordID, fence: Int64, completion: @escaping Claim.Completion) {
        write(id, .release(fence: fence)) { error in
            let (fingerprint, waiters) = self.entries.withLock { entries in
                let entry = entries.removeValue(forKey: id)
                return (entry?.fingerprint, entry?.waiters ?? [])
            }
            for waiter in waiters {
                if error == nil, let fingerprint {
                    self.begin(id, fingerprint: fingerprint, decided: waiter)
                } else {
                    waiter(.unknown)
                }
            }
            completion(error)
        }
    }

    func abandon(_ id: RecordID, fence: Int64, completion: @escaping Claim.Completion) {
        // If this write fails, the record stays in flight until its lease ends, and is unknown then.
        write(id, .abandon(fence: fence)) { error in
            for waiter in self.remove(id) { waiter(.unknown) }
            completion(error)
        }
    }

    private func write(_ id: RecordID, _ action: ClaimCommand.Action, completion: @escaping Claim.Completion) {
        commit.submit(ClaimCommand(id: id, action: action)) { result in
            switch result {
            case .success(.done): completion(nil)
            case .success(let reply): completion(ClaimStoreError(.failed, "the claim has moved on: \(reply)"))
            case .failure(let error): completion(error)
            }
        }
    }

    private func remove(_ id: RecordID) -> [Decided] {
        entries.withLock { $0.removeValue(forKey: id)?.waiters ?? [] }
    }
}
