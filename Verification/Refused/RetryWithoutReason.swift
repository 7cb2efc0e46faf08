// refused: say why the operation may be made again, and after which errors: run(repeatable: .idempotent, on: .anyError)
import Holdfast

func use(retry: Retry) async throws {
    try await retry.run(on: .anyError) { _ in }
}
