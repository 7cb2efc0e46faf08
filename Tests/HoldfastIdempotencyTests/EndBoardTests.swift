import Holdfast
import HoldfastTesting
import TestSupport
import Testing

@testable import HoldfastIdempotency

@Suite struct EndBoardTests {
    private let clock = ManualClock()
    private let board = EndBoard()
    private let id = RecordID(bytes: [1])

    @Test func `a word wakes all who wait for its key and nobody else`() async throws {
        let (board, clock, id) = (board, clock, id)
        let waiting = (0..<3).map { _ in Task { try await board.wait(for: id, within: .seconds(10), on: clock) } }
        let other = Task { try await board.wait(for: RecordID(bytes: [2]), within: .seconds(10), on: clock) }
        await clock.sleepers(4)
        board.tell(id)
        for task in waiting { try await task.value }
        #expect(board.count == 1)
        clock.advance(by: .seconds(10))
        try await other.value
        #expect(board.count == 0)
    }

    @Test func `who is cancelled leaves`() async throws {
        let (board, clock, id) = (board, clock, id)
        let waiting = Task { try await board.wait(for: id, within: .seconds(10), on: clock) }
        await clock.sleepers(1)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(board.count == 0)
    }
}
