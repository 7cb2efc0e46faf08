import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import Holdfast

@Suite struct BulkheadTests {
    private let clock = ManualClock()

    private func bulkhead(
        limit: Int = 1, queue: Int = 0, order: BulkheadConfiguration.Order = .fifo, wait: Duration = .seconds(10)
    ) throws -> Bulkhead {
        var configuration = BulkheadConfiguration()
        (configuration.limit, configuration.queue) = (limit, queue)
        (configuration.order, configuration.maximumWait) = (order, wait)
        return try Bulkhead("reports", configuration: configuration, clock: clock)
    }

    /// A call that has taken its place, and holds it until its clock moves.
    private func occupying(_ bulkhead: Bulkhead, on clock: ManualClock) async -> Task<Void, any Error> {
        let call = Task { try await bulkhead.run { try await clock.sleep(for: .seconds(1)) } }
        await clock.sleepers(1)
        return call
    }

    @Test func `a call beyond the limit is rejected with what was counted`() async throws {
        let (bulkhead, work) = (try bulkhead(), ManualClock())
        let call = await occupying(bulkhead, on: work)
        let explanation = try await expectRejection(by: .bulkhead, named: "reports") {
            try await bulkhead.run { Issue.record("it ran") }
        }
        #expect(explanation.evidence == .concurrency(inFlight: 1, limit: 1, waiting: 0))
        work.advance(by: .seconds(1))
        try await call.value
        try await bulkhead.run {}
        #expect(bulkhead.snapshot() == Bulkhead.Snapshot(name: "reports", inFlight: 0, waiting: 0))
    }

    @Test func `a place is held until the work ends and not until its caller gives up`() async throws {
        let (bulkhead, work, clock) = (try bulkhead(), ManualClock(), self.clock)
        let call = Task {
            try await withDeadline(in: .seconds(1), clock: clock) {
                // It ignores its cancellation, as blocking work does.
                try await bulkhead.run { await Task { try? await work.sleep(for: .seconds(9)) }.value }
            }
        }
        await work.sleepers(1)
        await clock.sleepers(1)
        clock.advance(by: .seconds(1))
        try await expectRejection(by: .bulkhead) { try await bulkhead.run { Issue.record("it ran") } }
        work.advance(by: .seconds(9))
        try await call.value
        try await bulkhead.run {}
    }

    @Test(arguments: [BulkheadConfiguration.Order.fifo, .lifo])
    func `who waits is served in order`(order: BulkheadConfiguration.Order) async throws {
        let (bulkhead, work) = (try bulkhead(queue: 3, order: order), ManualClock())
        let first = await occupying(bulkhead, on: work)
        let served = Counter()
        var waiting: [Task<Int, any Error>] = []
        for number in 1...3 {
            waiting.append(Task { try await bulkhead.run { served.add() } })
            // Each waits, with its timer, before the next comes.
            await clock.sleepers(number)
        }
        work.advance(by: .seconds(1))
        try await first.value
        var turns: [Int] = []
        for call in waiting { turns.append(try await call.value) }
        #expect(turns == (order == .fifo ? [1, 2, 3] : [3, 2, 1]))
    }

    @Test func `who waits too long is rejected and leaves its place in the queue`() async throws {
        let (bulkhead, work) = (try bulkhead(queue: 1, wait: .seconds(2)), ManualClock())
        let call = await occupying(bulkhead, on: work)
        let waiting = Task { try await bulkhead.run { Issue.record("it ran") } }
        await clock.sleepers(1)
        clock.advance(by: .seconds(2))
        try await expectRejection(by: .bulkhead) { try await waiting.value }
        #expect(bulkhead.snapshot().waiting == 0)
        work.advance(by: .seconds(1))
        try await call.value
        #expect(bulkhead.snapshot().inFlight == 0)
    }

    @Test func `nobody waits past the call's deadline and that is no failure of the dependency`() async throws {
        let (bulkhead, work, clock) = (try bulkhead(queue: 2), ManualClock(), self.clock)
        let breaker = try CircuitBreaker("reports", trip: .consecutiveFailures(1), clock: clock)
        let call = await occupying(bulkhead, on: work)
        let waiting = Task {
            try await withDeadline(in: .seconds(1), clock: clock) {
                try await breaker.run { try await bulkhead.run { Issue.record("it ran") } }
            }
        }
        await clock.sleepers(1)
        clock.advance(by: .seconds(1))
        try await expectRejection(by: .bulkhead) { try await waiting.value }
        #expect(breaker.snapshot().state == .closed)
        work.advance(by: .seconds(1))
        try await call.value
    }

    @Test func `a caller that is cancelled leaves the queue`() async throws {
        let (bulkhead, work) = (try bulkhead(queue: 1), ManualClock())
        let call = await occupying(bulkhead, on: work)
        let waiting = Task { try await bulkhead.run { Issue.record("it ran") } }
        await clock.sleepers(1)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(bulkhead.snapshot().waiting == 0)
        work.advance(by: .seconds(1))
        try await call.value
        try await bulkhead.run {}
    }

    @Test func `no place is lost when grants and cancellations race`() async throws {
        let bulkhead = try Bulkhead("busy", limit: 2, queue: 8)
        let (running, most, ran) = (Counter(), Counter(), Counter())
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<2_000 {
                group.addTask {
                    let call = Task {
                        try await bulkhead.run {
                            most.rise(to: running.add())
                            await Task.yield()
                            running.add(-1)
                            ran.add()
                        }
                    }
                    if number.isMultiple(of: 3) { call.cancel() }
                    _ = await call.result
                }
            }
        }
        #expect(most.value <= 2)
        #expect(ran.value > 0)
        #expect(bulkhead.snapshot() == Bulkhead.Snapshot(name: "busy", inFlight: 0, waiting: 0))
    }

    /// A clock that is an hour later whenever it is read again, and does something at the second reading.
    private final class Leaping: TimeSource {
        private let readings = Counter()
        private let atSecond: @Sendable () -> Void

        init(_ atSecond: @escaping @Sendable () -> Void) {
            self.atSecond = atSecond
        }

        var now: MonotonicInstant {
            let reading = readings.add()
            if reading == 2 { atSecond() }
            return MonotonicInstant(nanoseconds: Int64(reading) * 3_600_000_000_000)
        }
        var minimumResolution: Duration { .nanoseconds(1) }
        func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws {}
    }

    @Test func `a place that is granted as the wait ends is not lost`() async throws {
        let held = Mutex<Bulkhead.Place?>(nil)
        let clock = Leaping { held.withLock { $0.take() }?.release() }
        let bulkhead = try Bulkhead("reports", limit: 1, queue: 1, clock: clock)
        try held.withLock { $0 = try bulkhead.tryAcquire() }
        try await expectRejection(by: .bulkhead) { try await bulkhead.run { Issue.record("it ran") } }
        #expect(bulkhead.snapshot().inFlight == 0)
    }

    @Test func `a place that is dropped is given back`() throws {
        let bulkhead = try bulkhead()
        do {
            let place = try bulkhead.tryAcquire()
            #expect(throws: Bulkhead.Rejection.self) { _ = try bulkhead.tryAcquire() }
            place.release()
        }
        do { _ = try bulkhead.tryAcquire() }
        #expect(bulkhead.snapshot().inFlight == 0)
    }
}
