// What the examples of HoldfastHTTP take for granted.
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency

struct Bank: Sendable {
    func knows(_ key: IdempotencyKey) async throws -> Bool { false }
}

let bank = Bank()
// swift-format-ignore: NeverUseForceTry
let engine = try! IdempotencyEngine(store: MemoryStore())
func serve(_ handler: IdempotentHandler) async throws {}
