package import Holdfast
import Synchronization

/// Where those who wait for another process meet the word that it has ended: for stores that are told.
package final class EndBoard: Sendable {
    private struct State {
        var next = 0
        var waiting: [RecordID: [Int: AsyncStream<Void>.Continuation]] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// Waits for the word, or for the pause to be over.
    ///
    /// - Throws: `CancellationError`.
    package func wait(for id: RecordID, within pause: Duration, on clock: any TimeSource) async throws {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.next += 1
            state.waiting[id, default: [:]][state.next] = continuation
            return state.next
        }
        let sleeper = Task {
            try? await clock.sleep(for: pause)
            continuation.finish()
        }
        for await _ in stream { break }
        sleeper.cancel()
        state.withLock { state in
            state.waiting[id]?[number] = nil
            if state.waiting[id]?.isEmpty == true { state.waiting[id] = nil }
        }
        try Task.checkCancellation()
    }

    /// Wakes all who wait for this key.
    package func tell(_ id: RecordID) {
        let waiting = state.withLock { state in state.waiting[id].map { Array($0.values) } ?? [] }
        for continuation in waiting { continuation.yield() }
    }

    /// How many wait.
    package var count: Int { state.withLock { $0.waiting.values.reduce(0) { $0 + $1.count } } }
}
