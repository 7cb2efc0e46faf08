import TestSupport
import Testing

@testable import HoldfastMachines

/// Walks every state that the breaker's machine can reach with small parameters. What is in flight is kept in a ledger
/// of the walk's own, so the machine is not asked to vouch for itself.
@Suite struct BreakerExplorationTests {
    /// One call that was admitted and has not been handed in.
    private struct Call: Hashable {
        let ticket: CircuitBreakerMachine.Ticket
        let began: MonotonicInstant
        let lapses: MonotonicInstant
        /// Nobody will ever hand it in.
        var hangs = false
    }

    private struct Node {
        var machine: CircuitBreakerMachine
        var calls: [Call] = []
        var now = MonotonicInstant(nanoseconds: 0)

        /// The probes that hold a place, by the ledger.
        var holding: Int {
            calls.count { $0.ticket.generation == machine.generation && $0.ticket.probe != 0 && now < $0.lapses }
        }
        var callers: Int { calls.count { !$0.hangs } }
    }

    /// Generations, times and numbers of probes only ever grow, so states are told apart by what is left of each time,
    /// and by which place a probe holds.
    private struct Shape: Hashable {
        struct Place: Hashable {
            let index: Int
            let left: Duration
            let hangs: Bool
            /// Where slow calls count: how long it takes already, as far as that makes a difference.
            let age: Duration
        }
        let state: CircuitBreakerMachine.State
        let evidence: Evidence?
        var count: Int
        var left: [Duration] = []
        var calls: [Place]
        /// Calls of older generations and lapsed probes: each of them is checked to change nothing.
        let late: Int
        let isolations: Int
        let isDisabled: Bool
        var asked = [Int]()
        /// What a rate has counted; nil where none does.
        let statistics: ClosedStatistics?

        init(_ node: Node) {
            let machine = node.machine
            state = machine.state
            evidence = machine.tripEvidence
            count = machine.statistics.streak
            statistics = machine.configuration.trip.rates.isEmpty ? nil : machine.statistics
            let measuresTime = machine.configuration.trip.measuresTime
            (isolations, isDisabled) = (machine.isolations, machine.isDisabled)
            var numbers: [UInt32] = []
            func left(_ instant: MonotonicInstant) -> Duration { max(.zero, node.now.duration(to: instant)) }
            switch machine.phase {
            case .closed: break
            case .ramping(let ramp):
                self.left = [left(ramp.began.advanced(by: machine.configuration.ramp))]
                asked = [ramp.asked, ramp.admitted]
            case .open(let until): self.left = [left(until)]
            case .halfOpen(let inFlight, _, let successes):
                count = successes
                numbers = inFlight.map(\.number)
                self.left = inFlight.map { left($0.lapses) }
            }
            let counting = node.calls.filter {
                $0.ticket.generation == machine.generation && ($0.ticket.probe == 0 || node.now < $0.lapses)
            }
            calls = counting.map { call in
                Place(
                    index: numbers.firstIndex(of: call.ticket.probe) ?? -1,
                    left: call.ticket.probe == 0 ? .zero : left(call.lapses), hangs: call.hangs,
                    age: measuresTime
                        ? min(call.began.duration(to: node.now), BreakerExplorationTests.limit + .seconds(1)) : .zero)
            }
            .sorted { ($0.index, $0.left, $0.age, $0.hangs ? 1 : 0) < ($1.index, $1.left, $1.age, $1.hangs ? 1 : 0) }
            late = node.calls.count - counting.count
        }
    }

    private static let legal: [CircuitBreakerMachine.State: Set<CircuitBreakerMachine.State>] = [
        .closed: [.open], .open: [.halfOpen], .halfOpen: [.closed, .open],
    ]
    private static let callers = 3
    /// From when on a call is slow, where slow calls count.
    private static let limit = Duration.seconds(1)

    private func check(_ holds: Bool, _ claim: String, _ node: Node) {
        if !holds { Issue.record("\(claim): \(node)") }
    }

    private func checkChange(_ change: CircuitBreakerMachine.Change?, from node: Node, to next: Node) {
        let expected = change == nil ? node.machine.generation : node.machine.generation + 1
        check(next.machine.generation == expected, "a generation that does not count the changes", node)
        check((change == nil) == (node.machine.state == next.machine.state), "a change that nobody was told of", node)
        guard let change else { return }
        check(change.from == node.machine.state && change.to == next.machine.state, "a change told wrong", node)
        check(Self.legal[change.from]?.contains(change.to) == true, "a change that the diagram does not have", node)
    }

    private func admitting(_ node: Node) -> Node {
        var next = node
        let (admission, change) = next.machine.admit(at: node.now)
        checkChange(change, from: node, to: next)
        switch admission {
        case .admitted(let ticket):
            check(node.machine.state != .isolated, "an isolated breaker admits", node)
            let lapses = node.now.advanced(by: node.machine.configuration.probeHold)
            next.calls.append(Call(ticket: ticket, began: node.now, lapses: lapses))
        case .rejected(let retryAfter):
            let cooldown = node.machine.configuration.cooldown.base
            check(retryAfter > .zero && retryAfter <= cooldown, "a wait of \(retryAfter)", node)
            switch node.machine.state {
            case .closed: check(node.machine.isRamping(at: node.now), "a closed breaker rejects", node)
            case .halfOpen: check(node.holding == node.machine.configuration.probes, "a place not given", node)
            case .open, .isolated: break
            case .disabled: check(false, "a disabled breaker rejects", node)
            }
        }
        return next
    }

