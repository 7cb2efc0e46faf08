// What the examples of HoldfastPostgres take for granted: some driver's connection, and a store.
import Holdfast
import HoldfastIdempotency
import HoldfastPostgres

struct Transaction: Sendable {
    func rows(_ sql: String, _ parameters: [String?]) async throws -> PostgresRows { [] }
    func insert(_ charge: Int) async throws {}
}

struct Connection: Sendable {
    func withTransaction<R>(
        _ body: nonisolated(nonsending) (Transaction) async throws -> R
    ) async throws -> R {
        try await body(Transaction())
    }
}

struct Receipt: Codable, Sendable {
    let amount: Int
    init(_ charge: Int) { amount = charge }
}

let (connection, charge, tenant) = (Connection(), 1_000, "ada")
let body: [UInt8] = []
let key = IdempotencyKey.minted()
var store: PostgresStore {
    get async throws { try await PostgresStore(url: "postgres://localhost") }
}
