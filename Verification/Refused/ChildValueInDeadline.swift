// refused: capturing 'async let' variables is not supported
import Holdfast

func use() async throws {
    async let value = 7
    try await withDeadline(in: .seconds(1)) { _ = await value }
}
