import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

@Suite struct LineageTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    /// A value that a task leaves for another.
    private actor Slot<Value: Sendable> {
        private var value: Value?
        func put(_ value: Value) { self.value = value }
        func take() -> Value? { value }
    }

    private func retry(attempts: Int = 3, clock: any TimeSource) throws -> Retry {
        try Retry(.constant(.zero), attempts: attempts, budget: RetryBudget(), clock: clock)
    }

    /// How a task came to be under the limit.
    enum Kind: CaseIterable, CustomTestStringConvertible {
        case awaited, leftBehind, child, group
        var testDescription: String { "\(self)" }
    }

    @Test(arguments: [Kind.awaited, .child, .group])
    func `a limit of its own ends a wait in every kind of task under an earlier limit`(kind: Kind) async throws {
        let (clock, other) = (self.clock, ManualClock())
        let body: @Sendable () async throws -> Void = {
            try await withDeadline(in: .seconds(2), clock: other) { try await other.sleep(for: .seconds(100)) }
        }
        let call = Task {
            try await withDeadline(in: .seconds(1), clock: clock) {
                switch kind {
                case .child:
                    async let child: Void = body()
                    try await child
                case .group:
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await body() }
                        try await group.next()
                    }
                case .awaited, .leftBehind:
                    try await Task { try await body() }.value
                }
            }
        }
        await other.sleepers(2)
        other.advance(by: .seconds(2))
        let error = await #expect(throws: TimeoutError.self) { try await call.value }
        #expect(error?.limit.duration == .seconds(2))
    }

    @Test func `a task that is left behind is bound by its own limit and not by that of the call that began it`()
        async throws
    {
        let clock = self.clock
        let left = Slot<Task<Void, any Error>>()
        let gate = ManualClock()
        try await withDeadline(in: .seconds(1), clock: clock) {
            let refresher = Task {
                try await gate.sleep(for: .seconds(1))
                #expect(Lineage.current.limit == nil, "the call has ended")
                try await withDeadline(in: .seconds(5), clock: clock) { try await clock.sleep(for: .seconds(100)) }
            }
            await left.put(refresher)
        }
        let refresher = try #require(await left.take())
        clock.advance(by: .seconds(3))
        await gate.sleepers(1)
        gate.advance(by: .seconds(1))
        await clock.sleepers(2)
        clock.advance(by: .seconds(5))
        let error = await #expect(throws: TimeoutError.self) { try await refresher.value }
        #expect(error?.limit.duration == .seconds(5))
    }

    @Test func `a bulkhead's queue ends in a task that was started under another limit`() async throws {
        let (clock, work) = (self.clock, ManualClock())
        var configuration = BulkheadConfiguration()
        (configuration.limit, configuration.queue, configuration.maximumWait) = (1, 1, .seconds(2))
        let bulkhead = try Bulkhead("reports", configuration: configuration, clock: clock)
        let place = try bulkhead.tryAcquire()
        let waiting = Task {
            try await withDeadline(in: .seconds(1), clock: work) {
                try await Task { try await bulkhead.run { Issue.record("it ran") } }.value
            }
        }
        await clock.sleepers(1)
        clock.advance(by: .seconds(2))
        try await expectRejection(by: .bulkhead) { try await waiting.value }
        place.release()
    }

    @Test func `a retry in a task that outlives the retry above makes all its attempts`() async throws {
        let (outer, inner) = (try retry(clock: clock), try retry(clock: clock))
        let (left, gate) = (Slot<Task<Void, any Error>>(), ManualClock())
        let made = Counter()
        try await outer.run(repeatable: .idempotent, on: .anyError) { attempt in
            if attempt.number == 1 { throw Broken() }
            let refresher = Task {
                try await gate.sleep(for: .seconds(1))
                try await inner.run(repeatable: .idempotent, on: .anyError) { _ in
                    made.add()
                    throw Broken()
                }
            }
            await left.put(refresher)
        }
        await gate.sleepers(1)
        gate.advance(by: .seconds(1))
        let refresher = try #require(await left.take())
        await #expect(throws: CallFailure<any Error>.self) { try await refresher.value }
        #expect(made.value == 3)
    }

    @Test func `what leaves the lineage is bound by nothing of the call's`() async throws {
        let (outer, inner) = (try retry(clock: clock), try retry(clock: clock))
        let made = Counter()
        try await withDeadline(in: .seconds(1), clock: clock) {
            try await outer.run(repeatable: .idempotent, on: .anyError) { attempt in
                if attempt.number == 1 { throw Broken() }
                #expect(Lineage.current.retriesAbove == 1)
                await withoutLineage {
                    #expect(Lineage.current.limit == nil)
                    _ = try? await inner.run(repeatable: .idempotent, on: .anyError) { _ in
                        made.add()
                        throw Broken()
                    }
                }
                #expect(Lineage.current.retriesAbove == 1, "it is back")
            }
        }
        #expect(made.value == 3)
    }

    @Test func `limits of two clocks are compared by what is left of them`() async throws {
        let (early, late) = (
            ManualClock(at: MonotonicInstant(nanoseconds: 0)), ManualClock(at: .init(nanoseconds: 1 << 40))
        )
        try await withDeadline(in: .seconds(9), clock: early) {
            try await withDeadline(in: .seconds(2), clock: late) {
                #expect(Lineage.current.remaining == .seconds(2))
            }
        }
        try await withDeadline(in: .seconds(2), clock: late) {
            try await withDeadline(in: .seconds(9), clock: early) {
                #expect(Lineage.current.remaining == .seconds(2))
                #expect(!Lineage.current.hasExpired)
            }
        }
    }

    @Test func `a retry's wait heeds a limit on another clock`() async throws {
        let (clock, limits) = (InstantClock(), ManualClock(at: MonotonicInstant(nanoseconds: 1 << 50)))
        let retry = try Retry(
            .constant(.seconds(3), jitter: .none), attempts: 3, budget: RetryBudget(clock: clock), clock: clock)
        let failure = await #expect(throws: CallFailure<any Error>.self) {
            try await withDeadline(in: .seconds(2), clock: limits) {
                try await retry.run(repeatable: .idempotent, on: .anyError) { _ in throw Broken() }
            }
        }
        #expect(failure?.reason == .deadline)
        #expect(clock.waits.isEmpty)
    }

    @Test func `an outer limit on another clock does not stand in for an inner one`() async throws {
        let (outer, inner) = (ManualClock(), ManualClock())
        let call = Task {
            try await withDeadline(in: .seconds(1), clock: outer) {
                try await withDeadline(in: .seconds(5), clock: inner) { try await inner.sleep(for: .seconds(100)) }
            }
        }
        await inner.sleepers(2)
        inner.advance(by: .seconds(5))
        let error = await #expect(throws: TimeoutError.self) { try await call.value }
        #expect(error?.limit.duration == .seconds(5))
    }
}
