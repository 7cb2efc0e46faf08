import Holdfast

/// Stands for your client. It fails twice, and then works.
actor PaymentProvider {
    private var failuresToCome = 2

    func charge(_ amount: Int, key: IdempotencyKey) throws -> String {
        failuresToCome -= 1
        if failuresToCome >= 0 { throw Unavailable() }
        return "charged \(amount)"
    }

    struct Unavailable: Error {}
}

// Make these once for each dependency, and share them.
let payments = try CircuitBreaker("payments", trip: .consecutiveFailures(3), cooldown: .seconds(30))
let budget = try RetryBudget()

// The first stage is the outermost.
let policy = try Policy {
    try Deadline(.seconds(2))  // for the whole call
    try Retry(.exponential(from: .milliseconds(50), cap: .seconds(1)), attempts: 4, budget: budget, on: .anyError)
    payments
    try Timeout(.milliseconds(500))  // for one attempt
}

let provider = PaymentProvider()
let key = IdempotencyKey.minted()  // one for the call, the same in each attempt
let receipt = try await policy.run(repeatable: .keyed(key)) { attempt in
    try await provider.charge(1_000, key: key)
}
print(receipt)  // after two failures: charged 1000
