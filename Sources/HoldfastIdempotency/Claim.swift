/// The right to execute one key, under a lease, with a fence. It is consumed exactly once, with what the execution
/// left. A claim that is dropped has begun for all anybody knows, so its key becomes unknown.
public struct Claim: ~Copyable, Sendable {
    /// How recording an outcome ended: nil when it is durable.
    public typealias Completion = @Sendable (ClaimStoreError?) -> Void

    /// What an outcome says of whoever asked for it.
    public enum Outcome: Sendable, Hashable {
        /// It was done as asked.
        case succeeded
        /// It was refused for what was asked, or by whom. To whom nothing has succeeded yet, it is kept for
        /// ``IdempotencyConfiguration/refusedRetention`` at most.
        case refused
        case other
    }

    public let id: RecordID
    /// Hand it to whatever the work writes to, so that a writer who lost its claim can be told from its successor.
    public let fence: Int64
    let terms: IdempotencyEngine.Terms
    private let engine: IdempotencyEngine
    private var isSpent = false

    init(id: RecordID, fence: Int64, terms: IdempotencyEngine.Terms, engine: IdempotencyEngine) {
        self.id = id
        self.fence = fence
        self.terms = terms
        self.engine = engine
    }

    /// Records the outcome and shares it with all who wait. Answer the caller after `completion`, not before: until
    /// then the outcome would not survive.
    ///
    /// - Parameters:
    ///   - payload: What repeats are answered from; nil if it is too large to keep. One that is larger than
    ///     ``IdempotencyConfiguration/outcomeBytes`` is not kept either, nor one that the store has no room for.
    ///   - outcome: Default: nothing that says how long it is worth keeping.
    ///   - completion: Called when the outcome is durable, or with the reason why it is not.
    public consuming func complete(
        _ payload: [UInt8]?, as outcome: Outcome = .other, completion: @escaping Completion
    ) {
        isSpent = true
        engine.complete(
            id, fence: fence, payload: payload, as: outcome, retention: terms.retention, completion: completion)
    }

    /// Nothing happened: the key may be executed again, and the next who waits for it does. If the store fails twice,
    /// the key becomes unknown when the lease ends.
    public consuming func release(completion: @escaping Completion = { _ in }) {
        isSpent = true
        engine.release(id, fence: fence, completion: completion)
    }

    /// It began, and how it ended will not be known.
    public consuming func abandon(completion: @escaping Completion = { _ in }) {
        isSpent = true
        engine.abandon(id, fence: fence, completion: completion)
    }

    deinit {
        if !isSpent { engine.abandon(id, fence: fence, completion: { _ in }) }
    }
}
