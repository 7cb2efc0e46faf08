/// Decides for one record: a command, the record and the store's time go in; what to write and what to answer come
/// out. Every store that can read and write a record in one step runs it as it is.
///
/// ```
///          claim            complete
///  (none) ──────▶ in flight ────────▶ completed
///    ▲              │   └─ abandon, or the lease ends ──▶ unknown ──▶ resolved: completed, or (none)
///    └── release ───┘   ◀──────────── claim that takes over ────┘
/// ```
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
    ///   - record: What the store holds, whether expired or not.
    ///   - now: The store's time.
    ///   - nextFence: A fence higher than any that the store has granted. Used only when the decision grants a claim.
    public static func apply(
        _ action: ClaimCommand.Action, to record: ClaimRecord?, at now: StoreInstant, nextFence: Int64
    ) -> Decision {
        let record = record.flatMap { isForgotten($0, at: now) ? nil : $0 }
        switch action {
        case .claim(let fingerprint, let lease, let retention, let takesOver):
            // First of all: whoever says something else under this key learns nothing about it.
            if let record, record.fingerprint != fingerprint { return Decision(write: .nothing, reply: .mismatched) }
            if let record, !(takesOver && record.isUnknown(at: now)) {
                return answer(repeatOf: record, at: now, retention: retention)
            }
            let leaseEnds = now.advanced(by: lease)
            let claimed = ClaimRecord(
                fingerprint: fingerprint, fence: nextFence, state: .inFlight(leaseEnds: leaseEnds),
                expires: max(now.advanced(by: retention), leaseEnds))
            return Decision(write: .put(claimed), reply: .claimed(fence: nextFence))
        case .renew(let fence, let lease):
            guard case .inFlight(let leaseEnds)? = record?.state, var renewed = record, renewed.fence == fence,
                now < leaseEnds
            else { return .stale }
            let prolonged = now.advanced(by: lease)
            renewed.state = .inFlight(leaseEnds: prolonged)
            renewed.expires = max(renewed.expires, prolonged)
            return Decision(write: .put(renewed), reply: .done)
        case .complete(let fence, let payload, let retention):
            // Completing what had become unknown is the truth that comes late: nobody else has executed it, or the
            // fence would have risen.
            guard var completed = record, completed.fence == fence else { return .stale }
            if case .completed(let recorded) = completed.state {
                // The acknowledgement of this very write was lost, and it comes again, or, at last, without its payload.
                return recorded == payload || payload == nil ? Decision(write: .nothing, reply: .done) : .stale
            }
            completed.state = .completed(payload: payload)
            completed.expires = now.advanced(by: retention)
            return Decision(write: .put(completed), reply: .done)
        case .release(let fence):
            guard case .inFlight? = record?.state, record?.fence == fence else { return .stale }
            return Decision(write: .delete, reply: .done)
        case .abandon(let fence):
            guard case .inFlight? = record?.state, var abandoned = record, abandoned.fence == fence else {
                return .stale
            }
            abandoned.state = .unknown
            return Decision(write: .put(abandoned), reply: .done)
        case .resolve(let fence, let resolution, let retention):
            guard var resolved = record, resolved.fence == fence, resolved.isUnknown(at: now) else { return .stale }
            guard case .completed(let payload) = resolution else { return Decision(write: .delete, reply: .done) }
            resolved.state = .completed(payload: payload)
            resolved.expires = now.advanced(by: retention)
            return Decision(write: .put(resolved), reply: .done)
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
            return Decision(write: .put(orphan), reply: .unknown(fence: record.fence))
        case .completed(let payload):
            return Decision(write: .nothing, reply: .completed(payload: payload))
        case .unknown:
            return Decision(write: .nothing, reply: .unknown(fence: record.fence))
        }
    }

    private static func isForgotten(_ record: ClaimRecord, at now: StoreInstant) -> Bool {
        record.expires <= now
    }
}

extension ClaimRecord {
    /// Whether nobody knows how it ended: it is told so, or its lease is over.
    fileprivate func isUnknown(at now: StoreInstant) -> Bool {
        switch state {
        case .unknown: true
        case .inFlight(let leaseEnds): leaseEnds <= now
        case .completed: false
        }
    }
}

extension ClaimMachine.Decision {
    fileprivate static let stale = ClaimMachine.Decision(write: .nothing, reply: .stale)
}
