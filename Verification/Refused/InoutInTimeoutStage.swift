// refused: 'inout' parameter 'calls' is not allowed in concurrently-executing code
import Holdfast

func use(_ calls: inout Int) async throws {
    let policy = try Policy { try Timeout(.seconds(1)) }
    try await policy.run(repeatable: .once) { _ in calls += 1 }
}
