public import Holdfast

/// What one operation does about duplicates, failures and the unknown.
public struct IdempotencyPolicy<Value: Sendable>: Sendable {
    /// What a repeat gets of a key that began and never reported.
    public enum Unknown: Sendable {
        /// It is refused, until somebody resolves it.
        case refuse
        /// It is executed again. Right where the work itself recognises what it has done: by its own
        /// ``Execution/key(for:)``, or its recovery points.
        case rerun
        /// An operation of the user's finds out what happened.
        case probe(@Sendable (IdempotencyKey) async throws -> Found)
    }

    /// What a probe has found out.
    public enum Found: Sendable {
        case completed(Value)
        /// Nothing happened: it is executed now.
        case nothing
        /// It cannot be known yet.
        case unknown
    }

    /// What the end of the work says of its effect.
    public enum Effect: Sendable, Hashable {
        /// There was none: the key may be executed again.
        case none
        /// Nobody knows.
        case unknown
        /// It is over, and this is how: a value, or an error, is the outcome. An error is thrown as it is, and every repeat
        /// gets ``IdempotencyError/failed(_:)`` with its description.
        case record
    }

    /// Default: refuse, which never executes twice.
    public var unknown: Unknown = .refuse

    /// How long a duplicate waits for the one in progress, here or in another process: zero to 1 h. Default: 10 s, and
    /// never past the deadline. At zero it conflicts at once.
    public var wait: Duration = .seconds(10)

    /// How long the outcome is kept: 1 minute to 365 days. Default: nil, as the engine is configured.
    public var retention: Duration?

    /// What a thrown error says of the effect. By default an error that proves that nothing was done says none
    /// (`FailureClass.notSent(retryAfter:)`, `FailureClass.rejected(retryAfter:)`), and all others say nothing: a
    /// cancellation, and `FailureClass.failed` too, since what ran and failed may have had a part of its effect.
    ///
    /// An error speaks of the call that threw it, and not of those before it. Once a step has completed, or may
    /// have had its effect (``Execution/step(_:coding:policy:_:)``), nothing is taken for none. Work that makes several calls without steps
    /// says here what their errors mean together.
    public var effect: @Sendable (any Error) -> Effect = { error in
        switch (error as? any ClassifiedError)?.failureClass {
        case .notSent?, .rejected?: .none
        case .failed?, .unknown?, nil: .unknown
        }
    }

    /// What a value that the work returned says of the effect. Default: it is the outcome (`record`), whatever it says. The
    /// caller gets the value in any case. With `none` the key is free, as after an error without an effect: for work that
    /// returns a refusal rather than throw it, or a response that a profile does not keep. With `unknown` nobody knows, as
    /// after an error that proves nothing: for work that returns somebody else's "no answer in time".
    ///
    /// What is said here of a value, ``effect`` says of an error; so is the rule of steps the same.
    public var resultEffect: @Sendable (Value) -> Effect = { _ in .record }

    /// Whether what the work returns is the outcome: ``resultEffect`` where only `record` and `none` are needed.
    public var isOutcome: @Sendable (Value) -> Bool {
        get {
            let resultEffect = resultEffect
            return { value in resultEffect(value) == .record }
        }
        set { resultEffect = { value in newValue(value) ? .record : .none } }
    }

    public init() {}
}

/// What a call under a key came to.
public struct Executed<Value: Sendable>: Sendable {
    public let value: Value
    /// Whether it was answered from an earlier execution.
    public let isReplay: Bool

    package init(value: Value, isReplay: Bool) {
        self.value = value
        self.isReplay = isReplay
    }
}

extension Executed: Equatable where Value: Equatable {}

/// Why a call under a key was not answered.
public enum IdempotencyError: ClassifiedError, Sendable, CustomStringConvertible {
    /// It is in progress, and has not ended in time.
    case inFlight
    /// The key was used for something else.
    case mismatched
    /// It began, and nobody knows how it ended. The fence is what a resolution must name.
    case unknown(RecordID, fence: Int64)
    /// It was executed, and what it returned was not kept.
    case notKept
    /// It was executed, and what it returned cannot be read: it was recorded as another type, or sealed with a key that is
    /// missing.
    case unreadable(String)
    /// It was executed, and ended with this error, which was recorded.
    case failed(String)
    /// The caller has as many keys, or as many bytes, as it may. Nothing was executed.
    case limited
    /// The store did not answer. Nothing was executed.
    case unavailable(ClaimStoreError)

    public var failureClass: FailureClass {
        switch self {
        case .inFlight: .rejected()
        case .unavailable, .limited: .notSent()
        case .unknown: .unknown
        case .mismatched, .notKept, .unreadable, .failed: .failed
        }
    }

    public var description: String {
        switch self {
        case .inFlight: "a call with this key is in progress"
        case .mismatched: "this key was used for something else"
        case .unknown: "a call with this key began, and nobody knows how it ended"
        case .notKept: "a call with this key was executed, and what it returned was not kept"
        case .unreadable(let why): "a call with this key was executed, and what it returned cannot be read: \(why)"
        case .failed(let why): "a call with this key was executed, and failed: \(why)"
        case .limited: "the caller has as many keys, or as many bytes, as it may"
        case .unavailable(let error): "the store did not answer, and nothing was executed: \(error)"
        }
    }
}
