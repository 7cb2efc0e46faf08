import Holdfast
public import HoldfastIdempotency
import HoldfastTesting
import Synchronization
import Testing

/// What holds between two processes that share a store.
public enum AcrossProcesses {
    /// One executes, and another waits on a clock that stands still: only the store's word can wake it.
    ///
    /// - Parameter isListening: Whether the one who waits is ready to hear.
    public static func check(
        here: some ClaimStore, there: some ClaimStore, isListening: @Sendable () async throws -> Bool
    ) async throws {
        let first = try IdempotencyEngine(store: here)
        let second = try IdempotencyEngine(store: there, clock: ManualClock())
        let scope = Scope(caller: "acme", operation: "charges")
        let (begun, beginning) = AsyncStream.makeStream(of: Void.self)
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        let executing = Task {
            try await first.run(.init("k"), in: scope, saying: []) { _ in
                beginning.finish()
                for await _ in ended {}
                return 7
            }
        }
        for await _ in begun {}
        let waiting = Task {
            try await second.run(.init("k"), in: scope, saying: []) { _ in 8 }
        }
        while try await !isListening() { await Task.yield() }
        end.finish()
        try await expectEqual(executing.value.isReplay, false)
        let heard = try await waiting.value
        #expect(heard.isReplay && heard.value == 7)
    }
}
