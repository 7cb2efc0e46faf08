import Holdfast
import HoldfastTesting
import Synchronization
import Testing

@Suite struct ManualClockTests {
    private let clock = ManualClock()

    @Test func `the clock stands still until it is moved`() {
        #expect(clock.now == clock.now)
        clock.advance(by: .milliseconds(1))
        #expect(clock.now == MonotonicInstant(nanoseconds: 1_000_000))
    }

    @Test func `a sleeper wakes at its time and not before`() async throws {
        let woken = Mutex(false)
        let clock = clock
        let sleeper = Task {
            try await clock.sleep(for: .seconds(2))
            woken.withLock { $0 = true }
        }
        await clock.sleepers(1)
        clock.advance(by: .seconds(2) - .nanoseconds(1))
        await clock.sleepers(1)
        #expect(!woken.withLock { $0 })
        clock.advance(by: .nanoseconds(1))
        try await sleeper.value
        #expect(woken.withLock { $0 })
    }

    @Test func `who sleeps until now or earlier does not sleep`() async throws {
        try await clock.sleep(until: clock.now, tolerance: nil)
        try await clock.sleep(for: .seconds(-1))
    }

    @Test func `a cancelled sleeper wakes with the cancellation`() async {
        let clock = clock
        let sleeper = Task { try await clock.sleep(for: .seconds(1)) }
        await clock.sleepers(1)
        sleeper.cancel()
        await #expect(throws: CancellationError.self) { try await sleeper.value }
    }

    @Test func `who is already cancelled does not sleep, not even for nothing`() async {
        let clock = clock
        for wait in [Duration.zero, .seconds(1)] {
            let sleeper = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await clock.sleep(for: wait)
            }
            await #expect(throws: CancellationError.self) { try await sleeper.value }
        }
    }

    @Test func `one move wakes all whose time has come and leaves the rest`() async throws {
        let clock = clock
        let short = (1...3).map { seconds in Task { try await clock.sleep(for: .seconds(seconds)) } }
        let long = Task { try await clock.sleep(for: .seconds(9)) }
        await clock.sleepers(4)
        clock.advance(by: .seconds(3))
        for sleeper in short { try await sleeper.value }
        await clock.sleepers(1)
        long.cancel()
        await #expect(throws: CancellationError.self) { try await long.value }
    }

    @Test func `durations and instants hold at the ends of their range`() {
        #expect(Duration.seconds(Int64.max).saturatingNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).saturatingNanoseconds == .min)
        #expect(Duration.nanoseconds(-1).saturatingNanoseconds == -1)
        let (first, last) = (MonotonicInstant(nanoseconds: .min), MonotonicInstant(nanoseconds: .max))
        #expect(first.advanced(by: .nanoseconds(-1)) == first)
        #expect(last.advanced(by: .nanoseconds(1)) == last)
        #expect(first.duration(to: last) > .seconds(18_000_000_000))
    }

    @Test func `the monotonic clock never goes back`() {
        let clock = MonotonicClock()
        var former = clock.now
        for _ in 0..<10_000 {
            let now = clock.now
            #expect(former <= now)
            former = now
        }
    }
}
