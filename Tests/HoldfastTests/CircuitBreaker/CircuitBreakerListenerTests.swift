import HoldfastTesting
import Synchronization
import TestSupport
import Testing

@testable import Holdfast

@Suite struct CircuitBreakerListenerTests {
    private final class Log: Sendable {
        private let state = Mutex((states: [CircuitBreaker.State](), depth: 0, deepest: 0))
        var states: [CircuitBreaker.State] { state.withLock { $0.states } }
        var deepest: Int { state.withLock { $0.deepest } }

        func write(_ change: CircuitBreaker.Change, _ within: () -> Void) {
            state.withLock { state in
                state.states.append(change.to)
                state.depth += 1
                state.deepest = max(state.deepest, state.depth)
            }
            within()
            state.withLock { $0.depth -= 1 }
        }
    }

    private func change(_ generation: UInt32) -> CircuitBreaker.Change {
        .init(from: .closed, to: .open, reason: .probeFailed, generation: generation)
    }

    @Test func `a listener that changes the breaker hears of it afterwards and never within itself`() throws {
        let clock = ManualClock()
        let log = Log()
        let reference = Mutex<CircuitBreaker?>(nil)
        let breaker = try CircuitBreaker("x", trip: .consecutiveFailures(1), cooldown: .seconds(1), clock: clock) {
            change in
            log.write(change) {
                guard change.to == .open else { return }
                clock.advance(by: .seconds(1))
                try? reference.withLock { $0 }?.admit().succeeded()
            }
        }
        reference.withLock { $0 = breaker }
        try breaker.admit().failed()
        #expect(log.states == [.open, .halfOpen, .closed])
        #expect(log.deepest == 1)
        reference.withLock { $0 = nil }
    }

    @Test func `only one thread delivers until nothing waits`() {
        var announcements = Announcements()
        expectEqual(announcements.add(change(1)), true)
        expectEqual(announcements.add(change(2)), false)
        expectEqual(announcements.next()?.generation, 1)
        expectEqual(announcements.add(change(3)), false)
        expectEqual(announcements.next()?.generation, 2)
        expectEqual(announcements.next()?.generation, 3)
        expectEqual(announcements.next(), nil)
        expectEqual(announcements.add(change(4)), true)
    }

    @Test func `a listener that is stuck loses the oldest changes beyond the bound`() {
        var announcements = Announcements()
        for generation in 1...300 { _ = announcements.add(change(UInt32(generation))) }
        var told: [UInt32] = []
        while let change = announcements.next() { told.append(change.generation) }
        #expect(told == Array(45...300))
    }
}
