// refused: capture of 'group' with non-Sendable type
import Holdfast

func use(hedge: Hedge) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        try await hedge.run(repeatable: .idempotent) { _ in group.addTask {} }
    }
}
