// refused: captured var 'session' in concurrently-executing code
import Holdfast

struct Session {
    var isOpen = false
    mutating func login() async throws { isOpen = true }
}

func use(hedge: Hedge) async throws -> Session {
    var session = Session()
    try await hedge.run(repeatable: .idempotent) { _ in try await session.login() }
    return session
}
