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
        /// It began and nobody knows how it ended. The fence is what a resolution must name.
        case unknown(fence: Int64)
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
    let store: any ClaimStore
    let clock: any TimeSource
    private let seal: PayloadSeal?
    private let listener: (@Sendable (IdempotencyEvent) -> Void)?
    private let commit: GroupCommit
    private let entries = Mutex<[RecordID: Entry]>([:])

    private struct Entry {
        let fingerprint: Fingerprint
        var waiters: [Decided] = []
    }

    /// - Parameters:
    ///   - store: Where records are kept.
    ///   - seal: What payloads are encrypted with. Default: nothing.
    ///   - clock: What waits and renewals are measured on. Leases are measured by the store.
    ///   - onEvent: Called for what somebody should hear of, on any thread. Keep it short.
    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        store: any ClaimStore, configuration: IdempotencyConfiguration = IdempotencyConfiguration(),
        sealing seal: PayloadSeal? = nil, clock: any TimeSource = MonotonicClock(),
        onEvent: (@Sendable (IdempotencyEvent) -> Void)? = nil
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
        self.store = store
        self.seal = seal
        self.clock = clock
        listener = onEvent
        commit = GroupCommit(store: store)
    }

    /// Asks what to do about a key.
    ///
    /// - Parameters:
    ///   - takesOver: What is executed again, under a higher fence, though nobody knows how it ended.
    ///   - mayWait: Whether a duplicate of what is in flight here waits for its end, or conflicts.
    ///   - decided: Called exactly once, on any thread. A duplicate that waits is called at the end.
    public func begin(
        _ id: RecordID, fingerprint: Fingerprint, takesOver: ClaimCommand.Takeover = .nothing, mayWait: Bool = true,
        decided: @escaping Decided
    ) {
        enum Arrival { case claim, wait, mismatch, conflict, overload }
        let arrival = entries.withLock { entries -> Arrival in
            guard var entry = entries[id] else {
                guard entries.count < configuration.keysInFlight else { return .overload }
                entries[id] = Entry(fingerprint: fingerprint)
                return .claim
            }
            guard entry.fingerprint == fingerprint else { return .mismatch }
            guard mayWait, entry.waiters.count < configuration.waitersPerKey else { return .conflict }
            entry.waiters.append(decided)
            entries[id] = entry
            return .wait
        }
        switch arrival {
        case .wait: break
        case .mismatch: decided(.mismatched)
        case .conflict: decided(.conflict)
        case .overload: decided(.unavailable(ClaimStoreError(.overloaded, "too many keys are in flight")))
        case .claim: claim(id, fingerprint: fingerprint, takesOver: takesOver, decided: decided)
        }
    }

    public func snapshot() -> Snapshot {
        entries.withLock { entries in
            Snapshot(inFlight: entries.count, waiting: entries.values.reduce(0) { $0 + $1.waiters.count })
        }
    }

    private func claim(
        _ id: RecordID, fingerprint: Fingerprint, takesOver: ClaimCommand.Takeover, decided: @escaping Decided
    ) {
        let action = ClaimCommand.Action.claim(
            fingerprint: fingerprint, lease: configuration.lease, retention: configuration.retention,
            takesOver: takesOver, owner: configuration.owner)
        commit.submit(ClaimCommand(id: id, action: action)) { result in
            if case .success(.claimed(let fence)) = result {
                decided(.execute(Claim(id: id, fence: fence, engine: self)))
                return
            }
            let opened = self.opened(result, of: id)
            for waiter in [decided] + self.remove(id) { waiter(Self.start(after: opened)) }
        }
    }

    private func sealed(_ payload: [UInt8], of id: RecordID) -> [UInt8]? {
        guard let seal else { return payload }
        return seal.seal(payload, of: id)
    }

    /// Decrypts a payload.
    private func opened(
        _ result: Result<ClaimReply, ClaimStoreError>, of id: RecordID
    ) -> Result<ClaimReply, ClaimStoreError> {
        guard let seal, case .success(.completed(let payload?)) = result else { return result }
        return Result { () throws(ClaimStoreError) in .completed(payload: try seal.open(payload, of: id)) }
    }

    private static func start(after result: Result<ClaimReply, ClaimStoreError>) -> Start {
        switch result {
        case .success(.inFlight): .conflict
        case .success(.completed(let payload)): .replay(payload: payload)
        case .success(.unknown(let fence)): .unknown(fence: fence)
        case .success(.mismatched): .mismatched
        case .success(let reply): .unavailable(ClaimStoreError(.failed, "the store answered a claim with \(reply)"))
        case .failure(let error): .unavailable(error)
        }
    }

    func complete(_ id: RecordID, fence: Int64, payload: [UInt8]?, completion: @escaping Claim.Completion) {
        record(id, fence: fence, payload: payload.flatMap { sealed($0, of: id) }, attempt: 1) { error in
            // What could not be recorded is not shared either: a repeat could not be given the same answer.
            for waiter in self.remove(id) { waiter(error == nil ? .replay(payload: payload) : .unknown(fence: fence)) }
            if let error { self.tell(.outcomeLost(id, fence: fence, error)) }
            completion(error)
        }
    }

    /// Writes the outcome, again and again while the store fails. That is safe: the record knows the claim's fence.
    private func record(
        _ id: RecordID, fence: Int64, payload: [UInt8]?, attempt: Int, completion: @escaping Claim.Completion
    ) {
        write(id, .complete(fence: fence, payload: payload, retention: configuration.retention)) { error in
            guard let error, error.mayPass, attempt < self.configuration.recordingAttempts else {
                return completion(error)
            }
            self.tell(.recordingFailed(id, attempt: attempt, error))
            let isLast = attempt + 1 == self.configuration.recordingAttempts
            // A task of its own: nobody's cancellation reaches it.
            Task {
                try? await self.clock.sleep(for: min(.milliseconds(50) * (1 << min(attempt, 10) / 2), .seconds(2)))
                self.record(
                    id, fence: fence, payload: isLast ? nil : payload, attempt: attempt + 1, completion: completion)
            }
        }
    }

    /// Prolongs a claim's lease.
    func renew(_ id: RecordID, fence: Int64) async throws(ClaimStoreError) {
        try await write(id, .renew(fence: fence, lease: configuration.lease))
    }

    /// Says how what is unknown ended.
    func resolve(
        _ id: RecordID, fence: Int64, as resolution: ClaimCommand.Resolution, by: String, why: String
    ) async throws(ClaimStoreError) {
        var sealed = resolution
        if case .completed(let payload?) = resolution { sealed = .completed(payload: self.sealed(payload, of: id)) }
        try await write(
            id, .resolve(fence: fence, sealed, retention: configuration.retention, by: by, why: why))
        tell(.resolved(id, fence: fence, by: by, why: why))
    }

    func write(_ id: RecordID, _ action: ClaimCommand.Action) async throws(ClaimStoreError) {
        let error: ClaimStoreError? = await withCheckedContinuation { continuation in
            write(id, action) { continuation.resume(returning: $0) }
        }
        if let error { throw error }
    }

    func tell(_ event: IdempotencyEvent) { listener?(event) }

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
                    waiter(.unknown(fence: fence))
                }
            }
            completion(error)
        }
    }

    func abandon(_ id: RecordID, fence: Int64, completion: @escaping Claim.Completion) {
        // If this write fails, the record stays in flight until its lease ends, and is unknown then.
        write(id, .abandon(fence: fence)) { error in
            for waiter in self.remove(id) { waiter(.unknown(fence: fence)) }
            self.tell(.becameUnknown(id, fence: fence))
            completion(error)
        }
    }

    private func write(_ id: RecordID, _ action: ClaimCommand.Action, completion: @escaping Claim.Completion) {
        commit.submit(ClaimCommand(id: id, action: action)) { result in
            switch result {
            case .success(.done): completion(nil)
            case .success(let reply): completion(ClaimStoreError(.lost, "the claim has moved on: \(reply)"))
            case .failure(let error): completion(error)
            }
        }
    }

    private func remove(_ id: RecordID) -> [Decided] {
        entries.withLock { $0.removeValue(forKey: id)?.waiters ?? [] }
    }
}

extension ClaimStoreError {
    /// Whether another try may succeed.
    fileprivate var mayPass: Bool {
        switch code {
        case .failed, .overloaded: true
        case .lost, .unusable, .invalid: false
        }
    }
}
