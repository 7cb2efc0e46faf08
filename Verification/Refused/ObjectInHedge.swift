// refused: non-Sendable
import Holdfast

final class Session {
    var logins = 0
}

func use(hedge: Hedge, session: Session) async throws {
    try await hedge.run(repeatable: .idempotent) { _ in session.logins += 1 }
}
