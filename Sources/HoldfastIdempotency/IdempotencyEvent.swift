/// What somebody should hear of. Records are named by their hash, which says nothing of the key.
public enum IdempotencyEvent: Sendable, CustomStringConvertible {
    /// The store has failed for good, and answers nothing until somebody has looked. Told once a minute while it is asked.
    case storeFailed(ClaimStoreError)
    /// The store holds as much as it may, and new keys are refused. Told once a minute while they come.
    case storeFull(ClaimStoreError)
    /// The store failed to record an outcome. It is tried again.
    case recordingFailed(RecordID, attempt: Int, ClaimStoreError)
    /// The work was done, and its outcome could not be recorded: it is unknown from now on.
    case outcomeLost(RecordID, fence: Int64, ClaimStoreError)
    /// Nothing was done under a claim, and that could not be recorded: it becomes unknown when its lease ends.
    case releaseFailed(RecordID, fence: Int64, ClaimStoreError)
    /// The work ended in a way that says nothing of its effect.
    case becameUnknown(RecordID, fence: Int64)
    /// The lease of work in progress could not be prolonged. Somebody else may believe that it is gone.
    case renewalFailed(RecordID, fence: Int64, ClaimStoreError)
    /// What was unknown was resolved, by a probe or by hand.
    case resolved(RecordID, fence: Int64, by: String, why: String)
    /// A record was forgotten by hand.
    case purged(RecordID, fence: Int64, by: String, why: String)

    public var description: String {
        switch self {
        case .storeFailed(let error), .storeFull(let error): "\(error)"
        case .recordingFailed(let id, let attempt, let error):
            "recording the outcome of \(id) failed, attempt \(attempt): \(error)"
        case .outcomeLost(let id, let fence, let error):
            "the outcome of \(id), fence \(fence), could not be recorded and is unknown: \(error)"
        case .releaseFailed(let id, let fence, let error):
            "nothing was done under \(id), fence \(fence), and that could not be recorded: \(error)"
        case .becameUnknown(let id, let fence): "\(id), fence \(fence), ended unknown"
        case .renewalFailed(let id, let fence, let error): "the lease of \(id), fence \(fence), stands: \(error)"
        case .resolved(let id, let fence, let by, let why):
            "\(id), fence \(fence), was unknown and is resolved by \(by): \(why)"
        case .purged(let id, let fence, let by, let why): "\(id), fence \(fence), was forgotten by \(by): \(why)"
        }
    }
}