    private func handingIn(_ index: Int, _ verdict: Verdict, _ node: Node) -> Node {
        var next = node
        let call = next.calls.remove(at: index)
        let change = next.machine.record(verdict, for: call.ticket, at: node.now)
        checkChange(change, from: node, to: next)
        let isLate = call.ticket.generation != node.machine.generation
        let hasLapsed = call.ticket.probe != 0 && call.lapses <= node.now
        if isLate || hasLapsed {
            check(change == nil && next.machine == node.machine, "a late result changes something", node)
        }
        if change?.to == .closed, node.machine.configuration.trip.measuresTime {
            check(call.began.duration(to: node.now) <= Self.limit, "a slow probe closes", node)
        }
        if verdict == .abandoned { check(change == nil, "an abandoned call changes the state", node) }
        return next
    }

    /// What an operator may do: none of it is a way to closed, but to take back what was done.
    private func operated(_ node: Node) -> [(Node, isWay: Bool)] {
        var next: [(Node, isWay: Bool)] = []
        func add(isWay: Bool, _ operate: (inout CircuitBreakerMachine) -> CircuitBreakerMachine.Change?) {
            var operated = node
            guard let change = operate(&operated.machine) else { return }
            check(operated.machine.generation == node.machine.generation + 1, "a generation not counted", node)
            check(change.from == node.machine.state && change.to == operated.machine.state, "told wrong", node)
            next.append((operated, isWay))
        }
        if node.machine.isolations < 2 { add(isWay: false) { $0.isolate() } }
        add(isWay: true) { $0.release() }
        add(isWay: false) { $0.disable() }
        add(isWay: true) { $0.enable() }
        add(isWay: false) { $0.reset() }
        return next
    }

    private func successors(of node: Node, operators: Bool) -> [(Node, isWay: Bool)] {
        var next: [Node] = []
        let asked = if case .ramping(let ramp) = node.machine.phase { ramp.asked } else { 0 }
        if node.callers < Self.callers, asked < 6 { next.append(admitting(node)) }
        for index in node.calls.indices where !node.calls[index].hangs {
            for verdict in [Verdict.succeeded, .failed, .abandoned] {
                next.append(handingIn(index, verdict, node))
            }
            var hung = node
            hung.calls[index].hangs = true
            next.append(hung)
        }
        // Time also stands still: the events above all happen at one instant.
        for step in [1, 2, 100] {
            var moved = node
            moved.now = node.now.advanced(by: .seconds(step))
            next.append(moved)
        }
        return (next.map { ($0, true) } + (operators ? operated(node) : [])).map { next, isWay in
            var next = next
            let (machine, now) = (next.machine, next.now)
            next.calls.removeAll {
                $0.hangs && ($0.ticket.generation != machine.generation || $0.lapses <= now || $0.ticket.probe == 0)
            }
            return (next, isWay)
        }
    }

    private func walk(
        trip: Trip = .consecutiveFailures(2), hold: Duration = .seconds(6), successesToClose: Int,
        ramp: Duration = .zero, operators: Bool = false
    ) -> Walk<Node> {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = trip
        configuration.cooldown = .fixed(.seconds(4), jitter: 0)
        configuration.probes = 2
        configuration.successesToClose = successesToClose
        configuration.probeHold = hold
        configuration.ramp = ramp
        let walk = Walk(
            from: Node(machine: CircuitBreakerMachine(configuration: configuration)), shape: Shape.init,
            successors: { successors(of: $0, operators: operators) })
        for node in walk.nodes { check(node.holding <= configuration.probes, "a stampede", node) }
        for node in walk.stuck(outside: { $0.machine.state == .closed }) { check(false, "no way to closed", node) }
        return walk
    }

    @Test(arguments: [1, 2, 3])
    func `every reachable state keeps the promises and can close`(successesToClose: Int) {
        let walk = walk(successesToClose: successesToClose)
        print("walked all \(walk.nodes.count) states of a breaker that closes after \(successesToClose)")
        #expect(walk.nodes.count > 250 * successesToClose, "the walk ended after \(walk.nodes.count) states")
    }

    @Test func `so does every state with a ramp`() {
        let walk = walk(successesToClose: 2, ramp: .seconds(3))
        print("walked all \(walk.nodes.count) states of a breaker that ramps")
        #expect(walk.nodes.count > 700, "the walk ended after \(walk.nodes.count) states")
    }

    @Test func `so does every state of one that trips on slow calls and no slow probe closes it`() {
        // How long each call takes already is part of a state.
        let walk = walk(
            trip: .slowCallRate(1, slowerThan: Self.limit, ofLast: 2), hold: .seconds(3), successesToClose: 2)
        print("walked all \(walk.nodes.count) states of a breaker that trips on slow calls")
        #expect(walk.nodes.count > 300, "the walk ended after \(walk.nodes.count) states")
    }

    @Test func `so does every state that operators bring about`() {
        let walk = walk(successesToClose: 2, operators: true)
        print("walked all \(walk.nodes.count) states of a breaker and its operators")
        #expect(walk.nodes.count > 3_000, "the walk ended after \(walk.nodes.count) states")
    }
}
