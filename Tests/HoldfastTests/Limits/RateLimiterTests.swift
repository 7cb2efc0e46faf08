import HoldfastTesting
import TestSupport
import Testing

@testable import Holdfast

@Suite struct RateLimiterTests {
    private let clock = ManualClock()

    private func granted(_ decision: RateLimiterMachine.Decision) -> RateLimiterMachine.Reservation? {
        if case .granted(let reservation) = decision { reservation } else { nil }
    }

    /// When each call was made that found its turn within `wait`, under random traffic of callers who, at times, do
    /// not take it.
    private func traffic(
        _ algorithm: RateLimiterConfiguration.Algorithm, wait: Duration, seed: UInt64
    ) -> [Duration] {
        var machine = RateLimiterMachine(configuration: RateLimiterConfiguration(algorithm))
        var generator = SeededGenerator(seed: seed)
        var now = Duration.zero
        var calls: [Duration] = []
        for _ in 0..<400 {
            now += .milliseconds(Int.random(in: 0...150, using: &generator))
            if Int.random(in: 0..<50, using: &generator) == 0 { now += .seconds(20) }
            let instant = MonotonicInstant(nanoseconds: 0).advanced(by: now)
            guard let reservation = granted(machine.reserve(at: instant, waitingAtMost: wait)) else { continue }
            #expect(reservation.wait <= wait)
            if Int.random(in: 0..<4, using: &generator) == 0 {
                machine.cancel(reservation)
            } else {
                calls.append(now + reservation.wait)
            }
        }
        return calls.sorted()
    }

    @Test(arguments: [Duration.zero, .seconds(2)])
    func `a bucket never lets more than its burst and what was gained pass in any stretch`(wait: Duration) {
        for seed in 0..<40 as Range<UInt64> {
            let (calls, burst) = (Int(seed % 9) + 1, Int(seed % 5) + 1)
            let made = traffic(.tokenBucket(calls: calls, per: .seconds(1), burst: burst), wait: wait, seed: seed)
            #expect(made.count > 20)
            for first in made.indices {
                for last in first..<min(made.count, first + 60) {
                    // Turns come at whole nanoseconds, rounded up, so two may be one nanosecond nearer.
                    let gained = Int(((made[last] - made[first] + .nanoseconds(1)) * calls) / .seconds(1))
                    #expect(last - first + 1 <= burst + gained, "seed \(seed), \(calls) a second, burst \(burst)")
                }
            }
        }
    }

    @Test(arguments: [Duration.zero, .seconds(2)])
    func `a sliding window holds its number in any stretch`(wait: Duration) {
        for seed in 0..<40 as Range<UInt64> {
            let calls = Int(seed % 7) + 1
            let made = traffic(.slidingWindow(calls: calls, per: .seconds(1)), wait: wait, seed: seed)
            #expect(made.count > 20)
            for last in made.indices where last >= calls {
                #expect(made[last] - made[last - calls] >= .seconds(1), "seed \(seed): \(calls + 1) calls in a second")
            }
        }
    }

    @Test func `a million calls at the rate drift by nothing`() {
        // A third of a second is no whole number of nanoseconds.
        let configuration = RateLimiterConfiguration(.tokenBucket(calls: 3, per: .seconds(1), burst: 1))
        var machine = RateLimiterMachine(configuration: configuration)
        var now = MonotonicInstant(nanoseconds: 0)
        for _ in 0..<1_000_000 {
            guard let turn = granted(machine.reserve(at: now, waitingAtMost: .seconds(1))) else {
                Issue.record("no turn")
                return
            }
            now = now.advanced(by: turn.wait)
        }
        #expect(MonotonicInstant(nanoseconds: 0).duration(to: now) == .nanoseconds(999_999 * 1_000_000_000 / 3))
    }

    @Test func `a turn that is not taken is free again`() {
        for algorithm in [
            RateLimiterConfiguration.Algorithm.tokenBucket(calls: 2, per: .seconds(1), burst: 2),
            .slidingWindow(calls: 2, per: .seconds(1)),
        ] {
            var machine = RateLimiterMachine(configuration: RateLimiterConfiguration(algorithm))
            let now = MonotonicInstant(nanoseconds: 0)
            for _ in 0..<2 { #expect(granted(machine.reserve(at: now)) != nil) }
            for _ in 0..<5 {
                guard let turn = granted(machine.reserve(at: now, waitingAtMost: .seconds(9))) else {
                    Issue.record("no turn")
                    return
                }
                #expect(turn.wait > .zero && turn.wait <= .seconds(1))
                machine.cancel(turn)
                machine.cancel(turn)
            }
        }
    }

    @Test func `instants at the ends of the range do not trap`() {
        for algorithm in [
            RateLimiterConfiguration.Algorithm.tokenBucket(
                calls: 1_000_000_000, per: .seconds(86_400), burst: 1_000_000_000),
            .slidingWindow(calls: 1, per: .seconds(86_400)),
        ] {
            var machine = RateLimiterMachine(configuration: RateLimiterConfiguration(algorithm))
            for nanoseconds in [Int64.min, 0, .max, .min, .max - 1] {
                let now = MonotonicInstant(nanoseconds: nanoseconds)
                if let turn = granted(machine.reserve(at: now, waitingAtMost: .seconds(Int64.max))) {
                    machine.cancel(turn)
                }
                _ = machine.reserve(at: now, waitingAtMost: .seconds(Int64.max))
            }
        }
    }

    @Test func `a call that comes too soon is told when to come back and may wait instead`() async throws {
        let limiter = try RateLimiter("maps", .tokenBucket(calls: 2, per: .seconds(1), burst: 1), clock: clock)
        try await limiter.run {}
        try await expectRejection(by: .rateLimiter, named: "maps", retryAfter: .milliseconds(500)) {
            try await limiter.run { Issue.record("it ran") }
        }
        clock.advance(by: .milliseconds(500))
        try await limiter.run {}
        let patient = try RateLimiter(
            "maps", .tokenBucket(calls: 2, per: .seconds(1), burst: 1), maximumWait: .seconds(1), clock: clock)
        try await patient.run {}
        let waiting = Task { try await patient.run { 7 } }
        await clock.sleepers(1)
        clock.advance(by: .milliseconds(500))
        try await expectEqual(waiting.value, 7)
    }

    @Test func `nobody waits for a turn past the deadline`() async throws {
        let clock = self.clock
        let limiter = try RateLimiter(
            "maps", .tokenBucket(calls: 1, per: .seconds(60), burst: 1), maximumWait: .seconds(600), clock: clock)
        try await limiter.run {}
        try await expectRejection(by: .rateLimiter, retryAfter: .seconds(60)) {
            try await withDeadline(in: .seconds(5), clock: clock) { try await limiter.run { Issue.record("it ran") } }
        }
        #expect(clock.now == MonotonicInstant(nanoseconds: 0), "it failed at once")
    }

    @Test func `a caller that is cancelled while it waits hands its turn back`() async throws {
        let limiter = try RateLimiter(
            "maps", .tokenBucket(calls: 1, per: .seconds(1), burst: 1), maximumWait: .seconds(5), clock: clock)
        try limiter.acquire()
        let waiting = Task { try await limiter.run { Issue.record("it ran") } }
        await clock.sleepers(1)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        try expectEqual(limiter.reserve(waitingAtMost: .seconds(5)).wait, .seconds(1))
    }
}
