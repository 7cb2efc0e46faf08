// refused: capture of 'group' with non-Sendable type
import Holdfast

func use() async throws {
    let policy = try Policy {
        try Retry(.constant(.zero), budget: RetryBudget())
        try Timeout(.seconds(1))
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
        try await policy.run(repeatable: .idempotent) { _ in group.addTask {} }
    }
}
