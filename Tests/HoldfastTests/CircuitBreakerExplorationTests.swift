import Testing

@testable import Holdfast

/// Walks every state that the breaker's machine can reach with small parameters, and checks its promises in each.
@Suite struct CircuitBreakerExplorationTests {
    /// The machine, the calls that are out (late, hung or to be cancelled), and the time.
    private struct Node: Hashable {
        var machine: CircuitBreakerMachine
        var tickets: [CircuitBreakerMachine.Ticket]
        var now: MonotonicInstant

        /// Generations and times only ever grow, so states are told apart by what is left of them.
        var shape: Node {
            var shape = self
            let base = machine.generation
            shape.machine.generation = 0
            shape.tickets = tickets.map { .init(generation: base &- $0.generation, probe: $0.probe) }
                .map { $0.generation > 1 ? .init(generation: 2, probe: 0) : $0 }
                .sorted { ($0.generation, $0.probe) < ($1.generation, $1.probe) }
            shape.now = MonotonicInstant(nanoseconds: 0)
            let offset = Duration.zero - .nanoseconds(now.nanoseconds)
            switch shape.machine.phase {
            case .closed: break
            case .open(let until):
                let remaining = max(until.advanced(by: offset), MonotonicInstant(nanoseconds: 0))
                shape.machine.phase = .open(until: remaining)
            case .halfOpen(let inFlight, let issued, let successes):
                let probes = inFlight.map { probe in
                    CircuitBreakerMachine.Probe(
                        number: probe.number,
                        lapses: max(probe.lapses.advanced(by: offset), MonotonicInstant(nanoseconds: 0)))
                }
                shape.machine.phase = .halfOpen(inFlight: probes, issued: issued, successes: successes)
            }
            return shape
        }
    }

    private static let probes = 2
    private static let callers = 3

    private func successors(of node: Node) -> [Node] {
        var next: [Node] = []
        if node.tickets.count < Self.callers {
            var admitted = node
            let (admission, _) = admitted.machine.admit(at: admitted.now)
            if case .admitted(let ticket) = admission { admitted.tickets.append(ticket) }
            next.append(admitted)
        }
        for index in node.tickets.indices {
            for verdict in [CircuitBreakerMachine.Verdict.succeeded, .failed, .abandoned] {
                var recorded = node
                let ticket = recorded.tickets.remove(at: index)
                let change = recorded.machine.record(verdict, for: ticket, at: recorded.now)
                if ticket.generation != node.machine.generation {
                    #expect(change == nil && recorded.machine == node.machine, "a late result changed \(node)")
                }
                next.append(recorded)
            }
        }
        for step in [Duration.seconds(1), .seconds(2), .seconds(100)] {
            var moved = node
            moved.now = node.now.advanced(by: step)
            next.append(moved)
        }
        return next
    }

    @Test func `every reachable state keeps the promises`() {
        var configuration = CircuitBreakerConfiguration()
        configuration.trip = .consecutiveFailures(2)
        configuration.cooldown = .seconds(2)
        configuration.probes = Self.probes
        configuration.successesToClose = 2
        configuration.probeHold = .seconds(2)
        let start = Node(
            machine: CircuitBreakerMachine(configuration: configuration), tickets: [],
            now: MonotonicInstant(nanoseconds: 0))
        var seen: Set<Node> = [start.shape]
        var queue = [start]
        var visited = 0
        // Numbers of probes grow with each that lapses, so the walk is cut where a generation has issued this many.
        let mostProbes = 6
        while visited < queue.count {
            let node = queue[visited]
            visited += 1
            #expect(node.machine.probesInFlight(at: node.now) <= Self.probes, "a stampede in \(node)")
            #expect(canClose(node), "no way to closed from \(node)")
            for next in successors(of: node) {
                if case .halfOpen(_, let issued, _) = next.machine.phase, issued > mostProbes { continue }
                if seen.insert(next.shape).inserted { queue.append(next) }
            }
        }
        print("walked \(visited) states of the circuit breaker")
        #expect(visited > 1_000, "the walk ended after \(visited) states")
    }

    /// From any state, time and successful calls close the breaker.
    private func canClose(_ node: Node) -> Bool {
        var machine = node.machine
        let now = node.now.advanced(by: .seconds(100))
        for _ in 0..<2 {
            guard machine.state != .closed else { return true }
            guard case .admitted(let ticket) = machine.admit(at: now).admission else { return false }
            _ = machine.record(.succeeded, for: ticket, at: now)
        }
        return machine.state == .closed
    }
}
