public import Holdfast
import Synchronization

/// One effect per key: lets one caller execute, and answers all others from what it left.
///
/// Calls take a completion rather than suspend, so that an event loop drives the engine as well as a task does. The
/// decisions are ``ClaimMachine``'s, and those of `InFlightTable`, which has what only one process can know: who else here
/// waits for the same key, so that duplicates share an outcome without asking the store.
///
/// Beside the service, run ``keepReaping(every:failed:)`` for as long as it lives, once for each store: otherwise a store on
/// disk keeps what has expired for ever. Its answers are right all the same.
public final class IdempotencyEngine: Sendable {
    /// What a caller is to do.
    public enum Start: ~Copyable, Sendable {
        /// Execute, and hand in the outcome.
        case execute(Claim)
        /// Answer from this outcome; the payload is nil where it was too large to keep.
        case replay(payload: [UInt8]?)
        /// It executes at this moment: in another process, or here, and the caller does not wait.
        case conflict
        /// It executes here at this moment, and as many wait for its end as may.
        case full
        /// The key was used for a request that said something else.
        case mismatched
        /// It began and nobody knows how it ended. The fence is what a resolution must name.
        case unknown(fence: Int64)
        /// It was executed, and what it left cannot be read: it was sealed with a key that is missing, or was changed.
        case unreadable(ClaimStoreError)
        /// The caller has as many keys, or as many bytes, as it may. Nothing was executed.
        case limited
        /// The store did not answer, and was asked more than once. Nothing was executed. If it was an answer that was lost,
        /// the key may be in flight until its lease ends, and unknown then.
        case unavailable(ClaimStoreError)
    }

    public typealias Decided = @Sendable (consuming Start) -> Void

    /// Where somebody waits who asked.
    public struct Place: Sendable {
        fileprivate let engine: IdempotencyEngine
        fileprivate let id: RecordID
        fileprivate let number: UInt64

        /// Stops waiting, and makes room for another.
        ///
        /// - Returns: Whether it waited. Then `decided` is not called any more; otherwise it has been, or will be.
        @discardableResult
        public func leave() -> Bool { engine.leave(id, number) }

        /// Stops waiting for good, also for the store: what is granted from now on is given back by who gets it, and those
        /// behind have nobody before them.
        public func abandon() { if !leave() { engine.noteGone(id, number) } }

        /// Whether another is at this key here, who executes, or asks the store and is there to execute if it grants the
        /// claim. If not, it is the store that has not answered.
        public var isBehindAnother: Bool { engine.isBehindAnother(id, number) }
    }

    /// How much is going on.
    public struct Snapshot: Sendable, Hashable {
        /// The keys in flight in this process.
        public let inFlight: Int
        /// The duplicates that wait here, for an execution in this process or in another.
        public let waiting: Int
    }

    /// What ``begin(_:fingerprint:caller:origin:retention:lease:takesOver:context:mayWait:decided:)`` takes for a lease.
    public static let leases = Duration.seconds(1) ... .seconds(3_600)
    /// What it takes for a retention.
    public static let retentions = Duration.seconds(60) ... .seconds(365 * 86_400)
    /// The most bytes that may be said of a claim's cause.
    public static let contextBytesBound = 1_024

    public let configuration: IdempotencyConfiguration
    let store: any ClaimStore
    let clock: any TimeSource
    let seal: PayloadSeal?
    let commit: GroupCommit
    private let listener: (@Sendable (IdempotencyEvent) -> Void)?
    /// What is in flight in this process, in parts, so that threads seldom meet.
    private let parts: [Part]
    /// Tells this engine from every other.
    let instance = String(UInt64.random(in: 0 ... .max), radix: 36)
    let inFlight = Atomic<Int>(0)
    /// Told when nothing is in flight any longer.
    let awaitingNone = Mutex<[@Sendable () -> Void]>([])
    /// Those who wait for another process.
    let waitingElsewhere = Atomic<Int>(0)
    /// When it was last told that the store has failed for good, or is full.
    private let graveTold = Mutex<[ClaimStoreError.Code: MonotonicInstant]>([:])
    /// The claims that are given back though nobody knows whether they were granted.
    let takenBack = Atomic<Int>(0)

    /// What callers, and origins, have, if there is a bound.
    let callers: Quota?
    let origins: Quota?
    /// What the whole store holds; nil, if there is no bound, or the store has its own.
    let room: Room?
    let succeeded = Mutex(KnownCallers())

    /// Somebody who asks about a key.
    struct Asker: Sendable, InFlightAsker {
        let fingerprint: Fingerprint
        let account: Account
        let terms: Terms
        let takesOver: ClaimCommand.Takeover
        /// What is kept of the cause, if it is granted the claim.
        let context: [UInt8]
        let mayWait: Bool
        let decided: Decided
        /// By which it can leave. The table writes it.
        var number: UInt64 = 0
    }

    /// How long a claim lasts, and what it leaves.
    struct Terms: Sendable, Hashable {
        let lease: Duration
        let retention: Duration
    }

    final class Part: Sendable {
        let state: Mutex<State>

        struct State {
            var table = InFlightTable<Asker>()
            var replays: ReplayCache
        }

