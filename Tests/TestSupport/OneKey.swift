public import HoldfastIdempotency
import HoldfastTesting

/// One key, and what is asked about it, for tests of one store.
public struct OneKey: Sendable {
    public let id = RecordID(bytes: [UInt8](repeating: 7, count: 32))
    private let fingerprint = Fingerprint(bytes: [UInt8](repeating: 1, count: 32))

    public init() {}

    public var claim: ClaimCommand {
        ClaimCommand(
            id: id, action: .claim(fingerprint: fingerprint, lease: .seconds(10), retention: .seconds(100)))
    }

    public func complete(_ fence: Int64, _ payload: [UInt8]?) -> ClaimCommand {
        ClaimCommand(id: id, action: .complete(fence: fence, payload: payload, retention: .seconds(100)))
    }

    /// Claims what must be free.
    public func claimed(_ store: some ClaimStore) async throws -> Int64 {
        guard case .claimed(let fence) = try await store.apply([claim]).first else {
            throw UnexpectedOutcome("no claim")
        }
        return fence
    }
}
