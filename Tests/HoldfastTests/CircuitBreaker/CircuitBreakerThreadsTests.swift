import Holdfast
import HoldfastTesting
import Synchronization
import Testing

@Suite struct CircuitBreakerThreadsTests {
    private static let threads = 8

    private final class Held: Sendable {
        private let permit = Mutex<CircuitBreaker.Permit?>(nil)
        func hold(_ held: consuming CircuitBreaker.Permit) {
            var held = Optional(held)
            permit.withLock { $0 = held.take() }
        }
        func succeed() { permit.withLock { $0.take() }?.succeeded() }
    }

    private final class Count: Sendable {
        private let value = Atomic(0)
        var now: Int { value.load(ordering: .sequentiallyConsistent) }
        @discardableResult func add(_ amount: Int) -> Int {
            value.add(amount, ordering: .sequentiallyConsistent).newValue
        }
    }

    private func configuration(trip: Int, probes: Int = 1) -> CircuitBreakerConfiguration {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(trip)
        configuration.cooldown = .fixed(.milliseconds(1), jitter: 0)
        configuration.probes = probes
        configuration.probeHold = .seconds(86_400)
        return configuration
    }

    @Test(arguments: [1, 3])
    func `eight threads that meet the end of a cooldown get the configured probes and no more`(probes: Int) throws {
        let clock = ManualClock()
        let breaker = try CircuitBreaker("x", configuration: configuration(trip: 1, probes: probes), clock: clock)
        for _ in 0..<100 {
            try breaker.admit().failed()
            clock.advance(by: .milliseconds(1))
            let held = (0..<Self.threads).map { _ in Held() }
            let admitted = Count()
            onThreads(Self.threads) { index in
                guard let permit = try? breaker.admit() else { return }
                held[index].hold(permit)
                admitted.add(1)
            }
            #expect(admitted.now == probes)
            for permit in held { permit.succeed() }
            #expect(breaker.snapshot().state == .closed)
        }
    }

    @Test func `failures of eight threads trip once and at the threshold`() throws {
        let trips = Count()
        let breaker = try CircuitBreaker("x", configuration: configuration(trip: 5_000), clock: ManualClock()) { _ in
            trips.add(1)
        }
        onThreads(Self.threads) { _ in
            for _ in 0..<10_000 {
                guard let permit = try? breaker.admit() else { return }
                permit.failed()
            }
        }
        #expect(trips.now == 1)
        #expect(breaker.snapshot().evidence.count == 5_000)
        #expect(breaker.snapshot().generation == 1)
    }

    @Test func `failures of eight threads below the threshold are all counted`() throws {
        let breaker = try CircuitBreaker("x", configuration: configuration(trip: 1_000_000), clock: ManualClock())
        onThreads(Self.threads) { _ in
            for _ in 0..<5_000 { if let permit = try? breaker.admit() { permit.failed() } }
        }
        #expect(breaker.snapshot().evidence.count == 40_000)
    }

    @Test func `threads that disagree leave a chain of changes without a gap`() throws {
        let clock = ManualClock()
        let changes = Mutex<[CircuitBreaker.Change]>([])
        let breaker = try CircuitBreaker("x", configuration: configuration(trip: 2, probes: 2), clock: clock) {
            change in
            changes.withLock { $0.append(change) }
        }
        // Each step of the clock allows three changes at most, which keeps them below what a listener may miss.
        let stepsLeft = Count()
        stepsLeft.add(80)
        onThreads(Self.threads) { index in
            var generator = SeededGenerator(seed: UInt64(index))
            for _ in 0..<20_000 {
                guard let permit = try? breaker.admit() else {
                    // While the probes are other threads', the clock has no say: its steps are kept for cooldowns.
                    guard breaker.snapshot().state == .open else { continue }
                    guard stepsLeft.add(-1) >= 0 else { return }
                    clock.advance(by: .milliseconds(1))
                    continue
                }
                switch Int.random(in: 0..<10, using: &generator) {
                case 0..<5: permit.failed()
                case 5..<8: permit.succeeded()
                case 8: permit.abandoned()
                default: _ = consume permit
                }
            }
        }
        let told = changes.withLock { $0 }
        #expect(told.map(\.generation) == Array(1...UInt32(told.count)))
        #expect(told.first?.from == .closed)
        for (former, next) in zip(told, told.dropFirst()) { #expect(former.to == next.from) }
        #expect(told.count > 3)
        #expect(told.last?.to == breaker.snapshot().state)
    }
}
