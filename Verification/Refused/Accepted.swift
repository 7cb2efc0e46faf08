// accepted
import Holdfast

final class Plain {
    var count = 0
}

actor Account {
    private var balance = 0
    private let plain = Plain()

    /// A body on an actor uses its state, without `self`, and need not capture anything that is `Sendable`.
    func use(hedge: Hedge, policy: AnyPolicy) async throws -> Int {
        try await withDeadline(in: .seconds(1)) {
            balance += 1
            plain.count += 1
        }
        try await hedge.run(repeatable: .idempotent) { attempt in
            balance += attempt.number
            plain.count += 1
        }
        return try await policy.run(repeatable: .once) { _ in
            balance += 1
            return balance
        }
    }
}

@MainActor final class Screen {
    private var title = ""

    func load() async throws {
        let plain = Plain()
        try await withTimeout(.seconds(1)) {
            title = "loaded"
            plain.count += 1
        }
    }
}

/// What belongs to the caller's task has its own operations.
func inPlace(_ calls: inout Int, next: () async throws -> Plain) async throws -> Plain {
    let policy = try Policy {
        try CooperativeDeadline(.seconds(5))
        try Retry(.constant(.zero), budget: RetryBudget())
        try CircuitBreaker("payments")
        try CooperativeTimeout(.seconds(1))
    }
    return try await withThrowingTaskGroup(of: Void.self) { group in
        try await withCooperativeDeadline(in: .seconds(9)) {
            try await policy.run(repeatable: .idempotent) { _ in
                group.addTask {}
                calls += 1
                return try await next()
            }
        }
    }
}
