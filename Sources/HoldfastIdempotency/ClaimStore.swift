/// Keeps records. A store that can apply a batch atomically is a whole store: group commit, waiting and replaying are
/// written once, above it.
public protocol ClaimStore: Sendable {
    /// Carries out commands in order, all of them or none. Returns when they are as durable as the store promises.
    ///
    /// - Returns: One reply for each command, in order.
    /// - Throws: When nothing was carried out, or when the store cannot tell.
    func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply]

    /// The secret that this store's identities are hashed under: the same for all who share the store.
    func secret() async throws -> StoreSecret

    /// Forgets at most this many records whose retention is over, in a batch that does not block claims for long.
    ///
    /// - Returns: How many were forgotten.
    func reap(atMost count: Int) async throws -> Int
}

/// Why a store could not answer.
public struct ClaimStoreError: Error, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable {
        /// More commands wait than the bound allows.
        case overloaded
        /// The store failed. Another try may succeed.
        case failed
        /// The record has moved on: the claim is another's by now, or somebody has resolved it.
        case lost
        /// The store cannot be opened, or is not what it should be.
        case unusable
    }

    public let code: Code
    public let description: String

    public init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
