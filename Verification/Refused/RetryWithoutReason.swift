// refused: missing argument for parameter 'repeatable'
import Holdfast

func use(retry: Retry) async throws {
    try await retry.run(on: .anyError) { _ in }
}
