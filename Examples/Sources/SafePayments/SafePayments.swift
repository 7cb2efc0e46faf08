import Holdfast

/// A dependency that fails twice, and then works. It honours idempotency keys, as a payment provider does.
actor PaymentProvider {
    struct Unavailable: Error {}

    private var failuresToCome = 2
    private var receipts: [IdempotencyKey: String] = [:]

    func charge(_ amount: Int, key: IdempotencyKey) throws -> String {
        if let receipt = receipts[key] { return receipt }
        if failuresToCome > 0 {
            failuresToCome -= 1
            throw Unavailable()
        }
        let receipt = "charged \(amount), receipt \(receipts.count + 1)"
        receipts[key] = receipt
        return receipt
    }
}

@main
struct SafePayments {
    static func main() async throws {
        let client = PaymentProvider()
        // snippet: readme
        let payments = try CircuitBreaker("payments", trip: .consecutiveFailures(3), cooldown: .seconds(30))
        let budget = try RetryBudget()
        let retry = try Retry(.exponential(from: .milliseconds(50), cap: .seconds(2)), attempts: 4, budget: budget)

        let key = IdempotencyKey.minted()  // one for the whole call, the same in each attempt
        let receipt = try await retry.run(repeatable: .keyed(key), on: .anyError) { attempt in
            try await payments.run {
                try await client.charge(1_000, key: key)
            }
        }
        // snippet: end
        print(receipt)
    }
}
