import Holdfast
import HoldfastTesting
import TestSupport
import Testing

@Suite struct CooperativeDeadlineTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    private final class Plain { var count = 0 }

    @Test func `the body may touch what belongs to the caller's task`() async throws {
        let plain = Plain()
        var variable = 0
        let results = try await withThrowingTaskGroup(of: Int.self) { group in
            try await withCooperativeDeadline(in: .seconds(1), clock: clock) {
                group.addTask { 1 }
                variable += 1
                plain.count += 1
            }
            let policy = try Policy {
                try CooperativeDeadline(.seconds(5), clock: clock)
                try Retry(.constant(.zero), budget: RetryBudget(clock: clock), clock: clock)
                try CooperativeTimeout(.seconds(1), clock: clock)
            }
            try await policy.run(repeatable: .idempotent) { _ in
                group.addTask { 2 }
                variable += 1
            }
            return try await group.reduce(0, +)
        }
        #expect(results == 3)
        #expect(variable == 2)
        #expect(plain.count == 1)
    }

    @Test func `a result need not be Sendable`() async throws {
        let plain = try await withCooperativeDeadline(in: .seconds(1), clock: clock) { Plain() }
        plain.count += 1
    }

    @Test(arguments: [[2, 9], [9, 2], [2, 9, 9], [9, 2, 9], [9, 9, 2]])
    func `the earliest of all limits counts wherever it stands`(limits: [Int]) async throws {
        let clock = self.clock
        let seconds = limits.map { Duration.seconds($0) }
        let call = Task {
            try await withCooperativeDeadline(in: seconds[0], clock: clock) {
                try await withCooperativeDeadline(in: seconds[seconds.count - 2], clock: clock) {
                    try await withDeadline(in: seconds[seconds.count - 1], clock: clock) {
                        try await clock.sleep(for: .seconds(100))
                    }
                }
            }
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(2))
        let error = await #expect(throws: TimeoutError.self) { try await call.value }
        #expect(error?.limit.duration == .seconds(2))
    }

    @Test(arguments: [[2, 9], [9, 2]])
    func `the earliest of the limits on another clock counts wherever it stands`(limits: [Int]) async throws {
        let (clock, other) = (self.clock, ManualClock())
        let call = Task {
            try await withCooperativeDeadline(in: .seconds(limits[0]), clock: other) {
                try await withCooperativeDeadline(in: .seconds(limits[1]), clock: other) {
                    try await withDeadline(in: .seconds(9), clock: clock) { try await clock.sleep(for: .seconds(100)) }
                }
            }
        }
        await other.sleepers(1)
        other.advance(by: .seconds(2))
        let error = await #expect(throws: TimeoutError.self) { try await call.value }
        #expect(error?.limit.duration == .seconds(2))
    }

    @Test func `one between two that cancel is enforced by the inner`() async throws {
        let clock = self.clock
        let call = Task {
            try await withDeadline(in: .seconds(3), clock: clock) {
                try await withCooperativeDeadline(in: .seconds(2), clock: clock) {
                    try await withDeadline(in: .seconds(9), clock: clock) { try await clock.sleep(for: .seconds(100)) }
                }
            }
        }
        await clock.sleepers(3)
        clock.advance(by: .seconds(2))
        let error = await #expect(throws: TimeoutError.self) { try await call.value }
        #expect(error?.limit.duration == .seconds(2))
    }

    @Test func `a retry below does not wait past it`() async throws {
        let clock = InstantClock()
        let retry = try Retry(
            .constant(.seconds(2), jitter: .none), attempts: 5, budget: RetryBudget(clock: clock), clock: clock)
        let failure = await #expect(throws: CallFailure<any Error>.self) {
            try await withCooperativeDeadline(in: .seconds(3), clock: clock) {
                try await retry.run(repeatable: .idempotent, on: .anyError) { _ in throw Broken() }
            }
        }
        #expect(failure?.reason == .deadline)
        #expect(clock.waits.count == 1)
    }

    @Test func `a bulkhead's queue below ends with it`() async throws {
        let clock = self.clock
        var configuration = BulkheadConfiguration()
        (configuration.limit, configuration.queue, configuration.maximumWait) = (1, 1, .seconds(60))
        let bulkhead = try Bulkhead("reports", configuration: configuration, clock: clock)
        let place = try bulkhead.tryAcquire()
        let waiting = Task {
            try await withCooperativeDeadline(in: .seconds(1), clock: clock) {
                try await bulkhead.run { Issue.record("it ran") }
            }
        }
        await clock.sleepers(1)
        clock.advance(by: .seconds(1))
        try await expectRejection(by: .bulkhead) { try await waiting.value }
        place.release()
    }

    @Test func `a single flight below is left when its time is over`() async throws {
        let clock = self.clock
        let flights = try SingleFlight<String, Int>()
        let work = ManualClock()
        let waiting = Task {
            try await withCooperativeDeadline(in: .seconds(1), clock: clock) {
                try await flights.run("rates") {
                    try await work.sleep(for: .seconds(100))
                    return 7
                }
            }
        }
        await clock.sleepers(1)
        await work.sleepers(1)
        clock.advance(by: .seconds(1))
        await #expect(throws: TimeoutError.self) { try await waiting.value }
        #expect(flights.inFlight == 0)
    }

    @Test func `when its time is over nothing begins and a late value counts`() async throws {
        let clock = self.clock
        clock.advance(by: .seconds(5))
        await #expect(throws: TimeoutError.self) {
            try await withCooperativeDeadline(MonotonicInstant(nanoseconds: 5_000_000_000), clock: clock) {
                Issue.record("it ran")
            }
        }
        let value = try await withCooperativeDeadline(in: .seconds(1), clock: clock) {
            clock.advance(by: .seconds(2))
            return "late, but here"
        }
        #expect(value == "late, but here")
    }
}
