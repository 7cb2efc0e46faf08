/// Decides for one record: a command, the record and the store's time go in; what to write and what to answer come
/// out. Every store that can read and write a record in one step runs it as it is.
///
/// ```
///          claim            complete
///  (none) ──────▶ in flight ────────▶ completed
///    ▲              │   └─ abandon, or the lease ends ──▶ unknown ──▶ resolved: completed, or released
///    └── release ───┘   ◀──────────── claim that takes over ────┘
/// ```
///
/// Released is as good as none, and is kept only where there is a history to tell.
///
/// A write whose fence is not the record's is refused: a worker that lost its claim can neither complete, nor release,
/// nor extend its successor's.
public enum ClaimMachine {
    public enum Write: Sendable, Hashable {
        case nothing
        case put(ClaimRecord)
        case delete
    }

    public struct Decision: Sendable, Hashable {
        public let write: Write
        public let reply: ClaimReply
    }

    /// Carries out one command.
    ///
    /// - Parameters:
    ///   - action: The command.
    ///   - record: What the store holds, whether expired or not.
    ///   - now: The store's time.
    ///   - nextFence: A fence higher than any that the store has granted. Used only when the decision grants a claim.
    public static func apply(
        _ action: ClaimCommand.Action, to record: ClaimRecord?, at now: StoreInstant, nextFence: Int64
    ) -> Decision {
        let record = record.flatMap { isForgotten($0, at: now) ? nil : $0 }
        switch action {
        case .claim(let fingerprint, let lease, let retention, let takesOver, let owner, let nonce, let context):
            if let record, record.state != .released {
                // First of all: whoever says something else under this key learns nothing about it.
                if record.fingerprint != fingerprint { return Decision(write: .nothing, reply: .mismatched) }
                // The answer to this very question was lost, and it comes again: nobody has acted under this claim.
                if case .inFlight(let leaseEnds) = record.state, now < leaseEnds, !nonce.isEmpty,
                    record.history.ends(withClaim: record.fence, by: owner, nonce: nonce)
                {
                    return Decision(write: .nothing, reply: .claimed(fence: record.fence))
                }
                if !takesOver.covers(record.fence) || !record.isUnknown(at: now) {
                    return answer(repeatOf: record, at: now, retention: retention)
                }
            }
            // A whole retention after the lease, because that is when it may turn out that nobody knows how it ended.
            let leaseEnds = now.advanced(by: lease)
            var claimed = ClaimRecord(
                fingerprint: fingerprint, fence: nextFence, state: .inFlight(leaseEnds: leaseEnds),
                expires: leaseEnds.advanced(by: retention), history: record?.history ?? ClaimHistory(), context: context
            )
            claimed.history.add(.claimed, at: now, fence: nextFence, by: owner, why: nonce)
            return Decision(write: .put(claimed), reply: .claimed(fence: nextFence))
        case .look(let fingerprint, let retention):
            guard let record, record.state != .released else { return Decision(write: .nothing, reply: .free) }
            if record.fingerprint != fingerprint { return Decision(write: .nothing, reply: .mismatched) }
            return answer(repeatOf: record, at: now, retention: retention)
        case .renew(let fence, let lease):
            guard case .inFlight(let leaseEnds)? = record?.state, var renewed = record, renewed.fence == fence,
                now < leaseEnds
            else { return .stale }
            let prolonged = now.advanced(by: lease)
            renewed.state = .inFlight(leaseEnds: prolonged)
            renewed.expires = prolonged.advanced(by: leaseEnds.duration(to: renewed.expires))
            return Decision(write: .put(renewed), reply: .done)
        case .complete(let fence, let payload, let retention):
            // Completing what had become unknown is the truth that comes late: nobody else has executed it, or the
            // fence would have risen.
            guard var completed = record, completed.fence == fence, completed.state != .released else { return .stale }
            if case .completed(let recorded) = completed.state {
                // The acknowledgement of this very write was lost, and it comes again, or, at last, without its payload.
                return recorded == payload || payload == nil ? Decision(write: .nothing, reply: .done) : .stale
            }
            completed.settle(as: .completed(payload: payload))
            completed.expires = now.advanced(by: retention)
            completed.history.add(.completed, at: now, fence: fence, why: payload == nil ? "response not kept" : "")
            return Decision(write: .put(completed), reply: .done)
        case .release(let fence):
            guard case .inFlight? = record?.state, var released = record, released.fence == fence else { return .stale }
            guard released.history.isLong else { return Decision(write: .delete, reply: .done) }
            released.settle(as: .released)
            released.history.add(.released, at: now, fence: fence)
            return Decision(write: .put(released), reply: .done)
        case .abandon(let fence):
            guard case .inFlight? = record?.state, var abandoned = record, abandoned.fence == fence else {
                return .stale
            }
            abandoned.state = .unknown
            abandoned.history.add(.abandoned, at: now, fence: fence)
            return Decision(write: .put(abandoned), reply: .done)
        case .resolve(let fence, let resolution, let retention, let by, let why):
            guard var resolved = record, resolved.fence == fence, resolved.isUnknown(at: now) else { return .stale }
            switch resolution {
            case .completed(let payload):
                resolved.settle(as: .completed(payload: payload))
                resolved.history.add(.resolvedCompleted, at: now, fence: fence, by: by, why: why)
            case .released:
                // Kept, because somebody has decided it, and will be asked.
                resolved.settle(as: .released)
                resolved.history.add(.resolvedReleased, at: now, fence: fence, by: by, why: why)
            }
            // Never earlier than before: whoever resolves it need not know how long this operation's keys are kept.
            resolved.expires = max(resolved.expires, now.advanced(by: retention))
            return Decision(write: .put(resolved), reply: .done)
        case .purge(let fence):
            guard let record, record.fence == fence else { return .stale }
            if case .inFlight = record.state, !record.isUnknown(at: now) { return .stale }
            return Decision(write: .delete, reply: .done)
        }
    }

    private static func answer(
        repeatOf record: ClaimRecord, at now: StoreInstant, retention: Duration
    ) -> Decision {
        switch record.state {
        case .inFlight(let leaseEnds) where now < leaseEnds:
            return Decision(write: .nothing, reply: .inFlight)
        case .inFlight:
            // Its owner is gone or stuck. It began, so it is not run again; from now on it is kept for a whole
            // retention, because somebody will have to find out.
            var orphan = record
            orphan.state = .unknown
            orphan.expires = max(orphan.expires, now.advanced(by: retention))
            orphan.history.add(.leaseEnded, at: now, fence: record.fence)
            return Decision(write: .put(orphan), reply: .unknown(fence: record.fence))
        case .completed(let payload):
            return Decision(write: .nothing, reply: .completed(payload: payload))
        // What was released is no repeat, and is not asked about.
        case .unknown, .released:
            return Decision(write: .nothing, reply: .unknown(fence: record.fence))
        }
    }

    private static func isForgotten(_ record: ClaimRecord, at now: StoreInstant) -> Bool {
        record.expires <= now
    }
}

extension ClaimMachine.Decision {
    fileprivate static let stale = ClaimMachine.Decision(write: .nothing, reply: .stale)
}

extension ClaimRecord {
    /// It is known from now on how it ended, so nobody has to find out what it was.
    fileprivate mutating func settle(as end: State) {
        state = end
        context = []
    }
}

extension ClaimCommand.Takeover {
    package func covers(_ fence: Int64) -> Bool {
        switch self {
        case .nothing: false
        case .anything: true
        case .fence(let covered): covered == fence
        }
    }
}
