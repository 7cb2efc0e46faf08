import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

@Suite struct ClientThrottleTests {
    private let clock = ManualClock()
    private let start = MonotonicInstant(nanoseconds: 0)
    private struct TooMany: ClassifiedError {
        var failureClass: FailureClass { .rejected() }
    }
    private struct Broken: Error {}

    /// Makes a call that no dice reject.
    private func call(
        _ machine: inout ClientThrottleMachine, _ verdict: CircuitBreakerMachine.Verdict, at now: MonotonicInstant
    ) {
        guard case .made(let call) = machine.ask(at: now, draw: 0.999_999) else {
            Issue.record("rejected")
            return
        }
        machine.record(verdict, for: call, at: now)
    }

    @Test func `the probability is the book's formula`() {
        var machine = ClientThrottleMachine(configuration: ClientThrottleConfiguration())
        for _ in 0..<30 { call(&machine, .succeeded, at: start) }
        #expect(machine.probability(at: start) == 0)
        for _ in 0..<70 { call(&machine, .declined, at: start) }
        #expect(machine.probability(at: start) == (100.0 - 2 * 30) / 101)
    }

    @Test func `calls are counted when they are issued`() {
        var machine = ClientThrottleMachine(configuration: ClientThrottleConfiguration())
        var rejected = 0
        for _ in 0..<100 {
            if case .rejected = machine.ask(at: start, draw: 0.5) { rejected += 1 }
        }
        #expect(rejected > 97, "none of them has ended, and most of a burst is rejected")
    }

    @Test func `what failed was accepted all the same`() {
        var machine = ClientThrottleMachine(configuration: ClientThrottleConfiguration())
        for _ in 0..<100 { call(&machine, .failed, at: start) }
        #expect(machine.probability(at: start) == 0)
    }

    @Test func `cancellations do not look like a dependency that declines`() {
        var machine = ClientThrottleMachine(configuration: ClientThrottleConfiguration())
        for _ in 0..<1_000 { call(&machine, .abandoned, at: start) }
        #expect(machine.probability(at: start) == 0)
        #expect(machine.counts(at: start) == (0, 0))
    }

    @Test func `a call that is abandoned when its bucket is gone takes nothing from another`() {
        var machine = ClientThrottleMachine(configuration: ClientThrottleConfiguration())
        guard case .made(let old) = machine.ask(at: start, draw: 0.9) else {
            Issue.record("rejected")
            return
        }
        let later = start.advanced(by: .seconds(120))
        call(&machine, .succeeded, at: later)
        machine.record(.abandoned, for: old, at: later)
        #expect(machine.counts(at: later) == (1, 1))
    }

    @Test func `what is older than the window is forgotten in one step`() {
        var machine = ClientThrottleMachine(configuration: ClientThrottleConfiguration())
        for _ in 0..<100 { _ = machine.ask(at: start, draw: 0.999) }
        #expect(machine.probability(at: start.advanced(by: .seconds(107))) == 0.8)
        for gap in [Duration.seconds(120), .seconds(1_000_000_000)] {
            #expect(machine.probability(at: start.advanced(by: gap)) == 0)
        }
        for nanoseconds in [Int64.min, -1, .max] {
            _ = machine.ask(at: MonotonicInstant(nanoseconds: nanoseconds), draw: 0)
        }
    }

    @Test func `a dependency that declines is called less and one that is back is called again`() async throws {
        let throttle = try ClientThrottle("search", clock: clock, draws: JitterSource(seed: 1))
        var (sent, isDown) = (0, true)
        func round(_ calls: Int) async {
            for _ in 0..<calls {
                clock.advance(by: .milliseconds(20))
                try? await throttle.run {
                    sent += 1
                    if isDown { throw TooMany() }
                }
            }
        }
        await round(2_000)
        #expect(sent > 300 && sent < 500, "\(sent) of 2,000 calls were sent in vain, a fifth")
        let explanation = try await expectRejection(by: .clientThrottle) {
            while true { _ = try throttle.ask() }
        }
        #expect(explanation.evidence.threshold == 0.8)
        (sent, isDown) = (0, false)
        await round(10_000)
        #expect(throttle.probability == 0, "it has found out by itself")
        sent = 0
        await round(100)
        #expect(sent == 100)
    }
}
