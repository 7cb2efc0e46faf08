// refused: capture of 'next' with non-Sendable type
import Holdfast

func intercept(_ next: () async throws -> Int) async throws -> Int {
    try await withDeadline(in: .seconds(1)) { try await next() }
}
