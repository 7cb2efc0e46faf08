// What the examples of HoldfastPostgres take for granted.
import Holdfast
import HoldfastIdempotency
import HoldfastPostgres

/// A transaction of some driver's.
struct Transaction: Sendable {
    func rows(of sql: String, _ parameters: [String?]) async throws -> PostgresRows { [] }
    func insert(_ amount: Int) async throws {}
}

let (transaction, order, key) = (Transaction(), 1_000, IdempotencyKey.minted())
let scope = Scope(caller: "ada", operation: "charge")
let body: [UInt8] = []
var store: PostgresStore {
    get async throws { try await PostgresStore(url: "postgres://holdfast@db.internal/keys") }
}
