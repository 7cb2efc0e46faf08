// refused: capture of 'group' with non-Sendable type
import Holdfast

func use() async throws {
    try await withThrowingDiscardingTaskGroup { group in
        try await withDeadline(in: .seconds(1)) { group.addTask {} }
    }
}
