import Holdfast
import Synchronization

/// What somebody may have, and what the whole store may: counted before a claim is asked for, and given back if it is not
/// granted.
extension IdempotencyEngine {
    /// Whose keys are counted: a caller's, and those of the address that they come from.
    struct Account: Sendable, Hashable {
        let caller: UInt64
        /// nil, where the address is nobody's in particular.
        let origin: UInt64?
        /// Both together: who has succeeded from where.
        let standing: UInt64

        init(caller: String, origin: String?) {
            // Swift's hashes are keyed anew in each process, so nobody chooses one.
            self.caller = UInt64(bitPattern: Int64(caller.hashValue))
            self.origin = origin.map { UInt64(bitPattern: Int64($0.hashValue)) }
            var hasher = Hasher()
            hasher.combine(caller)
            hasher.combine(origin)
            standing = UInt64(bitPattern: Int64(hasher.finalize()))
        }
    }

    /// Counters in parts, so that threads seldom meet at one lock.
    final class Quota: Sendable {
        private let parts: [Part]

        private final class Part: Sendable {
            let machine: Mutex<CallerQuota>
            init(_ machine: CallerQuota) { self.machine = Mutex(machine) }
        }

        /// nil, if there is no bound.
        init?(keys: Int?, bytes: Int?, retention: Duration) {
            guard keys != nil || bytes != nil else { return nil }
            let bound = CallerQuota.Usage(keys: keys ?? .max, bytes: bytes ?? .max)
            parts = (0..<16).map { _ in Part(CallerQuota(bound: bound, retention: retention)) }
        }

        func admit(_ name: UInt64, at now: MonotonicInstant) -> Bool {
            parts[Int(name % 16)].machine.withLock { $0.admit(name, at: now) }
        }

        func count(_ change: CallerQuota.Usage, of name: UInt64, at now: MonotonicInstant) {
            parts[Int(name % 16)].machine.withLock { $0.count(change, of: name, at: now) }
        }
    }

    /// The whole store's room.
    final class Room: Sendable {
        let state: Mutex<State>

        struct State {
            var machine: StoreRoom
            /// Those who wait for the store's first word.
            var waiting: [@Sendable () -> Void] = []
        }

        init(bound: ClaimUsage) { state = Mutex(State(machine: StoreRoom(bound: bound))) }
    }

    /// Why a new key is refused.
    enum Refusal: Sendable {
        case limited
        case full(ClaimStoreError)

        var start: Start {
            switch self {
            case .limited: return .limited
            case .full(let error): return .unavailable(error)
            }
        }
    }

    /// What the store holds, of all who share it, as it said at most ten seconds ago while keys come or ``keepCounting(_:)``
    /// runs; nil before it was asked, and where it cannot tell. A store that answers at once is asked now.
    public func usage() -> ClaimUsage? {
        if let immediate = store as? any ImmediateClaimStore { return immediate.usageNow }
        return room?.state.withLock { $0.machine.usage }
    }

    /// What the store holds now: it is asked.
    package func counted() async throws -> ClaimUsage? { try await store.usage() }

    /// Asks the store what it holds, if its last word is old.
    package func learnUsage() async {
        guard let room, room.state.withLock({ $0.machine.isToAsk(at: clock.now) }) else { return }
        await ask(store, about: room)
    }

    private func ask(_ store: any ClaimStore, about room: Room) async {
        // Where there is no room, what has expired makes some, also where nobody reaps.
        if room.state.withLock({ $0.machine.isFull }) { _ = try? await store.reap(atMost: 1_000) }
        let usage = try? await store.usage()
        var told: [@Sendable () -> Void] = []
        room.state.withLock { state in
            state.machine.hear(usage)
            swap(&state.waiting, &told)
        }
        for tell in told { tell() }
    }

    /// Calls back when the store has said what it holds. As many may wait as keys are in flight.
    func whenRoomIsKnown(_ room: Room, _ body: @escaping @Sendable () -> Void) {
        let isKnown = room.state.withLock { state in
            if !state.machine.isKnown { state.waiting.append(body) }
            return state.machine.isKnown
        }
        if isKnown { body() } else { Task { await self.learnUsage() } }
    }

    /// Counts a key for all who are bounded.
    ///
    /// - Returns: Why there is no room for it; then nothing is counted.
    func reserve(_ account: Account) -> Refusal? {
        guard callers != nil || origins != nil || room != nil else { return nil }
        let now = clock.now
        if let callers, !callers.admit(account.caller, at: now) { return .limited }
        if let origins, let origin = account.origin, !origins.admit(origin, at: now) {
            callers?.count(.init(keys: -1), of: account.caller, at: now)
            return .limited
        }
        guard let room else { return nil }
        let (admission, isToAsk, machine) = room.state.withLock { state in
            (state.machine.admit(), state.machine.isToAsk(at: now), state.machine)
        }
        if isToAsk { Task { await self.ask(self.store, about: room) } }
        guard admission == .full else { return nil }
        count(.init(keys: -1), of: account)
        let (held, bound) = (machine.usage ?? ClaimUsage(), machine.bound)
        return .full(
            ClaimStoreError(
                .full,
                "the store holds \(held.keys) keys and \(held.bytes) bytes of outcomes, and may hold \(bound.keys) and \(bound.bytes): new keys are refused"
            ))
    }

    /// Takes back, or adds to, what was counted.
    func count(_ change: CallerQuota.Usage, of account: Account) {
        guard callers != nil || origins != nil else { return }
        let now = clock.now
        callers?.count(change, of: account.caller, at: now)
        if let origin = account.origin { origins?.count(change, of: origin, at: now) }
    }

    /// The same for what is stored, where the store does not count by itself.
    func countInStore(_ change: ClaimUsage) { room?.state.withLock { $0.machine.count(change) } }

    /// How long an outcome is kept.
    func retention(of outcome: Claim.Outcome, _ account: Account?, _ retention: Duration) -> Duration {
        guard let account else { return retention }
        switch outcome {
        case .succeeded:
            succeeded.withLock { $0.add(account.standing) }
            return retention
        case .refused:
            let isKnown = succeeded.withLock { $0.contains(account.standing) }
            return isKnown ? retention : min(retention, configuration.refusedRetention)
        case .other: return retention
        }
    }
}

/// Who has succeeded. Those who have not for longest are forgotten, in two halves.
struct KnownCallers: Sendable {
    static let bound = 100_000
    private var young: Set<UInt64> = []
    private var old: Set<UInt64> = []

    mutating func add(_ name: UInt64) {
        guard !young.contains(name) else { return }
        if young.count >= Self.bound / 2 { (old, young) = (young, []) }
        young.insert(name)
    }

    func contains(_ name: UInt64) -> Bool { young.contains(name) || old.contains(name) }
}
