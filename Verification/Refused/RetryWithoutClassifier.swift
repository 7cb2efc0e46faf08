// refused: say which errors are worth another attempt: run(repeatable:on:)
import Holdfast

func use(retry: Retry) async throws -> Int {
    try await retry.run(repeatable: .idempotent) { attempt in attempt.number }
}
