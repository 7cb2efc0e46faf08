#if Gateway
import Holdfast
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

    /// What plans are made with.
    struct Maker: Sendable {
        let clock: any TimeSource
        let logger: Logger
        let transitions: TransitionLog

        /// - Parameters:
        ///   - addresses: What lies behind each endpoint's address. An address that is not there has no endpoint yet.
        ///   - former: The plan until now.
        /// - Throws: `ConfigurationError`, or what NIOSSL throws of the certificates.
        func plan(_ configuration: GatewayConfiguration, at addresses: Addresses, after former: Plan?) throws -> Plan {
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
                return try Route(route, service: service, former: formerRoutes[route.name], clock: clock)
            }
            return Plan(configuration: configuration, services: services, routes: routes)
        }

        private func service(
            _ configuration: ServiceConfiguration, at addresses: Addresses, after former: UpstreamService?
        ) throws -> UpstreamService {
            let ejection = former?.ejection ?? Ejection()
            let known = Dictionary((former?.endpoints ?? []).map { ($0.identity, $0) }) { first, _ in first }
            var identities: [Endpoint.Identity] = []
            for place in configuration.endpoints {
                for address in addresses[place.address] ?? [] {
                    let identity = Endpoint.Identity(
                        service: configuration.name, place: place, address: address, tls: configuration.tls,
                        breaker: configuration.breaker)
                    if !identities.contains(identity) { identities.append(identity) }
                }
            }
            let endpoints = try identities.map { identity in
                try known[identity]
                    ?? Endpoint(identity, clock: clock) { [weak ejection] change, name in
                        // It holds its endpoints, and would never go with a service that no plan has any more.
                        announce(change, of: name)
                        ejection?.changed()
                    }
            }
            let name = configuration.name
            var breaker: CircuitBreaker?
            if let wanted = configuration.serviceBreaker {
                if let kept = former?.breaker, kept.configuration == wanted {
                    breaker = kept
                } else {
                    breaker = try CircuitBreaker(name, configuration: wanted, clock: clock) {
                        announce($0, of: name)
                    }
                }
            }
            let keptBudget = former?.configuration.budget == configuration.budget ? former?.budget : nil
            let budget =
                if let keptBudget { keptBudget } else {
                    try RetryBudget(configuration: configuration.budget, clock: clock)
                }
            return UpstreamService(
                configuration, endpoints: endpoints, breaker: breaker, budget: budget, ejection: ejection)
        }

        private func announce(_ change: CircuitBreaker.Change, of name: String) {
            logger.notice(
                "\(change.from.rawValue) → \(change.to.rawValue)",
                metadata: ["breaker": "\(name)", "reason": "\(change.reason)", "generation": "\(change.generation)"])
            transitions.add(change, of: name)
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
