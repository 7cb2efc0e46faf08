// refused: say why the operation may be sent twice: run(repeatable: .idempotent)
import Holdfast

func use(hedge: Hedge) async throws -> Int {
    try await hedge.run { attempt in attempt.number }
}
