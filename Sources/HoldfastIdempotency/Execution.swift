import Crypto
public import Holdfast

/// What the work under a key has at hand.
public struct Execution: Sendable {
    /// Rises with each execution of the key. Hand it to whatever the work writes to, so that a writer who lost its
    /// claim can be told from its successor.
    public let fence: Int64
    let engine: IdempotencyEngine
    let id: RecordID
    let caller: String

    /// A key for one downstream call. The same name gives the same key in every execution of this one, so that a
    /// receiver that knows keys does the work once, however often it is asked.
    ///
    /// - Parameter name: Which downstream call: `"charge"`, `"mail"`.
    public func key(for name: String) -> IdempotencyKey {
        let digest = SHA256.hash(data: Array("key".utf8) + id.bytes + Array(name.utf8))
        return IdempotencyKey(unchecked: hex(Array(digest.prefix(16))))
    }

    /// A recovery point: work that is done once, whatever becomes of the execution around it. Executed again after a
    /// crash, it answers with what it returned.
    ///
    /// - Parameters:
    ///   - name: Which step, unique within the work.
    ///   - policy: Default: what is unknown is executed again, since its downstream call carries ``key(for:)``.
    ///   - body: The step, with the key that its downstream call is to carry.
    nonisolated(nonsending) public func step<Value: Sendable>(
        _ name: String, coding: OutcomeCoding<Value>, policy: IdempotencyPolicy<Value>? = nil,
        _ body: nonisolated(nonsending) (IdempotencyKey) async throws -> Value
    ) async throws -> Value {
        var standard = IdempotencyPolicy<Value>()
        standard.unknown = .rerun
        let digest = SHA256.hash(data: Array("step".utf8) + id.bytes + Array(name.utf8))
        let key = key(for: name)
        let executed = try await engine.run(
            RecordID(bytes: Array(digest)), key: key, caller: caller, fingerprint: Fingerprint(bytes: id.bytes),
            coding: coding,
            policy: policy ?? standard
        ) { _ in try await body(key) }
        return executed.value
    }

    /// The same, for what is kept as JSON.
    nonisolated(nonsending) public func step<Value: Sendable & Codable>(
        _ name: String, _ body: nonisolated(nonsending) (IdempotencyKey) async throws -> Value
    ) async throws -> Value {
        try await step(name, coding: .json, body)
    }
}
