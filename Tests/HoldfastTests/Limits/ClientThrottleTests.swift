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
        _ machine: inout ClientThrottleMachine, _ verdict: Verdict, at now: MonotonicInstant
    ) {
        guard case .made(let call) = machine.ask(at: now, draw: 0.999_999) else {
            Issue.record("rejected")
            return
        }
        machine.record(verdict, for: call)
    }

    @Test func `the probability is the book's formula`() {
        var machine = ClientThrottleMachine(configuration: ClientThrottleConfiguration())
        for _ in 0..<30 { call(&machine, .succeeded, at: start) }
        #expect(machine.probability(at: start) == 0)
        for _ in 0..<70 { call(&machine, .declined, at: start) }
        #expect(machine.probability(at: start) == (100.0 - 2 * 30) / 101)
    }

    @Test func `a call in flight is no refusal`() {
        var machine = ClientThrottleMachine(configuration: ClientThrottleConfiguration())
        for _ in 0..<100_000 {
            guard case .made = machine.ask(at: start, draw: 0) else {
                Issue.record("a dependency that has declined nothing is throttled")
                return
            }
        }
    }

    /// Calls at a steady rate, of which the dependency declines some after a while, and answers the others after theirs.
    ///
    /// - Returns: The share of the calls of the last half that were rejected here.
    private func rejected(
        every gap: Duration, accepted: Double, after accepting: Duration, declining: Duration,
        from start: MonotonicInstant = MonotonicInstant(nanoseconds: 0), for time: Duration = .seconds(240)
    ) -> Double {
        var machine = ClientThrottleMachine(configuration: ClientThrottleConfiguration())
        var generator = SeededGenerator(seed: 11)
        var inFlight: [(ends: MonotonicInstant, call: ClientThrottleMachine.Call, isAccepted: Bool)] = []
        var (now, rejected, asked) = (start, 0.0, 0.0)
        while start.duration(to: now) < time {
            now = now.advanced(by: gap)
            for ended in inFlight where ended.ends <= now {
                machine.record(ended.isAccepted ? .succeeded : .declined, for: ended.call)
            }
            inFlight.removeAll { $0.ends <= now }
            let decision = machine.ask(at: now, draw: Double.random(in: 0..<1, using: &generator))
            if case .made(let call) = decision {
                let isAccepted = Double.random(in: 0..<1, using: &generator) < accepted
                inFlight.append((now.advanced(by: isAccepted ? accepting : declining), call, isAccepted))
            }
            if start.duration(to: now) < time / 2 { continue }
            asked += 1
            if case .rejected = decision { rejected += 1 }
        }
        return rejected / asked
    }

    @Test(arguments: [1, 5, 30, 119, 200], [1.0, 0.7])
    func `a dependency that accepts enough is not throttled however long its calls take`(
        seconds: Int, accepted: Double
    ) {
        // A third of the calls is declined at once, while the others are still in progress.
        let share = rejected(
            every: .milliseconds(50), accepted: accepted, after: .seconds(seconds), declining: .milliseconds(1))
        #expect(share < 0.01, "\(share)")
    }

    @Test(arguments: [Duration.milliseconds(1), .milliseconds(100), .seconds(5)])
    func `a dependency that declines all is throttled to the ceiling however long it takes for that`(
        declining: Duration
    ) {
        let share = rejected(every: .milliseconds(20), accepted: 0, after: .zero, declining: declining)
        #expect(share > 0.75 && share < 0.85, "\(share)")
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

    @Test func `a call that ends when its bucket is gone takes nothing from another`() {
        var machine = ClientThrottleMachine(configuration: ClientThrottleConfiguration())
        guard case .made(let old) = machine.ask(at: start, draw: 0.9) else {
            Issue.record("rejected")
            return
        }
        let later = start.advanced(by: .seconds(120))
        call(&machine, .succeeded, at: later)
        for verdict in [Verdict.abandoned, .declined] { machine.record(verdict, for: old) }
        #expect(machine.counts(at: later) == (1, 1))
    }

    @Test func `what is older than the window is forgotten in one step`() {
        var machine = ClientThrottleMachine(configuration: ClientThrottleConfiguration())
        for _ in 0..<100 { call(&machine, .declined, at: start) }
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
