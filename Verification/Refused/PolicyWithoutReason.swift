// refused: say why the operation may be made again: run(repeatable: .idempotent)
import Holdfast

func use() async throws {
    let policy = try Policy { try Timeout(.seconds(1)) }
    try await policy.run { _ in }
}
