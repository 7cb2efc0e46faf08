// What the examples of HoldfastSQLite take for granted.
import GRDB
import Holdfast
import HoldfastIdempotency
import HoldfastSQLite

struct Charge: Codable, PersistableRecord {
    let amount: Int
    init(_ order: Int) { amount = order }
}

struct Receipt: Codable, Sendable {
    let amount: Int
    init(_ order: Int) { amount = order }
}

let (order, tenant) = (1_000, "ada")
let body: [UInt8] = []
let key = IdempotencyKey.minted()
let scope = Scope(caller: tenant, operation: "charge")
// swift-format-ignore: NeverUseForceTry
let database = try! DatabaseQueue()
