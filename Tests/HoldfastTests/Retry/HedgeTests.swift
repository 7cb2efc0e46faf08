import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import Holdfast
@testable import HoldfastMachines

@Suite struct HedgeTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    private func hedge(
        after delay: Duration = .seconds(1), hedges: Int = 1, budget: RetryBudget? = nil
    ) throws -> Hedge {
        var configuration = HedgeConfiguration()
        configuration.delay = .fixed(delay)
        configuration.hedges = hedges
        return try Hedge(configuration: configuration, budget: budget ?? RetryBudget(clock: clock), clock: clock)
    }

    @Test func `a call that is quick is made once`() async throws {
        let attempts = Mutex(0)
        let value = try await hedge().run(repeatable: .idempotent) { attempt in
            attempts.withLock { $0 += 1 }
            return attempt.number
        }
        #expect(value == 1)
        #expect(attempts.withLock { $0 } == 1)
    }

    @Test func `a second attempt answers for a slow first and the first is cancelled`() async throws {
        let (clock, hedge) = (clock, try hedge())
        let cancelled = Mutex(false)
        async let value = hedge.run(repeatable: .idempotent) { attempt in
            if attempt.number == 1 {
                do { try await clock.sleep(for: .seconds(100)) } catch {
                    cancelled.withLock { $0 = true }
                    throw error
                }
            }
            return attempt.number
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        try await expectEqual(value, 2)
        #expect(cancelled.withLock { $0 }, "it was waited for, too")
    }

    @Test func `a caller that leaves as the delay ends is not hedged`() async throws {
        let attempts = Mutex<[Int]>([])
        let caller = Mutex<Task<Void, any Error>?>(nil)
        let (start, started) = AsyncStream<Void>.makeStream()
        let budget = try RetryBudget(clock: clock)
        var configuration = HedgeConfiguration()
        configuration.delay = .fixed(.seconds(1))
        let hedge = try Hedge(
            configuration: configuration, budget: budget,
            clock: LeavingClock { caller.withLock { $0 }?.cancel() })
        let balance = budget.snapshot().balance
        let call = Task {
            for await _ in start { break }
            try await hedge.run(repeatable: .idempotent) { attempt in
                attempts.withLock { $0.append(attempt.number) }
                // It takes no notice of the cancellation for a while.
                for _ in 0..<1_000 { await Task.yield() }
            }
        }
        caller.withLock { $0 = call }
        started.yield()
        try await call.value
        #expect(attempts.withLock { $0 } == [1])
        #expect(budget.snapshot().balance == balance)
    }

    @Test func `a drowning dependency is not hedged when the budget is spent`() async throws {
        let budget = try RetryBudget(configuration: .ratio(0, reservePerSecond: 0), clock: clock)
        let (clock, hedge) = (clock, try hedge(budget: budget))
        async let value = hedge.run(repeatable: .idempotent) { attempt in
            try await clock.sleep(for: .seconds(5))
            return attempt.number
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        clock.advance(by: .seconds(4))
        try await expectEqual(value, 1)
        #expect(budget.snapshot().refused <= 1)
    }

    @Test func `what acts twice is not hedged`() async throws {
        await #expect(throws: PolicyError.self) {
            try await hedge().run(repeatable: .once) { _ in Issue.record("it ran") }
        }
    }

    @Test func `a failure ends the call and is a retry's business`() async throws {
        await #expect(throws: Broken.self) { try await hedge().run(repeatable: .idempotent) { _ in throw Broken() } }
    }

    @Test func `each attempt carries the same key`() async throws {
        let key = IdempotencyKey.minted()
        let (clock, hedge) = (clock, try hedge(hedges: 2))
        let keys = Mutex<[IdempotencyKey?]>([])
        async let value = hedge.run(repeatable: .keyed(key)) { attempt in
            keys.withLock { $0.append(attempt.key) }
            if attempt.number < 3 { try await clock.sleep(for: .seconds(100)) }
            return attempt.number
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        await clock.sleepers(3)
        clock.advance(by: .seconds(1))
        try await expectEqual(value, 3)
        #expect(keys.withLock { $0 } == [key, key, key])
    }

    private actor Session {
        private let clock: ManualClock
        private var logins = 0
        private var most = 0

        init(_ clock: ManualClock) { self.clock = clock }

        func call(through hedge: Hedge) async throws -> Int {
            try await hedge.run(repeatable: .idempotent) { attempt in
                assertIsolated()
                logins += 1
                most = max(most, logins)
                logins -= 1
                if attempt.number < 3 { try await clock.sleep(for: .seconds(100)) }
                assertIsolated()
            }
            return most
        }
    }

    @Test func `attempts on an actor use its state one at a time`() async throws {
        let (clock, hedge) = (clock, try hedge(hedges: 2))
        let advancing = Task {
            await clock.sleepers(2)
            clock.advance(by: .seconds(1))
            await clock.sleepers(3)
            clock.advance(by: .seconds(1))
        }
        try await expectEqual(Session(clock).call(through: hedge), 1)
        await advancing.value
    }

    @Test func `the machine hedges no more often than it may`() {
        var machine = HedgeMachine(hedges: 2)
        expectEqual(machine.delayPassed { true }, .send(2))
        expectEqual(machine.delayPassed { false }, .wait)
        expectEqual(machine.delayPassed { true }, .send(3))
        expectEqual(machine.delayPassed { true }, .wait)
        #expect(machine.inFlight == 3)
        expectEqual(machine.ended(succeeded: false), .wait)
        expectEqual(machine.ended(succeeded: true), .end)
    }

    @Test func `the observed quantile is at most an eighth above the truth`() {
        var generator = SeededGenerator(seed: 4)
        for scale in [Int64(10_000), 1_000_000, 1_000_000_000] {
            var quantile = LatencyQuantile()
            var samples: [Duration] = []
            for _ in 0..<4_000 {
                let sample = Duration.nanoseconds(Int64.random(in: scale...(10 * scale), using: &generator))
                samples.append(sample)
                quantile.record(sample)
            }
            samples.sort()
            let (truth, observed) = (samples[3_799], quantile.value(at: 0.95))
            #expect(observed >= truth && observed <= truth * 1.126, "\(observed) for \(truth)")
        }
        var extreme = LatencyQuantile()
        for duration in [Duration.zero, .seconds(-1), .seconds(Int64.max)] { extreme.record(duration) }
        #expect(extreme.value(at: 0.999) > .seconds(60))
    }

    @Test func `the delay follows what was observed`() async throws {
        var configuration = HedgeConfiguration()
        configuration.delay = .observed(quantile: 0.9, atLeast: 10, until: .seconds(7))
        let (clock, hedge) = (
            clock, try Hedge(configuration: configuration, budget: RetryBudget(clock: clock), clock: clock)
        )
        #expect(hedge.delay == .seconds(7))
        for _ in 0..<10 {
            async let value: Void = hedge.run(repeatable: .idempotent) { _ in
                try await clock.sleep(for: .milliseconds(10))
            }
            await clock.sleepers(2)
            clock.advance(by: .milliseconds(10))
            try await value
        }
        #expect(hedge.delay >= .milliseconds(10) && hedge.delay <= .milliseconds(12), "\(hedge.delay)")
    }
}
