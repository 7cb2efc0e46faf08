// What the documentation's examples take for granted.
import Holdfast

struct Client: Sendable {
    func charge(_ amount: Int, key: IdempotencyKey?) async throws -> Int { amount }
    func charge(_ order: Int) async throws -> Int { order }
    func balance() async throws -> Int { 0 }
    func order(_ id: Int, on shard: Int) async throws -> Int { id }
    func report(of month: Int) async throws -> Int { month }
    func route(from: Int, to: Int) async throws -> Int { from + to }
}

let client = Client()
let (order, shard, id, month, home, work) = (1, 2, 3, 4, 5, 6)
let perShard = CircuitBreakerConfiguration()
// swift-format-ignore: NeverUseForceTry
let budget = try! RetryBudget()
// swift-format-ignore: NeverUseForceTry
let retry = try! Retry(.constant(.zero), attempts: 3, budget: budget)
// swift-format-ignore: NeverUseForceTry
let orders = try! CircuitBreaker("orders")
// swift-format-ignore: NeverUseForceTry
let payments = try! CircuitBreaker("payments")
let key = IdempotencyKey.minted()
let configuration = CircuitBreakerConfiguration()
let stricter = CircuitBreakerConfiguration()
// swift-format-ignore: NeverUseForceTry
let shards = try! CircuitBreakers<Int>("orders", configuration: perShard)
// swift-format-ignore: NeverUseForceTry
let sharded = try! Policy { try CircuitBreakers<Int>("orders", configuration: perShard) }

struct Tokens: Sendable {
    func refresh() async throws {}
}

let tokens = Tokens()

struct MalformedOrder: Error {}

/// Stands for what a client answers with.
struct HTTPResponse: Sendable {
    struct Status: Sendable { let code: Int }
    let status: Status
}
