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
    /// not take it: they hand it back at once, or while they wait.
    private func traffic(
        _ algorithm: RateLimiterConfiguration.Algorithm, wait: Duration, seed: UInt64
    ) -> [Duration] {
        var machine = RateLimiterMachine(configuration: RateLimiterConfiguration(algorithm))
        var generator = SeededGenerator(seed: seed)
        var now = Duration.zero
        var calls: [Duration] = []
        var waiting: [(turn: Duration, reservation: RateLimiterMachine.Reservation)] = []
        for _ in 0..<400 {
            now += .milliseconds(Int.random(in: 0...150, using: &generator))
            if Int.random(in: 0..<50, using: &generator) == 0 { now += .seconds(20) }
            let instant = MonotonicInstant(nanoseconds: 0).advanced(by: now)
            calls += waiting.filter { $0.turn <= now }.map(\.turn)
            waiting.removeAll { $0.turn <= now }
            if !waiting.isEmpty, Int.random(in: 0..<2, using: &generator) == 0 {
                let left = waiting.remove(at: Int.random(in: waiting.indices, using: &generator))
                machine.cancel(left.reservation)
                if Bool.random(using: &generator) { machine.cancel(left.reservation) }
            }
            guard let reservation = granted(machine.reserve(at: instant, waitingAtMost: wait)) else { continue }
            #expect(reservation.wait <= wait)
            if Int.random(in: 0..<4, using: &generator) == 0 {
                machine.cancel(reservation)
            } else {
                waiting.append((now + reservation.wait, reservation))
            }
        }
        return (calls + waiting.map(\.turn)).sorted()
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

    private static let limiters: [RateLimiterConfiguration.Algorithm] = [
        .tokenBucket(calls: 1, per: .seconds(1), burst: 1), .tokenBucket(calls: 3, per: .seconds(7), burst: 4),
        .slidingWindow(calls: 1, per: .seconds(1)), .slidingWindow(calls: 5, per: .seconds(3)),
    ]

    @Test(arguments: limiters, [0, 1, 2, 3])
    func `a queue whose callers have all left is empty`(
        algorithm: RateLimiterConfiguration.Algorithm, order: Int
    ) {
        var machine = RateLimiterMachine(configuration: RateLimiterConfiguration(algorithm))
        var generator = SeededGenerator(seed: UInt64(order))
        let now = MonotonicInstant(nanoseconds: 1_000_000_000_000)
        while granted(machine.reserve(at: now)) != nil {}
        guard case .rejected(let usual) = machine.reserve(at: now) else { return }
        for _ in 0..<3 {
            var queue = (0..<200).compactMap { _ in granted(machine.reserve(at: now, waitingAtMost: .seconds(3_600))) }
            #expect(queue.count == 200)
            if order == 1 { queue.reverse() }
            if order > 1 { queue.shuffle(using: &generator) }
            for turn in queue { machine.cancel(turn) }
            for turn in queue { machine.cancel(turn) }
            #expect(machine.reserve(at: now) == .rejected(retryAfter: usual))
        }
    }

    @Test(arguments: limiters)
    func `a turn that was handed back goes to whoever asks next and to nobody twice`(
        algorithm: RateLimiterConfiguration.Algorithm
    ) {
        var machine = RateLimiterMachine(configuration: RateLimiterConfiguration(algorithm))
        let now = MonotonicInstant(nanoseconds: 0)
        while granted(machine.reserve(at: now)) != nil {}
        let queue = (0..<20).compactMap { _ in granted(machine.reserve(at: now, waitingAtMost: .seconds(3_600))) }
        // One stays at the end, so that what is handed back lies between.
        let left = queue[3..<19]
        for turn in left { machine.cancel(turn) }
        for turn in left {
            let next = granted(machine.reserve(at: now, waitingAtMost: .seconds(3_600)))
            #expect(next?.wait == turn.wait)
            machine.cancel(turn)
        }
        let last = granted(machine.reserve(at: now, waitingAtMost: .seconds(3_600)))
        #expect((last?.wait ?? .zero) >= queue[19].wait, "it is behind all others")
    }

    @Test func `a turn whose time has passed is not given to anybody`() {
        var machine = RateLimiterMachine(
            configuration: RateLimiterConfiguration(.tokenBucket(calls: 1, per: .seconds(1), burst: 1)))
        let now = MonotonicInstant(nanoseconds: 0)
        let queue = (0..<5).compactMap { _ in granted(machine.reserve(at: now, waitingAtMost: .seconds(60))) }
        machine.cancel(queue[1])
        let next = granted(machine.reserve(at: now.advanced(by: .milliseconds(1_500)), waitingAtMost: .seconds(60)))
        #expect(next?.wait == .milliseconds(3_500), "at 1.5 s it would be half a second before the next")
    }

    @Test func `what is remembered of returned turns is bounded`() {
        var machine = RateLimiterMachine(
            configuration: RateLimiterConfiguration(.tokenBucket(calls: 1_000_000, per: .seconds(1), burst: 1)))
        let now = MonotonicInstant(nanoseconds: 0)
        let queue = (0..<20_000).compactMap { _ in granted(machine.reserve(at: now, waitingAtMost: .seconds(60))) }
        for turn in queue { machine.cancel(turn) }
        let next = granted(machine.reserve(at: now, waitingAtMost: .seconds(60)))
        #expect((next?.wait ?? .zero) <= .milliseconds(20))
        let later = now.advanced(by: .seconds(1))
        #expect(granted(machine.reserve(at: later)) != nil, "all is forgotten when its time has passed")
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

    @Test func `callers who leave in the order in which they came leave no queue behind`() async throws {
        let limiter = try RateLimiter(
            "maps", .tokenBucket(calls: 1, per: .seconds(1), burst: 1), maximumWait: .seconds(60), clock: clock)
        try limiter.acquire()
        var waiting: [Task<Void, any Error>] = []
        for count in 1...10 {
            let task = Task { _ = try await limiter.run { Issue.record("it ran") } }
            waiting.append(task)
            await clock.sleepers(count)
        }
        for task in waiting {
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
        }
        try expectEqual(limiter.reserve(waitingAtMost: .seconds(5)).wait, .seconds(1))
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
