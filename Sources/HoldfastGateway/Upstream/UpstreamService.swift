#if Gateway
import Holdfast
import NIOCore
import Synchronization

/// A service as one plan has it: its endpoints, and what they share. What did not change is taken over from the plan
/// before, with all that it knows.
final class UpstreamService: Sendable {
    let configuration: ServiceConfiguration
    /// None, while no address of any name is known.
    let endpoints: [Endpoint]
    let breaker: CircuitBreaker?
    /// By which calls ask the breaker; nil where there is none.
    let probes: ProbePlaces?
    /// What the breaker's evidence passes; nil where each failure counts.
    let evidence: CallerEvidence?
    let budget: RetryBudget
    let ejection: Ejection
    /// For its endpoints under TLS; nil where there is none.
    let credentials: ServiceCredentials?
    /// The largest weight of its endpoints; 0 where all weigh the same.
    let heaviest = Atomic<Int>(0)

    var name: String { configuration.name }
    /// How many of an endpoint's connections may wait for bodies that are still to come.
    var uploads: Int { max(1, configuration.connections / 2) }

    init(
        _ configuration: ServiceConfiguration, endpoints: [Endpoint], probes: ProbePlaces?,
        evidence: CallerEvidence?, budget: RetryBudget, ejection: Ejection, credentials: ServiceCredentials?
    ) {
        self.configuration = configuration
        self.endpoints = endpoints
        self.probes = probes
        breaker = probes?.breaker
        self.evidence = evidence
        self.budget = budget
        self.ejection = ejection
        self.credentials = credentials
    }

    /// How long until a caller's call would be admitted.
    func admittedAfter(_ caller: Int, at now: NIODeadline) -> Duration {
        func left(_ probes: ProbePlaces, _ evidence: CallerEvidence?) -> Duration {
            let left = probes.breaker.retryAfter
            if left > .zero { return evidence?.spares(caller, at: now) == true ? .zero : left }
            let over = probes.passesOver(caller, at: now)
            guard over > .zero else { return .zero }
            return switch probes.breaker.snapshot().state {
            case .open, .halfOpen: over
            case .closed, .isolated, .disabled: .zero
            }
        }
        let service = probes.map { left($0, evidence) } ?? .zero
        let chosen = endpoints.filter { !$0.isHeldOut }
        if chosen.contains(where: { $0.isWaived.load(ordering: .relaxed) }) { return service }
        return max(service, chosen.map { left($0.probes, $0.evidence) }.min() ?? .zero)
    }

    /// Takes over the weights that its endpoints were given.
    func weigh() {
        let weights = Set(endpoints.map(\.weight))
        heaviest.store(weights.count > 1 ? weights.max() ?? 0 : 0, ordering: .relaxed)
    }
}

/// Which endpoints of a service are left out: the machine behind a lock, and its decisions where calls see them.
final class Ejection: Sendable {
    /// An endpoint that is left out from now on, or not any more.
    struct Change: Sendable {
        let endpoint: String
        let isEjected: Bool
        /// Why, where that is not what its breaker or its checks have said already.
        let reason: String?
    }

    private struct State {
        var machine = EjectionMachine(share: 1)
        var endpoints: [Endpoint] = []
        var ejected: Set<Int> = []

        /// Whom an operator keeps calls from is not the machine's to leave out, nor to call.
        mutating func look() -> [Change] {
            let members = endpoints.filter { !$0.isSetAside }
            machine.setMembers(Set(members.map(\.number)))
            for endpoint in members { machine.changed(endpoint.number, isWell: endpoint.isWell) }
            return publish()
        }

        private mutating func publish() -> [Change] {
            let waived = Set(machine.waived)
            for endpoint in endpoints { endpoint.isWaived.store(waived.contains(endpoint.number), ordering: .relaxed) }
            let former = ejected
            ejected = Set(machine.ejected)
            return endpoints.filter { former.contains($0.number) != ejected.contains($0.number) }.map { endpoint in
                let isWaived = waived.contains(endpoint.number)
                return Change(
                    endpoint: endpoint.name, isEjected: ejected.contains(endpoint.number),
                    reason: isWaived ? "it is not well, but too many others are left out" : nil)
            }
        }
    }

    private let state = Mutex(State())
    private let onChange: @Sendable (Change) -> Void

    /// - Parameter onChange: Called after each change, on the thread that made it.
    init(onChange: @escaping @Sendable (Change) -> Void = { _ in }) { self.onChange = onChange }

    /// Takes over what a plan says.
    func update(share: Double, endpoints: [Endpoint]) {
        let changes = state.withLock { state in
            state.machine.share = share
            state.endpoints = endpoints
            return state.look()
        }
        for change in changes { onChange(change) }
    }

    /// An endpoint's breaker or checks have changed, or what operators say of it.
    func changed() {
        let changes = state.withLock { $0.look() }
        for change in changes { onChange(change) }
    }

    /// How many are left out.
    var count: Int { state.withLock { $0.machine.ejected.count } }
}

extension Endpoint {
    /// Whether neither its breaker nor its checks speak against it.
    var isWell: Bool {
        guard isHealthy.load(ordering: .relaxed) else { return false }
        return switch breaker.snapshot().state {
        case .closed, .disabled: true
        case .open, .halfOpen, .isolated: false
        }
    }

    /// Whether it is left out.
    var isEjected: Bool { !isWaived.load(ordering: .relaxed) && !isWell }
}
#endif
