// refused: mutation of captured var 'calls' in concurrently-executing code
import Holdfast

func use(hedge: Hedge) async throws -> Int {
    var calls = 0
    try await hedge.run(repeatable: .idempotent) { _ in calls += 1 }
    return calls
}
