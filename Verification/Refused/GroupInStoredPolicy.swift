// refused: capture of 'group' with non-Sendable type
import Holdfast

func use(policy: AnyPolicy) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        try await policy.run(repeatable: .idempotent) { _ in group.addTask {} }
    }
}
