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
        /// The caller has as many keys, or as many bytes, as it may. Nothing was executed.
        case limited
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
    /// What is in flight in this process, in parts, so that threads seldom meet.
    private let parts: [Part]
    private let inFlight = Atomic<Int>(0)

    /// What callers have, if there is a bound.
    private let quota: Quota?

    private final class Quota: Sendable {
        let machine: Mutex<CallerQuota>

        init(_ machine: CallerQuota) {
            self.machine = Mutex(machine)
        }
    }

    private struct Entry {
        let fingerprint: Fingerprint
        let caller: String
        let retention: Duration
        var waiters: [Decided] = []
    }

    private final class Part: Sendable {
        let state: Mutex<(entries: [RecordID: Entry], replays: ReplayCache)>

        init(cacheBytes: Int) {
            state = Mutex(([:], ReplayCache(bound: cacheBytes)))
        }
    }

    /// - Parameters:
    ///   - store: Where records are kept.
    ///   - seal: What payloads are encrypted with. Default: nothing.
    ///   - clock: What waits and renewals are measured on. Leases are measured by the store.
    ///   - onEvent: Called for what somebody should hear of, on any thread. Keep it short.
    ///   - onCommit: Called for each commit to a store that does not answer at once, on any thread. Keep it short.
    /// - Throws: ``ConfigurationError`` for an option that is out of its range.
    public init(
        store: any ClaimStore, configuration: IdempotencyConfiguration = IdempotencyConfiguration(),
        sealing seal: PayloadSeal? = nil, clock: any TimeSource = MonotonicClock(),
        onEvent: (@Sendable (IdempotencyEvent) -> Void)? = nil,
        onCommit: (@Sendable (GroupCommit.Report) -> Void)? = nil
    ) throws(ConfigurationError) {
        try configuration.validate()
        self.configuration = configuration
        self.store = store
        self.seal = seal
        self.clock = clock
        listener = onEvent
        commit = GroupCommit(store: store, clock: clock, onCommit: onCommit)
        let bound = CallerQuota.Usage(
            keys: configuration.keysPerCaller ?? .max, bytes: configuration.bytesPerCaller ?? .max)
        let isBounded = configuration.keysPerCaller != nil || configuration.bytesPerCaller != nil
        quota = isBounded ? Quota(CallerQuota(bound: bound, retention: configuration.retention)) : nil
        // A store that answers at once is as quick as a cache would be.
        let cacheBytes = store is any ImmediateClaimStore ? 0 : configuration.replayCacheBytes / 16
        parts = (0..<16).map { _ in Part(cacheBytes: cacheBytes) }
    }

    /// Asks what to do about a key.
    ///
    /// - Parameters:
    ///   - caller: Whose key it is, for the bounds on callers.
    ///   - retention: How long the outcome is kept. Default: as configured.
    ///   - takesOver: What is executed again, under a higher fence, though nobody knows how it ended.
    ///   - mayWait: Whether a duplicate of what is in flight here waits for its end, or conflicts.
    ///   - decided: Called exactly once, on any thread. A duplicate that waits is called at the end.
    public func begin(
        _ id: RecordID, fingerprint: Fingerprint, caller: String = "", retention: Duration? = nil,
        takesOver: ClaimCommand.Takeover = .nothing, mayWait: Bool = true, decided: @escaping Decided
    ) {
        let retention = retention ?? configuration.retention
        enum Arrival { case claim, wait, mismatch, conflict, overload, replay([UInt8]?) }
        let arrival = part(of: id).state.withLock { state -> Arrival in
            guard var entry = state.entries[id] else {
                if let outcome = state.replays.outcome(of: id, at: clock.now) {
                    return outcome.fingerprint == fingerprint ? .replay(outcome.payload) : .mismatch
                }
                guard inFlight.add(1, ordering: .relaxed).newValue <= configuration.keysInFlight else {
                    inFlight.subtract(1, ordering: .relaxed)
                    return .overload
                }
                state.entries[id] = Entry(fingerprint: fingerprint, caller: caller, retention: retention)
                return .claim
            }
            guard entry.fingerprint == fingerprint else { return .mismatch }
            guard mayWait, entry.waiters.count < configuration.waitersPerKey else { return .conflict }
            entry.waiters.append(decided)
            state.entries[id] = entry
            return .wait
        }
        switch arrival {
        case .wait: break
        case .replay(let payload): decided(.replay(payload: payload))
        case .mismatch: decided(.mismatched)
        case .conflict: decided(.conflict)
        case .overload: decided(.unavailable(ClaimStoreError(.overloaded, "too many keys are in flight")))
        case .claim:
            claim(
                id, fingerprint: fingerprint, caller: caller, retention: retention, takesOver: takesOver,
                decided: decided)
        }
    }

    public func snapshot() -> Snapshot {
        let waiting = parts.reduce(0) { sum, part in
            sum + part.state.withLock { $0.entries.values.reduce(0) { $0 + $1.waiters.count } }
        }
        return Snapshot(inFlight: inFlight.load(ordering: .relaxed), waiting: waiting)
    }

    private func claim(
        _ id: RecordID, fingerprint: Fingerprint, caller: String, retention: Duration,
        takesOver: ClaimCommand.Takeover,
        decided: @escaping Decided
    ) {
        let action = ClaimCommand.Action.claim(
            fingerprint: fingerprint, lease: configuration.lease, retention: retention,
            takesOver: takesOver, owner: configuration.owner)
        commit.submit(ClaimCommand(id: id, action: action)) { result in
            if case .success(.claimed(let fence)) = result {
                // Asked only now: whoever has had enough still gets replays.
                if let quota = self.quota, !quota.machine.withLock({ $0.admit(caller, at: self.clock.now) }) {
                    return self.write(id, .release(fence: fence)) { _ in
                        for waiter in [decided] + self.remove(id) { waiter(.limited) }
                    }
                }
                decided(.execute(Claim(id: id, fence: fence, retention: retention, engine: self)))
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

    func complete(
        _ id: RecordID, fence: Int64, payload: [UInt8]?, retention: Duration, completion: @escaping Claim.Completion
    ) {
        let sealed = payload.flatMap { self.sealed($0, of: id) }
        record(id, fence: fence, payload: sealed, retention: retention, attempt: 1) { error, isKept in
            // What could not be recorded is not shared either: a repeat could not be given the same answer.
            if error == nil { self.count(.init(bytes: isKept ? payload?.count ?? 0 : 0), of: id) }
            let waiters = isKept ? self.remove(id, replaying: payload) : self.remove(id)
            for waiter in waiters { waiter(error == nil ? .replay(payload: payload) : .unknown(fence: fence)) }
            if let error { self.tell(.outcomeLost(id, fence: fence, error)) }
            completion(error)
        }
    }

    /// Writes the outcome, again and again while the store fails. That is safe: the record knows the claim's fence.
    ///
    /// - Parameter completion: Called with the error, if it could not be written, and whether the payload is kept.
    private func record(
        _ id: RecordID, fence: Int64, payload: [UInt8]?, retention: Duration, attempt: Int,
        completion: @escaping @Sendable (ClaimStoreError?, Bool) -> Void
    ) {
        write(id, .complete(fence: fence, payload: payload, retention: retention)) { error in
            guard let error, error.mayPass, attempt < self.configuration.recordingAttempts else {
                return completion(error, error == nil && payload != nil)
            }
            self.tell(.recordingFailed(id, attempt: attempt, error))
            let isLast = attempt + 1 == self.configuration.recordingAttempts
            // A task of its own: nobody's cancellation reaches it.
            Task {
                try? await self.clock.sleep(for: min(.milliseconds(50) * (1 << min(attempt, 10) / 2), .seconds(2)))
                self.record(
                    id, fence: fence, payload: isLast ? nil : payload, retention: retention, attempt: attempt + 1,
                    completion: completion)
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
            if error == nil { self.count(.init(keys: -1), of: id) }
            let entry = self.removeEntry(id)
            for waiter in entry?.waiters ?? [] {
                if error == nil, let entry {
                    self.begin(
                        id, fingerprint: entry.fingerprint, caller: entry.caller, retention: entry.retention,
                        decided: waiter)
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

    private func remove(_ id: RecordID) -> [Decided] { removeEntry(id)?.waiters ?? [] }

    /// Keeps the outcome at hand for the repeats that come soon.
    private func remove(_ id: RecordID, replaying payload: [UInt8]?) -> [Decided] {
        part(of: id).state.withLock { state in
            let entry = removeEntry(id, from: &state.entries)
            if let entry, state.replays.bound > 0 {
                let now = clock.now
                state.replays.add(payload, of: id, entry.fingerprint, at: now)
            }
            return entry?.waiters ?? []
        }
    }

    private func removeEntry(_ id: RecordID) -> Entry? {
        part(of: id).state.withLock { removeEntry(id, from: &$0.entries) }
    }

    private func removeEntry(_ id: RecordID, from entries: inout [RecordID: Entry]) -> Entry? {
        let entry = entries.removeValue(forKey: id)
        if entry != nil { inFlight.subtract(1, ordering: .relaxed) }
        return entry
    }

    /// Counts for the caller whose key is in flight.
    private func count(_ change: CallerQuota.Usage, of id: RecordID) {
        guard let quota, let caller = part(of: id).state.withLock({ $0.entries[id]?.caller }) else { return }
        quota.machine.withLock { $0.count(change, of: caller, at: clock.now) }
    }

    /// What an operator has changed is asked of the store.
    func forgetReplay(of id: RecordID) { part(of: id).state.withLock { $0.replays.remove(id) } }

    private func part(of id: RecordID) -> Part { parts[id.place(among: parts.count)] }
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
