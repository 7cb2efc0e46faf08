// What the examples of HoldfastIdempotency take for granted.
import Holdfast
import HoldfastIdempotency

struct Bank: Sendable {
    func charge(_ order: Int, key: IdempotencyKey) async throws -> Int { order }
    func receipt(of key: IdempotencyKey) async throws -> Int? { nil }
}

struct Mail: Sendable {
    func send(_ text: String, key: IdempotencyKey) async throws -> Bool { true }
}

let (bank, mail, order, tenant) = (Bank(), Mail(), 1_000, "ada")
let body: [UInt8] = []
let key = IdempotencyKey.minted()
let scope = Scope(caller: tenant, operation: "charge")
// swift-format-ignore: NeverUseForceTry
let engine = try! IdempotencyEngine(store: MemoryStore())
func serve() async {}
