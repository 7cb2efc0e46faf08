import HoldfastMachines
import HoldfastTesting
import Testing

@Suite struct RetryMachineTests {
    private let start = MonotonicInstant(nanoseconds: 0)

    private func machine(
        _ repeatability: Repeatability = .idempotent, attempts: Int = 3, deadline: Duration? = nil
    ) -> RetryMachine {
        var configuration = RetryConfiguration()
        configuration.attempts = attempts
        configuration.backoff = .exponential(from: .milliseconds(100), cap: .seconds(1), jitter: .none)
        return RetryMachine(
            configuration: configuration, repeatability: repeatability, deadline: deadline.map(start.advanced))
    }

    /// The decision, and how often the budget was asked for it.
    private func next(
        _ machine: inout RetryMachine, _ failure: FailureClass, earliest: Duration = .zero, budget: Bool = true
    ) -> (decision: RetryMachine.Decision, asked: Int) {
        var generator = SeededGenerator(seed: 1)
        var asked = 0
        let decision = machine.next(after: failure, at: start, admittedAfter: earliest, using: &generator) {
            asked += 1
            return budget
        }
        return (decision, asked)
    }

    @Test(
        arguments: [RetryConfiguration.Nesting.oneLayer, .eachLayer], [(false, false), (true, false), (false, true)])
    func `layers multiply only where each one is to retry`(
        nesting: RetryConfiguration.Nesting, layers: (above: Bool, below: Bool)
    ) {
        var configuration = RetryConfiguration()
        configuration.nesting = nesting
        var machine = RetryMachine(
            configuration: configuration, repeatability: .idempotent, deadline: nil, isRetriedAbove: layers.above)
        var generator = SeededGenerator(seed: 1)
        var asked = 0
        let decision = machine.next(after: .failed, wasRetriedBelow: layers.below, at: start, using: &generator) {
            asked += 1
            return true
        }
        let isNested = nesting == .oneLayer && (layers.above || layers.below)
        #expect((decision == .stop(.nested)) == isNested)
        #expect(asked == (isNested ? 0 : 1))
    }

    @Test func `a timeout does not prove that nothing happened`() {
        #expect(!Repeatability.once.allows(repeatAfter: .unknown))
        #expect(!Repeatability.once.allows(repeatAfter: .failed))
        #expect(!Repeatability.once.allows(repeatAfter: .rejected(retryAfter: .seconds(1))))
        #expect(Repeatability.once.allows(repeatAfter: .notSent(retryAfter: .seconds(1))))
    }

    @Test(arguments: [FailureClass.unknown, .failed, .rejected(), .notSent()])
    func `what is idempotent or keyed may be made again after any failure`(failure: FailureClass) {
        #expect(Repeatability.idempotent.allows(repeatAfter: failure))
        #expect(Repeatability.keyed(.minted()).allows(repeatAfter: failure))
    }

    @Test func `the budget is asked once and only when every other bound allows the retry`() {
        var allowed = machine()
        #expect(next(&allowed, .failed) == (.again(after: .milliseconds(100)), 1))
        var once = machine(.once)
        #expect(next(&once, .failed) == (.stop(.notRepeatable), 0))
        var last = machine(attempts: 1)
        #expect(next(&last, .failed) == (.stop(.attemptsExhausted), 0))
        var late = machine(deadline: .milliseconds(100))
        #expect(next(&late, .failed) == (.stop(.deadline), 0))
        var rejected = machine()
        #expect(next(&rejected, .notSent(retryAfter: .seconds(30))) == (.stop(.rejected), 0))
    }

    @Test func `a call that was stopped has made no further attempt`() {
        var machine = machine()
        #expect(next(&machine, .failed, budget: false) == (.stop(.budgetExhausted), 1))
        #expect(machine.attempt == 1)
        _ = next(&machine, .failed)
        #expect(machine.attempt == 2)
    }

    @Test func `a wait that ends at the deadline is too late and one that ends before it is not`() {
        var atDeadline = machine(deadline: .milliseconds(100))
        #expect(next(&atDeadline, .failed).decision == .stop(.deadline))
        var before = machine(deadline: .milliseconds(100) + .nanoseconds(1))
        #expect(next(&before, .failed).decision == .again(after: .milliseconds(100)))
    }

    @Test func `Retry-After lengthens a wait up to the limit and never shortens it`() {
        for (retryAfter, wait) in [
            (Duration.zero, Duration.milliseconds(100)), (.milliseconds(10), .milliseconds(100)),
            (.seconds(3), .seconds(3)), (.seconds(86_400), .milliseconds(5_100)),
            (.seconds(Int64.max), .milliseconds(5_100)), (.seconds(-1), .milliseconds(100)),
        ] {
            var machine = machine()
            #expect(next(&machine, .rejected(retryAfter: retryAfter)).decision == .again(after: wait))
        }
    }

    @Test func `Retry-After is never obeyed past the deadline`() {
        var machine = machine(deadline: .seconds(2))
        #expect(next(&machine, .rejected(retryAfter: .seconds(3))) == (.stop(.deadline), 0))
    }

    @Test func `a breaker's own wait is respected up to the backoff's cap`() {
        var atCap = machine()
        #expect(next(&atCap, .notSent(retryAfter: .seconds(1))).decision == .again(after: .seconds(1)))
        var beyond = machine()
        #expect(next(&beyond, .notSent(retryAfter: .seconds(1) + .nanoseconds(1))).decision == .stop(.rejected))
        var longer = machine()
        let decision = next(&longer, .notSent(retryAfter: .milliseconds(200)), earliest: .milliseconds(300)).decision
        #expect(decision == .again(after: .milliseconds(300)))
    }

    @Test func `a single attempt is never made again`() {
        var machine = machine(attempts: 1)
        #expect(next(&machine, .notSent()).decision == .stop(.attemptsExhausted))
    }

    @Test func `a hundred attempts are a hundred`() {
        var machine = machine(attempts: 100)
        var made = 1
        while case .again(let wait) = next(&machine, .unknown).decision {
            made += 1
            #expect(wait <= .seconds(1))
        }
        #expect(made == 100)
    }
}
