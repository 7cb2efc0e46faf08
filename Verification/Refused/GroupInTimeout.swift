// refused: capture of 'group' with non-Sendable type
import Holdfast

func use() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        try await withTimeout(.seconds(1)) { group.addTask {} }
    }
}
