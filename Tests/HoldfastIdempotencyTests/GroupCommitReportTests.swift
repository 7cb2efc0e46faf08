import Holdfast
import HoldfastIdempotency
import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@Suite struct GroupCommitReportTests {
    @Test func `each commit is told of before its commands are answered, with how many shared it and how long it took`()
        async throws
    {
        let clock = ManualClock()
        let store = HeldStore(clock: clock)
        let reports = Reports()
        let commit = GroupCommit(store: store, clock: clock) { report in reports.list.withLock { $0.append(report) } }
        let key = OneKey()
        let (answers, answered) = AsyncStream.makeStream(of: Int.self)
        let submit: @Sendable () -> Void = {
            commit.submit(key.claim) { _ in answered.yield(reports.list.withLock { $0.count }) }
        }
        submit()
        await store.isAsked()
        // Two come while the first is in flight, and share the next commit.
        submit()
        submit()
        store.answer()
        await store.isAsked()
        store.answer()
        var told: [Int] = []
        for await count in answers {
            told.append(count)
            if told.count == 3 { break }
        }
        #expect(told == [1, 2, 2])
        store.fails.store(true, ordering: .relaxed)
        submit()
        await store.isAsked()
        store.answer()
        for await _ in answers { break }
        let took = Duration.milliseconds(7)
        #expect(
            reports.list.withLock { $0 } == [
                .init(commands: 1, duration: took, succeeded: true),
                .init(commands: 2, duration: took, succeeded: true),
                .init(commands: 1, duration: took, succeeded: false),
            ])
    }

    private final class Reports: Sendable {
        let list = Mutex<[GroupCommit.Report]>([])
    }

    /// Answers when the test says so, and takes seven milliseconds of the test's clock.
    private final class HeldStore: WrappingStore {
        let inner = MemoryStore()
        let fails = Atomic(false)
        private let clock: ManualClock
        private let asked = AsyncStream.makeStream(of: Void.self)
        private let held = AsyncStream.makeStream(of: Void.self)

        init(clock: ManualClock) { self.clock = clock }

        func apply(_ batch: [ClaimCommand]) async throws -> [ClaimReply] {
            asked.continuation.yield()
            for await _ in held.stream { break }
            clock.advance(by: .milliseconds(7))
            if fails.load(ordering: .relaxed) { throw ClaimStoreError(.failed, "as told") }
            return try await inner.apply(batch)
        }

        func isAsked() async { for await _ in asked.stream { break } }

        func answer() { held.continuation.yield() }
    }
}
