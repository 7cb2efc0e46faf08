import Holdfast
import HoldfastTesting
import TestSupport
import Testing

@Suite struct ToolsForTestsTests {
    private let clock = ManualClock()
    private struct Injected: Error {}

    private func hits(_ faults: FaultInjection) async throws -> [Int] {
        let policy = try Policy { faults }
        var hits: [Int] = []
        for number in 0..<200 {
            do { try await policy.run(repeatable: .once) { _ in } } catch is Injected { hits.append(number) }
        }
        return hits
    }

    @Test func `faults hit their share and the same seed hits the same calls`() async throws {
        let (first, second) = (
            try FaultInjection(.error { Injected() }, rate: 0.2, seed: 7),
            try FaultInjection(.error { Injected() }, rate: 0.2, seed: 7)
        )
        let hits = try await hits(first)
        #expect(hits.count > 20 && hits.count < 60)
        #expect(hits.count == first.injected)
        try await expectEqual(self.hits(second), hits)
        try await expectEqual(self.hits(FaultInjection(.error { Injected() }, rate: 0.2, seed: 8)) == hits, false)
        try await expectEqual(self.hits(FaultInjection(.error { Injected() }, rate: 0, seed: 7)), [])
        try await expectEqual(self.hits(FaultInjection(.error { Injected() }, rate: 1, seed: 7)).count, 200)
        for rate in [-0.1, 1.1, .nan] {
            #expect(throws: ConfigurationError.self) { try FaultInjection(.hang, rate: rate, seed: 7) }
        }
    }

    @Test func `a fault of latency delays and a hang ends when it is cancelled`() async throws {
        let clock = self.clock
        let late = try Policy { try FaultInjection(.latency(.seconds(2)), rate: 1, seed: 7, clock: clock) }
        let call = Task { try await late.run(repeatable: .once) { _ in clock.now } }
        await clock.sleepers(1)
        clock.advance(by: .seconds(2))
        try await expectEqual(call.value, MonotonicInstant(nanoseconds: 2_000_000_000))
        let hanging = try Policy {
            try Timeout(.seconds(1), clock: clock)
            try FaultInjection(.hang, rate: 1, seed: 7, clock: clock)
        }
        let hung = Task { try await hanging.run(repeatable: .once) { _ in Issue.record("it ran") } }
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        await #expect(throws: TimeoutError.self) { try await hung.value }
    }

    @Test func `a dependency answers as its script says and remembers its calls`() async throws {
        let dependency = ScriptedDependency<Int>([.fails(Injected()), .takes(.seconds(2), .succeeds(7))], clock: clock)
        let retry = try Retry(.constant(.zero), attempts: 3, budget: RetryBudget(clock: clock), clock: clock)
        let call = Task {
            try await retry.run(repeatable: .idempotent, on: .anyError) { _ in try await dependency.call() }
        }
        await clock.sleepers(1)
        clock.advance(by: .seconds(2))
        try await expectEqual(call.value, 7)
        #expect(dependency.calls.count == 2)
        await #expect(throws: ScriptedDependency<Int>.ScriptEnded.self) { try await dependency.call() }
    }

    @Test func `an expectation that is not met says what happened instead`() async throws {
        let bulkhead = try Bulkhead("reports", limit: 1)
        let made = await #expect(throws: UnexpectedOutcome.self) {
            try await expectRejection(by: .bulkhead) { try await bulkhead.run {} }
        }
        #expect(made?.description == "expected a rejection by a bulkhead, but the call was made")
        let place = try bulkhead.tryAcquire()
        let other = await #expect(throws: UnexpectedOutcome.self) {
            try await expectRejection(by: .circuitBreaker) { try await bulkhead.run {} }
        }
        #expect(other?.description.contains("but: bulkhead 'reports' is full") == true)
        let threw = await #expect(throws: UnexpectedOutcome.self) {
            try await expectRejection(by: .bulkhead) { throw Injected() }
        }
        #expect(threw?.description.contains("it threw Injected") == true)
        place.release()
    }
}
