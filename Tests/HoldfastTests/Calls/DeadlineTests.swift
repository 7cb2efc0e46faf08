import Holdfast
import HoldfastTesting
import TestSupport
import Testing

@Suite struct DeadlineTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    /// Waits until it is cancelled.
    private nonisolated(nonsending) func hang() async throws { try await clock.sleep(for: .seconds(1_000_000)) }

    @Test func `a body that ends in time is not disturbed`() async throws {
        let value = try await withDeadline(in: .seconds(1), clock: clock) { 7 }
        #expect(value == 7)
    }

    @Test func `a body that hangs is cancelled at the deadline and the error says which limit it was`() async throws {
        let result = Task { try await withDeadline(in: .seconds(5), clock: clock) { try await hang() } }
        await clock.sleepers(2)
        clock.advance(by: .seconds(5))
        let error = await #expect(throws: TimeoutError.self) { try await result.value }
        #expect(error?.limit.kind == .deadline)
        #expect(error?.limit.duration == .seconds(5))
        #expect(error?.failureClass == .unknown)
        #expect(error?.description == "not done within the deadline of 5.0 seconds")
    }

    /// A clock on which nobody may sleep.
    private struct Sleepless: TimeSource {
        var now: MonotonicInstant { MonotonicInstant(nanoseconds: 0) }
        var minimumResolution: Duration { .nanoseconds(1) }
        func sleep(until deadline: MonotonicInstant, tolerance: Duration?) async throws { Issue.record("a timer") }
    }

    @Test func `a body that waits for nothing needs no timer`() async throws {
        for _ in 0..<100 {
            try await withDeadline(in: .seconds(1), clock: Sleepless()) {}
            let policy = try Policy { try Timeout(.seconds(1), clock: Sleepless()) }
            try await policy.run(repeatable: .once) { _ in }
        }
    }

    @Test func `a deadline that has passed runs nothing`() async throws {
        clock.advance(by: .seconds(5))
        await #expect(throws: TimeoutError.self) {
            try await withDeadline(MonotonicInstant(nanoseconds: 5_000_000_000), clock: clock) {
                Issue.record("it ran")
            }
        }
    }

    @Test func `of nested deadlines the earlier counts`() async throws {
        let outer = Task {
            try await withDeadline(in: .seconds(2), clock: clock) {
                try await withDeadline(in: .seconds(9), clock: clock) {
                    #expect(Lineage.current.remaining == .seconds(2))
                    try await hang()
                }
            }
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(2))
        let error = await #expect(throws: TimeoutError.self) { try await outer.value }
        #expect(error?.limit.duration == .seconds(2))
        let inner = Task {
            try await withDeadline(in: .seconds(9), clock: clock) {
                try await withDeadline(in: .seconds(2), clock: clock) {
                    #expect(Lineage.current.remaining == .seconds(2))
                    try await hang()
                }
            }
        }
        await clock.sleepers(3)
        clock.advance(by: .seconds(2))
        let nested = await #expect(throws: TimeoutError.self) { try await inner.value }
        #expect(nested?.limit.duration == .seconds(2))
    }

    @Test func `the body is waited for and its value counts although it is late`() async throws {
        let clock = self.clock
        let value = Task {
            try await withDeadline(in: .seconds(1), clock: clock) {
                try? await clock.sleep(for: .seconds(100))
                return "late, but here"
            }
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        try await expectEqual(value.value, "late, but here")
    }

    @Test func `what the body throws in time is what really happened`() async throws {
        let clock = self.clock
        await #expect(throws: Broken.self) { try await withDeadline(in: .seconds(1), clock: clock) { throw Broken() } }
    }

    @Test func `a caller's cancellation is no timeout`() async throws {
        let clock = self.clock
        let task = Task {
            try await withDeadline(in: .seconds(1), clock: clock) { try await clock.sleep(for: .seconds(9)) }
        }
        await clock.sleepers(2)
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `the body runs on the caller's actor`() async throws {
        try await Caller().call(clock)
    }

    private actor Caller {
        private var count = 0

        func call(_ clock: ManualClock) async throws {
            let value = try await withDeadline(in: .seconds(1), clock: clock) {
                assertIsolated()
                count += 1
                await Task.yield()
                assertIsolated()
                count += 1
                return count
            }
            #expect(value == 2)
        }
    }

    @Test func `a call that the deadline ends is a failure to a breaker and a cancelled one is nothing`() async throws {
        let clock = self.clock
        let breaker = try CircuitBreaker("x", trip: .consecutiveFailures(1), clock: clock)
        let cancelled = Task { try await breaker.run { try await clock.sleep(for: .seconds(9)) } }
        await clock.sleepers(1)
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(breaker.snapshot().state == .closed)
        let late = Task {
            try await withDeadline(in: .seconds(1), clock: clock) {
                try await breaker.run { try await clock.sleep(for: .seconds(9)) }
            }
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        await #expect(throws: TimeoutError.self) { try await late.value }
        #expect(breaker.snapshot().state == .open)
    }
}
