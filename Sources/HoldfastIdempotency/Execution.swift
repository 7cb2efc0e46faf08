import Crypto
public import Holdfast
import Synchronization

/// What the work under a key has at hand.
public struct Execution: Sendable {
    /// Rises with each execution of the key. Hand it to whatever the work writes to, so that a writer who lost its
    /// claim can be told from its successor.
    public let fence: Int64
    let engine: IdempotencyEngine
    private let subject: IdempotencyEngine.Subject
    private let steps = Steps()

    /// Whether a step has had its effect, or may have, in this execution or in one before it.
    private final class Steps: Sendable {
        let mayHaveActed = Atomic(false)
    }

    init(fence: Int64, engine: IdempotencyEngine, subject: IdempotencyEngine.Subject) {
        self.fence = fence
        self.engine = engine
        self.subject = subject
    }

    /// Whether the work has begun, whatever the error says that it ends with.
    var mayHaveActed: Bool { steps.mayHaveActed.load(ordering: .relaxed) }

    /// A key for one downstream call. The same name gives the same key in every execution of this one, so that a
    /// receiver that knows keys does the work once, however often it is asked. It depends on the scope and on this key
    /// alone, so it stays the same when the store is lost, or is another one.
    ///
    /// - Parameter name: Which downstream call: `"charge"`, `"mail"`.
    public func key(for name: String) -> IdempotencyKey { subject.root.key(for: name) }

    /// A recovery point: work that is done once, whatever becomes of the execution around it. Executed again after a
    /// crash, it answers with what it returned.
    ///
    /// What it returned is kept for as long as the work around it may be executed again: for twice the retention of that,
    /// and a day, unless `policy` says how long; at most 365 days.
    ///
    /// - Parameters:
    ///   - name: Which step, unique within the work.
    ///   - coding: How what the step returns is kept.
    ///   - policy: Default: what is unknown is executed again, since its downstream call carries ``key(for:)``.
    ///   - body: The step, with the key that its downstream call is to carry.
    nonisolated(nonsending) public func step<Value: Sendable>(
        _ name: String, coding: OutcomeCoding<Value>, policy: IdempotencyPolicy<Value>? = nil,
        _ body: nonisolated(nonsending) (IdempotencyKey) async throws -> Value
    ) async throws -> Value {
        var standard = IdempotencyPolicy<Value>()
        standard.unknown = .rerun
        let policy = policy ?? standard
        if let retention = policy.retention {
            try require("retention", retention, in: IdempotencyEngine.retentions)
        }
        let digest = SHA256.hash(data: Array("step".utf8) + subject.id.bytes + Array(name.utf8))
        let key = key(for: name)
        let kept = min(subject.terms.retention * 2 + .seconds(86_400), IdempotencyEngine.retentions.upperBound)
        let step = IdempotencyEngine.Subject(
            id: RecordID(bytes: Array(digest)), key: key, caller: subject.caller,
            root: ChildKeys(of: key, in: Scope(caller: subject.caller, operation: name)),
            fingerprint: Fingerprint(bytes: subject.id.bytes),
            terms: .init(lease: subject.terms.lease, retention: policy.retention ?? kept))
        do {
            let executed = try await engine.run(step, coding: coding, policy: policy) { _ in try await body(key) }
            if policy.resultEffect(executed.value) != .none { steps.mayHaveActed.store(true, ordering: .relaxed) }
            return executed.value
        } catch {
            if !Self.provesNothingDone(error, by: policy.effect) {
                steps.mayHaveActed.store(true, ordering: .relaxed)
            }
            throw error
        }
    }

    private static func provesNothingDone<Value>(
        _ error: any Error, by effect: (any Error) -> IdempotencyPolicy<Value>.Effect
    ) -> Bool {
        switch error as? IdempotencyError {
        case .limited?, .unavailable?: true
        // A former execution is still at it, or was.
        case .inFlight?, .mismatched?, .unknown?, .notKept?, .unreadable?, .failed?: false
        case nil: effect(error) == .none
        }
    }

    /// The same, for what is kept as JSON.
    nonisolated(nonsending) public func step<Value: Sendable & Codable>(
        _ name: String, _ body: nonisolated(nonsending) (IdempotencyKey) async throws -> Value
    ) async throws -> Value {
        try await step(name, coding: .json, body)
    }
}

/// The keys of the calls that work makes: derived from what the caller has said, and from nothing that a store keeps.
struct ChildKeys: Sendable {
    private let root: [UInt8]

    init(of key: IdempotencyKey, in scope: Scope) {
        var hash = SHA256()
        for part in ["key", scope.caller, scope.operation, key.description] {
            // With its length, so that no two lists of parts run into one another.
            withUnsafeBytes(of: UInt64(part.utf8.count).littleEndian) { hash.update(bufferPointer: $0) }
            hash.update(data: Array(part.utf8))
        }
        root = Array(hash.finalize())
    }

    func key(for name: String) -> IdempotencyKey {
        let digest = SHA256.hash(data: root + Array(name.utf8))
        return IdempotencyKey(unchecked: hex(Array(digest.prefix(16))))
    }
}
