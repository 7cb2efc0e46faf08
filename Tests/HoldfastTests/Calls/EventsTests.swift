import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import Holdfast

@Suite struct EventsTests {
    private let clock = ManualClock()
    private struct Broken: Error {}

    /// The events of one policy, of those that the whole process makes.
    private final class Heard: Sendable {
        private let lines = Mutex<[String]>([])

        func add(_ line: String) { lines.withLock { $0.append(line) } }
        var all: [String] { lines.withLock { $0 } }
    }

    private func listening(to name: String, _ heard: Heard) throws -> HoldfastEvents.Listening {
        try HoldfastEvents.listen { event in
            switch event {
            case .attempt(name, let number, let failure):
                heard.add("attempt \(number) \(failure == nil ? "ok" : "failed")")
            case .retry(name, let number, let wait, _): heard.add("retry \(number) after \(wait)")
            case .stopped(name, let attempts, let reason, _): heard.add("stopped \(attempts) \(reason.rawValue)")
            case .rejection(let explanation) where explanation.name == name:
                heard.add("rejection \(explanation.policy.rawValue)")
            case .hedge(name, let number): heard.add("hedge \(number)")
            case .change(name, let change): heard.add("change \(change.from.rawValue) \(change.to.rawValue)")
            case .budgetRefused(name, let use): heard.add("budget refused a \(use.rawValue)")
            case .timeout(let limit) where limit.duration == .milliseconds(name.utf8.count * 1_013):
                heard.add("timeout")
            default: break
            }
        }
    }

    @Test func `one listener hears of attempts and retries and rejections and changes`() async throws {
        let (name, heard, clock) = ("events-of-a-retry", Heard(), InstantClock())
        let listening = try listening(to: name, heard)
        let breaker = try CircuitBreaker(name, trip: .consecutiveFailures(2), cooldown: .seconds(60), clock: clock)
        let policy = try Policy(name) {
            try Retry(
                .constant(.seconds(1), jitter: .none), attempts: 5, budget: RetryBudget(clock: clock), clock: clock)
            breaker
        }
        _ = try? await policy.run(repeatable: .idempotent) { _ in throw Broken() }
        listening.stop()
        _ = try? await policy.run(repeatable: .idempotent) { _ in throw Broken() }
        #expect(
            heard.all == [
                "attempt 1 failed", "retry 2 after 1.0 seconds", "change closed open", "attempt 2 failed",
                "retry 3 after 1.0 seconds", "rejection circuit-breaker", "attempt 3 failed", "stopped 3 rejected",
            ])
    }

    @Test func `a call that succeeds tells of its attempt`() async throws {
        let (name, heard) = ("events-of-a-success", Heard())
        let listening = try listening(to: name, heard)
        let policy = try Policy(name) {
            try Retry(.constant(.zero), budget: RetryBudget(clock: clock), clock: clock)
        }
        try await policy.run(repeatable: .idempotent) { attempt in if attempt.number == 1 { throw Broken() } }
        try await policy.run(repeatable: .idempotent) { _ in }
        #expect(
            heard.all == [
                "attempt 1 failed", "retry 2 after 0.0 seconds", "attempt 2 ok", "attempt 1 ok",
            ])
        listening.stop()
    }

    @Test func `a budget that refuses and a limit that is met are told`() async throws {
        let (name, heard, clock) = ("events-of-a-budget", Heard(), self.clock)
        let listening = try listening(to: name, heard)
        let budget = try RetryBudget(configuration: .ratio(0, reservePerSecond: 0), clock: clock)
        let policy = try AnyPolicy(name) {
            try Deadline(.milliseconds(name.utf8.count * 1_013), clock: clock)
            try Retry(.constant(.zero), budget: budget, clock: clock)
        }
        _ = try? await policy.run(repeatable: .idempotent) { _ in throw Broken() }
        let call = Task {
            try await policy.run(repeatable: .idempotent) { _ in try await clock.sleep(for: .seconds(900)) }
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(100))
        await #expect(throws: TimeoutError.self) { try await call.value }
        #expect(
            heard.all == [
                "attempt 1 failed", "budget refused a retry", "stopped 1 budget-exhausted", "attempt 1 failed",
                "stopped 1 cancelled", "timeout",
            ])
        listening.stop()
    }

    @Test func `a hedge is told and so is one that the budget refuses`() async throws {
        let (name, heard, clock) = ("events-of-a-hedge", Heard(), self.clock)
        let listening = try listening(to: name, heard)
        let policy = try Policy(name) { try Hedge(after: .seconds(1), budget: RetryBudget(clock: clock), clock: clock) }
        async let value = policy.run(repeatable: .idempotent) { attempt in
            if attempt.number == 1 { try await clock.sleep(for: .seconds(100)) }
            return attempt.number
        }
        await clock.sleepers(2)
        clock.advance(by: .seconds(1))
        try await expectEqual(value, 2)
        #expect(heard.all == ["hedge 2"])
        listening.stop()
    }

    @Test func `the stream hears what happens and ends with its reader`() async throws {
        let name = "events-of-a-stream"
        let policy = try Policy(name) {
            try Retry(.constant(.zero), budget: RetryBudget(clock: clock), clock: clock)
        }
        let stream = try HoldfastEvents.stream()
        try await policy.run(repeatable: .idempotent) { _ in }
        for await case .attempt(name, let number, nil) in stream {
            #expect(number == 1)
            break
        }
        #expect(throws: ConfigurationError.self) { try HoldfastEvents.stream(bufferingNewest: 0) }
    }

    @Test func `what listens is let go with its handle`() async throws {
        final class Kept: Sendable { func hear() {} }
        weak var kept: Kept?
        do {
            let object = Kept()
            kept = object
            let listening = try HoldfastEvents.listen { _ in object.hear() }
            _ = listening
        }
        // Another test's event may be on its way to all who listened a moment ago.
        for _ in 0..<1_000_000 where kept != nil { await Task.yield() }
        #expect(kept == nil)
    }
}
