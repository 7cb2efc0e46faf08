import Holdfast
import HoldfastTesting
import Testing

/// A manual clock that moves by itself, and one that gives up.
@Suite struct ManualClockPassingTests {
    private struct Reset: Error {}

    private func seconds(_ clock: ManualClock) -> Int64 { clock.now.nanoseconds / 1_000_000_000 }

    @Test func `a retry's waits pass by themselves, and take the time that they take`() async throws {
        let clock = ManualClock(passing: ManualClock.waits)
        let dependency = ScriptedDependency<Int>(
            [.fails(Reset()), .takes(.seconds(3), .fails(Reset())), .succeeds(7)], clock: clock)
        let retry = try Retry(.constant(.seconds(10)), attempts: 3, budget: RetryBudget(clock: clock), clock: clock)
        let answer = try await retry.run(repeatable: .idempotent, on: .anyError) { _ in try await dependency.call() }
        #expect(answer == 7 && dependency.calls.count == 3)
        let last = try #require(dependency.calls.last)
        #expect(clock.now == last && last > dependency.calls[1].advanced(by: .seconds(3)))
    }

    @Test func `a limit that comes first is met first, and what hangs is ended by it`() async throws {
        for step in [ScriptedDependency<Int>.Step.takes(.seconds(30), .succeeds(7)), .hangs] {
            let clock = ManualClock(passing: ManualClock.waits)
            let dependency = ScriptedDependency<Int>([step], clock: clock)
            await #expect(throws: TimeoutError.self) {
                try await withDeadline(in: .seconds(5), clock: clock) { try await dependency.call() }
            }
            #expect(seconds(clock) == 5)
        }
        let clock = ManualClock(passing: ManualClock.waits)
        let dependency = ScriptedDependency<Int>([.takes(.seconds(3), .succeeds(7))], clock: clock)
        let answer = try await withDeadline(in: .seconds(5), clock: clock) { try await dependency.call() }
        #expect(answer == 7 && seconds(clock) == 3)
    }

    @Test func `of several that sleep at once each wakes at its time`() async throws {
        let clock = ManualClock(passing: [SleepPurpose("mine")])
        let woken = try await withThrowingTaskGroup(of: Int64.self) { group in
            for time in [5, 1, 9, 3] as [Int64] {
                group.addTask {
                    try await clock.sleep(for: .seconds(time), as: SleepPurpose("mine"))
                    return clock.now.nanoseconds / 1_000_000_000
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(woken.sorted() == [1, 3, 5, 9])
    }

    @Test func `what sleeps for another purpose does not move the clock`() async throws {
        let clock = ManualClock(passing: ManualClock.waits)
        let keeper = Task { while true { try await clock.sleep(for: .seconds(20)) } }
        await clock.sleepers(1)
        #expect(clock.now == MonotonicInstant(nanoseconds: 0))
        // And when the clock passes it by the way, it has its turn.
        try await clock.sleep(for: .seconds(30), as: .backoff)
        #expect(seconds(clock) == 30)
        try await clock.sleepers(1, for: .other)
        keeper.cancel()
    }

    @Test func `a clock that passes nothing stands still for all of them`() async throws {
        let clock = ManualClock()
        let sleeper = Task { try await clock.sleep(for: .seconds(2), as: .backoff) }
        try await clock.sleepers(1, for: .backoff)
        #expect(clock.sleepers == [.backoff] && clock.now == MonotonicInstant(nanoseconds: 0))
        clock.advance(by: .seconds(2))
        try await sleeper.value
    }

    @Test func `a test waits for the sleeper that it means`() async throws {
        let clock = ManualClock()
        let retry = try Retry(.constant(.seconds(1)), attempts: 2, budget: RetryBudget(clock: clock), clock: clock)
        let call = Task {
            try await withDeadline(in: .seconds(60), clock: clock) {
                try await retry.run(repeatable: .idempotent, on: .anyError) { attempt in
                    if attempt.number == 1 { throw Reset() }
                    return attempt.number
                }
            }
        }
        try await clock.sleepers(1, for: .backoff)
        try await clock.sleepers(1, for: .limit)
        #expect(Set(clock.sleepers) == [.backoff, .limit])
        clock.advance(by: .seconds(2))
        #expect(try await call.value == 2)
    }

    @Test func `who waits for a sleeper that does not come is told who sleeps instead`() async throws {
        let clock = ManualClock(patience: .milliseconds(1))
        let nobody = await #expect(throws: UnexpectedOutcome.self) { try await clock.sleepers(1, for: .backoff) }
        #expect(nobody?.description.contains("1 sleepers for backoff were waited for, and nobody sleeps") == true)
        #expect(nobody?.description.contains("ManualClockPassingTests.swift:") == true)
        let sleeper = Task { try await clock.sleep(for: .seconds(3), as: .limit) }
        await clock.sleepers(1)
        let other = await #expect(throws: UnexpectedOutcome.self) { try await clock.sleepers(2, for: .limit) }
        #expect(other?.description.contains("these sleep: limit until 3.0 seconds") == true)
        sleeper.cancel()
    }

    @Test func `whoever sleeps on a clock that has given up is told why, and the test does not stand still`()
        async throws
    {
        let clock = ManualClock(patience: .milliseconds(1))
        let sleeper = Task { try await clock.sleep(for: .seconds(3), as: .turn) }
        try? await clock.sleepers(1, for: .turn)
        await clock.sleepers(2)
        for _ in 0..<2 {
            let error = await #expect(throws: UnexpectedOutcome.self) { try await clock.sleep(for: .seconds(1)) }
            #expect(error?.description.contains("2 sleepers were waited for") == true)
        }
        await #expect(throws: UnexpectedOutcome.self) { try await sleeper.value }
    }

    @Test func `who waits for sleepers and is cancelled waits no more`() async throws {
        let clock = ManualClock()
        for isBefore in [true, false] {
            let waiting = Task {
                if isBefore { withUnsafeCurrentTask { $0?.cancel() } }
                try await clock.sleepers(1, for: .backoff)
            }
            waiting.cancel()
            await #expect(throws: CancellationError.self) { try await waiting.value }
        }
        let unlabelled = Task { await clock.sleepers(1) }
        unlabelled.cancel()
        await unlabelled.value
    }

    @Test func `a hang that nothing ends gives up, and does not run for ever`() async throws {
        let clock = ManualClock(passing: ManualClock.waits)
        let keeper = Task { while true { try await clock.sleep(for: .seconds(20)) } }
        let hanging = ScriptedDependency<Int>([.hangs], clock: clock)
        let error = await #expect(throws: UnexpectedOutcome.self) { try await hanging.call() }
        #expect(error?.description.contains("times by itself") == true)
        await #expect(throws: UnexpectedOutcome.self) { try await keeper.value }
    }

    /// What an operation sleeps for, that a clock does not pass.
    @Test(arguments: [SleepPurpose.other, .hang, .hedge, SleepPurpose("mine")])
    func `a sleep in an operation that nothing passes gives up and is named`(purpose: SleepPurpose) async throws {
        let clock = ManualClock(passing: ManualClock.waits, patience: .milliseconds(1))
        let retry = try Retry(.constant(.seconds(1)), attempts: 2, budget: RetryBudget(clock: clock), clock: clock)
        let failure = await #expect(throws: CallFailure<any Error>.self) {
            try await retry.run(repeatable: .idempotent, on: .anyError) { attempt in
                if attempt.number == 1 { throw Reset() }
                try await clock.sleep(for: .seconds(2), as: purpose)
            }
        }
        let words = "\(try #require(failure?.last as? UnexpectedOutcome))"
        #expect(words.contains("gave up after 0.001 seconds in which nothing moved the clock"))
        #expect(words.contains("it passes backoff, latency, turn by itself"))
        #expect(words.contains("these sleep: \(purpose) until"))
        #expect(words.contains("as: .latency"))
    }

    @Test func `a sleep that says nothing of its purpose gives up under a limit too`() async throws {
        let clock = ManualClock(passing: ManualClock.waits, patience: .milliseconds(1))
        let error = await #expect(throws: UnexpectedOutcome.self) {
            try await withDeadline(in: .seconds(5), clock: clock) { try await clock.sleep(for: .seconds(2)) }
        }
        #expect(error?.description.contains("other until 2.0 seconds, limit until 5.0 seconds") == true)
    }

    @Test func `a clock that moves is not given up on, and one that passes nothing stands still`() async throws {
        let moving = ManualClock(passing: [.backoff], patience: .milliseconds(1))
        for _ in 0..<200 { try await moving.sleep(for: .seconds(1), as: .backoff) }
        #expect(seconds(moving) == 200)
        let standing = ManualClock(patience: .milliseconds(1))
        let sleeper = Task { try await standing.sleep(for: .seconds(1)) }
        // It is waited for longer than the patience: who waits in vain says so, and the sleeper sleeps on.
        _ = try? await standing.sleepers(2, for: .other)
        while standing.lastRemark == nil { await Task.yield() }
        #expect(standing.lastRemark?.contains("other until 1.0 seconds") == true)
        standing.advance(by: .seconds(1))
        try await sleeper.value
    }
}
