#if Gateway
import Holdfast
import Logging
import NIOCore
import Synchronization

/// Holds the plan that counts, and makes the next one: when the configuration changes, or a name gets other addresses.
final class PlanKeeper: Sendable {
    private struct State {
        var plan: Plan
        var addresses: Plan.Addresses
        var verifiers: Plan.Verifiers
    }

    private let maker: Plan.Maker
    /// What operators have set at run time: it stands beside every plan.
    let overrides: Overrides
    private let state: Mutex<State>
    /// Plans are made one after the other.
    private let turn = AsyncTurn()
    /// Told of each new plan.
    private let changes = PlanChanges()

    /// Looks every name up, and makes the first plan. A name that has no address yet stops nobody: its service answers
    /// `upstream-unreachable` until it has.
    ///
    /// - Throws: `ConfigurationError`, or what NIOSSL throws of certificates.
    init(
        _ configuration: GatewayConfiguration, maker: Plan.Maker, overrides: Overrides = Overrides()
    ) async throws {
        try configuration.validate()
        self.maker = maker
        self.overrides = overrides
        let addresses = await Self.lookUp(configuration.services, keeping: [:], logger: maker.logger)
        let verifiers = try await maker.verifiers(configuration, keeping: [:])
        let plan = try maker.plan(configuration, at: addresses, with: verifiers, after: nil)
        await overrides.take(plan.services)
        plan.takeOver(from: nil)
        state = Mutex(State(plan: plan, addresses: addresses, verifiers: verifiers))
    }

    var clock: any TimeSource { maker.clock }
    var logger: Logger { maker.logger }

    var current: Plan { state.withLock { $0.plan } }

    /// Each plan from the current one on.
    func plans() -> AsyncStream<Plan> { changes.listen(beginning: current) }

    /// - Throws: `ConfigurationError`, or ``RestartRequired``; then the current plan stays.
    func reload(_ configuration: GatewayConfiguration) async throws {
        try configuration.validate()
        try await turn.run {
            let (former, known) = state.withLock { ($0.plan, $0) }
            let options = former.configuration.restartOptions(changedTo: configuration)
            guard options.isEmpty else { throw RestartRequired(options: options) }
            let verifiers = try await maker.verifiers(configuration, keeping: known.verifiers)
            let addresses = await Self.lookUp(configuration.services, keeping: known.addresses, logger: maker.logger)
            try await replace(former, by: configuration, at: addresses, with: verifiers)
        }
    }

    /// Looks the names of each service up, as often as it says, until it is cancelled.
    func keepResolving(_ taken: @escaping @Sendable (Plan) async -> Void) async {
        while !Task.isCancelled {
            let plan = current
            let named = plan.configuration.services.filter { $0.endpoints.contains(where: \.isNamed) }
            // While some service has no endpoint, it is looked for every second.
            let isMissing = plan.services.contains { $0.endpoints.isEmpty }
            let interval = isMissing ? .seconds(1) : named.map(\.resolveInterval).min() ?? .seconds(3_600)
            guard (try? await maker.clock.sleep(for: interval)) != nil else { return }
            guard !named.isEmpty else { continue }
            let isChanged = await turn.run { await resolve() }
            if isChanged { await taken(current) }
        }
    }

    /// - Returns: Whether there is another plan.
    private func resolve() async -> Bool {
        let (former, known) = state.withLock { ($0.plan, $0) }
        let addresses = await Self.lookUp(former.configuration.services, keeping: known.addresses, logger: maker.logger)
        guard addresses != known.addresses else { return false }
        do {
            try await replace(former, by: former.configuration, at: addresses, with: known.verifiers)
            let moved = former.configuration.services.filter { service in
                service.endpoints.contains { addresses[$0.address] != known.addresses[$0.address] }
            }
            for service in moved {
                let places = service.endpoints.map(\.address).filter { addresses[$0] != known.addresses[$0] }
                maker.logger.notice(
                    "names have other addresses",
                    metadata: [
                        "service": "\(service.name)",
                        "endpoints": "\(places.map(\.description).joined(separator: ", "))",
                    ])
            }
            return true
        } catch {
            maker.logger.error("a plan with other addresses cannot be made", metadata: ["error": "\(error)"])
            return false
        }
    }

    private func replace(
        _ former: Plan, by configuration: GatewayConfiguration, at addresses: Plan.Addresses,
        with verifiers: Plan.Verifiers
    ) async throws {
        let plan = try maker.plan(configuration, at: addresses, with: verifiers, after: former)
        await overrides.take(plan.services)
        plan.takeOver(from: former)
        state.withLock { $0 = State(plan: plan, addresses: addresses, verifiers: verifiers) }
        changes.tell(plan)
    }

    /// - Parameter known: What is kept of a name that cannot be looked up now.
    private static func lookUp(
        _ services: [ServiceConfiguration], keeping known: Plan.Addresses, logger: Logger
    ) async -> Plan.Addresses {
        let wanted = Set(services.flatMap { $0.endpoints.map(\.address) })
        return await withTaskGroup(of: (GatewayConfiguration.Address, [SocketAddress]?).self) { group in
            for address in wanted {
                group.addTask {
                    do {
                        return (address, try await AddressLookup.addresses(of: address))
                    } catch {
                        let named = services.filter { $0.endpoints.contains { $0.address == address } }.map(\.name)
                        logger.warning(
                            "\(words(of: error))",
                            metadata: ["service": "\(named.joined(separator: ", "))", "endpoint": "\(address)"])
                        return (address, known[address])
                    }
                }
            }
            return await group.reduce(into: [:]) { found, entry in found[entry.0] = entry.1 }
        }
    }
}

extension ServiceConfiguration.Endpoint {
    /// Whether its host is a name, and not an address.
    fileprivate var isNamed: Bool { (try? SocketAddress(ipAddress: address.host, port: address.port)) == nil }
}

/// Lets whoever wants to hear of the next plans.
private final class PlanChanges: Sendable {
    private struct State {
        var next = 0
        var listeners: [Int: AsyncStream<Plan>.Continuation] = [:]
    }

    private let state = Mutex(State())

    func listen(beginning plan: Plan) -> AsyncStream<Plan> {
        let (stream, continuation) = AsyncStream.makeStream(of: Plan.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.next += 1
            state.listeners[state.next] = continuation
            return state.next
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.listeners.removeValue(forKey: number) }
        }
        continuation.yield(plan)
        return stream
    }

    func tell(_ plan: Plan) {
        let listeners = state.withLock { Array($0.listeners.values) }
        for listener in listeners { listener.yield(plan) }
    }
}
#endif
