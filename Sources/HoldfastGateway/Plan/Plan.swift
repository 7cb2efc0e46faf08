#if Gateway
import Holdfast
import HoldfastIdempotency
import Logging
import NIOCore
import Synchronization

/// A configuration, carried out: what the data plane works by until the next one. It never changes; what happens to it
/// happens in the objects that it holds, and those go over into the next plan when nothing about them was changed.
final class Plan: Sendable {
    let configuration: GatewayConfiguration
    let services: [UpstreamService]
    let routes: [Route]
    let table: RouteTable
    let headerTimeout: TimeAmount
    let idleTimeout: TimeAmount
    let clientTimeout: TimeAmount
    /// What it means, for the page.
    let words: PlanWords

    private init(
        configuration: GatewayConfiguration, services: [UpstreamService], routes: [Route]
    ) {
        self.configuration = configuration
        self.services = services
        self.routes = routes
        table = RouteTable(routes)
        headerTimeout = TimeAmount(configuration.headerTimeout)
        idleTimeout = TimeAmount(configuration.idleTimeout)
        clientTimeout = TimeAmount(configuration.clientTimeout)
        words = PlanWords(configuration)
    }

    /// Where the endpoints of each service are.
    typealias Addresses = [GatewayConfiguration.Address: [SocketAddress]]

    /// What finds out who calls, for each way in which a route says it.
    typealias Verifiers = [TokenCaller: TokenVerifier]

    /// What plans are made with.
    struct Maker: Sendable {
        let clock: any TimeSource
        let logger: Logger
        let transitions: TransitionLog
        /// The store's: callers are named under it. Without, names are this process's own.
        var secret = StoreSecret.random()

        /// - Parameter known: What was made before, and remembers the tokens that it has verified.
        /// - Throws: What the library throws of a key.
        func verifiers(_ configuration: GatewayConfiguration, keeping known: Verifiers) async throws -> Verifiers {
            var verifiers: Verifiers = [:]
            for case .jwt(let token) in configuration.routes.map(\.caller) where verifiers[token] == nil {
                if let kept = known[token] {
                    verifiers[token] = kept
                } else {
                    verifiers[token] = try await TokenVerifier.make(token, secret: secret)
                }
            }
            return verifiers
        }

        /// - Parameters:
        ///   - addresses: What lies behind each endpoint's address. An address that is not there has no endpoint yet.
        ///   - former: The plan until now.
        /// - Throws: `ConfigurationError`, or what NIOSSL throws of the certificates.
        func plan(
            _ configuration: GatewayConfiguration, at addresses: Addresses, with verifiers: Verifiers = [:],
            after former: Plan?
        ) throws -> Plan {
            let services = try configuration.services.map { service in
                try self.service(service, at: addresses, after: former?.services.first { $0.name == service.name })
            }
            let byName = Dictionary(uniqueKeysWithValues: services.map { ($0.name, $0) })
            let formerRoutes = Dictionary((former?.routes ?? []).map { ($0.name, $0) }) { first, _ in first }
            let routes = try configuration.routes.map { route in
                guard let service = byName[route.service] else {
                    throw ConfigurationError(
                        option: "route '\(route.name)'s service", value: route.service, allowed: "a service's name")
                }
                var tokens: TokenVerifier?
                if case .jwt(let token) = route.caller { tokens = verifiers[token] }
                return try Route(
                    route, service: service, tokens: tokens, former: formerRoutes[route.name], clock: clock)
            }
            return Plan(configuration: configuration, services: services, routes: routes)
        }

        private func service(
            _ configuration: ServiceConfiguration, at addresses: Addresses, after former: UpstreamService?
        ) throws -> UpstreamService {
            let service = configuration.name
            let ejection =
                former?.ejection
                ?? Ejection { [logger] change in
                    var told: Logger.Metadata = ["service": "\(service)", "endpoint": "\(change.endpoint)"]
                    if let reason = change.reason { told["reason"] = "\(reason)" }
                    logger.notice(change.isEjected ? "left out" : "called again", metadata: told)
                }
            let known = Dictionary((former?.endpoints ?? []).map { ($0.identity, $0) }) { first, _ in first }
            var identities: [Endpoint.Identity] = []
            for place in configuration.endpoints {
                for address in addresses[place.address] ?? [] {
                    let identity = Endpoint.Identity(
                        service: configuration.name, place: place, address: address, tls: configuration.tls,
                        breaker: configuration.breaker, evidence: configuration.countedEvidence)
                    if !identities.contains(identity) { identities.append(identity) }
                }
            }
            let credentials = try credentials(configuration, after: former)
            let endpoints = try identities.map { identity in
                try known[identity]
                    ?? Endpoint(identity, credentials: credentials, clock: clock) { [weak ejection] change, name in
                        // It holds its endpoints, and would never go with a service that no plan has any more.
                        announce(change, of: service, endpoint: name)
                        ejection?.changed()
                    }
            }
            var probes: ProbePlaces?
            var evidence: CallerEvidence?
            if let wanted = configuration.serviceBreaker {
                if let kept = former?.probes, kept.breaker.configuration == wanted,
                    former?.configuration.countedEvidence == configuration.countedEvidence
                {
                    (probes, evidence) = (kept, former?.evidence)
                } else {
                    let made = configuration.countedEvidence == .callers ? CallerEvidence(for: wanted.trip) : nil
                    evidence = made
                    let breaker = try CircuitBreaker(service, configuration: wanted, clock: clock) {
                        made?.breakerChanged(to: $0.to)
                        announce($0, of: service, endpoint: nil)
                    }
                    probes = ProbePlaces(breaker)
                }
            }
            let keptBudget = former?.configuration.budget == configuration.budget ? former?.budget : nil
            let budget =
                if let keptBudget { keptBudget } else {
                    try RetryBudget(configuration: configuration.budget, clock: clock)
                }
            return UpstreamService(
                configuration, endpoints: endpoints, probes: probes, evidence: evidence, budget: budget,
                ejection: ejection, credentials: credentials)
        }

        private func credentials(
            _ configuration: ServiceConfiguration, after former: UpstreamService?
        ) throws -> ServiceCredentials? {
            guard configuration.endpoints.contains(where: \.usesTLS) else { return nil }
            if let kept = former?.credentials, former?.configuration.tls == configuration.tls { return kept }
            return try ServiceCredentials(configuration.tls)
        }

        /// - Parameter endpoint: Nil for the service's own breaker.
        private func announce(_ change: CircuitBreaker.Change, of service: String, endpoint: String?) {
            var told: Logger.Metadata = [
                "service": "\(service)", "breaker": "\(endpoint == nil ? "service" : "endpoint")",
                "reason": "\(change.reason)", "generation": .stringConvertible(change.generation),
            ]
            if let endpoint { told["endpoint"] = "\(endpoint)" }
            logger.notice("\(change.from.rawValue) → \(change.to.rawValue)", metadata: told)
            transitions.add(change, of: service, endpoint: endpoint)
        }
    }

    /// What becomes true when this plan takes the place of another: who is left out is decided anew, and what is in no
    /// plan any more is retired.
    func takeOver(from former: Plan?) {
        for service in services {
            service.ejection.update(share: service.configuration.maximumEjected, endpoints: service.endpoints)
        }
        let kept = Set(services.flatMap(\.endpoints).map(\.number))
        for endpoint in former?.services.flatMap(\.endpoints) ?? [] where !kept.contains(endpoint.number) {
            endpoint.isRetired.store(true, ordering: .relaxed)
        }
    }
}
#endif