        init(cacheBytes: Int) {
            state = Mutex(State(replays: ReplayCache(bound: cacheBytes)))
        }
    }

    /// - Parameters:
    ///   - store: Where records are kept.
    ///   - configuration: How long claims and outcomes last, and what is bounded.
    ///   - seal: What payloads are encrypted with. Default: nothing.
    ///   - clock: What waits and renewals are measured on. Leases are measured by the store.
    ///   - onEvent: Called for what somebody should hear of, on any thread. Keep it short.
    ///   - onCommit: Called for each commit to a store that does not answer at once, on any thread. Keep it short.
    /// - Throws: `ConfigurationError` for an option that is out of its range.
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
        let retention = configuration.retention
        callers = Quota(
            keys: configuration.keysPerCaller, bytes: configuration.bytesPerCaller, retention: retention)
        origins = Quota(
            keys: configuration.keysPerOrigin, bytes: configuration.bytesPerOrigin, retention: retention)
        let isBounded = configuration.storeKeys != nil || configuration.storeBytes != nil
        room =
            isBounded && !(store is any ImmediateClaimStore)
            ? Room(bound: ClaimUsage(keys: configuration.storeKeys ?? .max, bytes: configuration.storeBytes ?? .max))
            : nil
        // A store that answers at once is as quick as a cache would be.
        let cacheBytes = store is any ImmediateClaimStore ? 0 : configuration.replayCacheBytes / 16
        parts = (0..<16).map { _ in Part(cacheBytes: cacheBytes) }
    }

    /// Asks what to do about a key.
    ///
    /// - Parameters:
    ///   - id: What the key is stored under: see ``StoreSecret/recordID(of:in:)``.
    ///   - fingerprint: What the request says. The same key with another is refused.
    ///   - caller: Whose key it is, for the bounds on callers.
    ///   - origin: Where it comes from, for the bounds on origins; nil, where that is nobody's in particular. Default: nil.
    ///   - retention: How long the outcome is kept: 1 minute to 365 days. Default: as configured.
    ///   - lease: How long the claim lasts: 1 s to 1 hour, counted by the store from its grant. It has to outlast the
    ///     work, unless it is prolonged. Default: as configured.
    ///   - takesOver: What is executed again, under a higher fence, though nobody knows how it ended. A duplicate that
    ///     waits for what ends so takes over as well.
    ///   - context: What operators are told of the claim's cause, for as long as nobody knows how it ended: what
    ///     ``context(of:)`` returns. At most 1,024 bytes, sealed where payloads are, and forgotten when the claim is
    ///     completed, released or resolved: then nobody has to find out. Default: nothing.
    ///   - mayWait: Whether a duplicate of what is in flight here waits for its end, or conflicts.
    ///   - decided: Called exactly once, on any thread, unless the caller leaves. A duplicate that waits is called at
    ///     the end. A lease, a retention or a context out of its range is told as `unavailable`, with the code
    ///     `invalid`.
    /// - Returns: Where the caller waits, if it does.
    @discardableResult
    public func begin(
        _ id: RecordID, fingerprint: Fingerprint, caller: String = "", origin: String? = nil,
        retention: Duration? = nil, lease: Duration? = nil, takesOver: ClaimCommand.Takeover = .nothing,
        context: [UInt8] = [], mayWait: Bool = true, decided: @escaping Decided
    ) -> Place {
        let asker = Asker(
            fingerprint: fingerprint, account: Account(caller: caller, origin: origin),
            terms: Terms(lease: lease ?? configuration.lease, retention: retention ?? configuration.retention),
            takesOver: takesOver, context: context, mayWait: mayWait, decided: decided)
        do throws(ConfigurationError) {
            if let lease { try require("lease", lease, in: Self.leases) }
            if let retention { try require("retention", retention, in: Self.retentions) }
            try require("context's length in bytes", context.count, in: 0...Self.contextBytesBound)
        } catch {
            decided(.unavailable(ClaimStoreError(.invalid, "\(error)")))
            return Place(engine: self, id: id, number: 0)
        }
        return ask(id, asker)
    }

    /// The same, with what has been checked.
    @discardableResult
    func ask(_ id: RecordID, _ asker: Asker) -> Place {
        Place(engine: self, id: id, number: decide(id, asker))
    }

    public func snapshot() -> Snapshot {
        let waiting = parts.reduce(0) { sum, part in
            sum + part.state.withLock { $0.table.waiting }
        }
        return Snapshot(
            inFlight: inFlight.load(ordering: .relaxed),
            waiting: waiting + waitingElsewhere.load(ordering: .relaxed))
    }

    func tell(_ event: IdempotencyEvent) { listener?(event) }

    /// Tells of a store that has failed for good, or is full, once a minute.
    func tellIfGrave(_ error: ClaimStoreError) {
        guard error.code == .unusable || error.code == .full, listener != nil else { return }
        let now = clock.now
        let isDue = graveTold.withLock { told in
            if let last = told[error.code], last.duration(to: now) < .seconds(60) { return false }
            told[error.code] = now
            return true
        }
        if isDue { tell(error.code == .full ? .storeFull(error) : .storeFailed(error)) }
    }

    func part(of id: RecordID) -> Part { parts[id.place(among: parts.count)] }
}
