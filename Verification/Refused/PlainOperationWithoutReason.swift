// refused: say why the operation may be made again: run(repeatable: .idempotent)
import Holdfast

func use(policy: AnyPolicy, fetch: @Sendable () async throws -> Int) async throws -> Int {
    try await policy.run {
        let value = try await fetch()
        return value + 1
    }
}
