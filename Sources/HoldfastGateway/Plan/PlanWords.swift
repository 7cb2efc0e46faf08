#if Gateway
/// What a plan means, in words, for the page: what its services and routes are, and under which policies. It has as many
/// rows as the state has, and none of what only requests should know: no token, no value of a field, no file's path.
struct PlanWords: Sendable, Encodable, Equatable {
    struct Service: Sendable, Encodable, Equatable {
        let name: String
        let policies: [String]
    }

    struct Route: Sendable, Encodable, Equatable {
        let name: String
        let match: String
        let service: String
        let shadow: Bool
        /// From the outermost in.
        let policies: [String]
    }

    let services: [Service]
    let routes: [Route]
    /// How many there are; those beyond the bound have no row.
    let serviceCount: Int
    let routeCount: Int

    init(_ configuration: GatewayConfiguration) {
        services = configuration.services.prefix(GatewayState.rowBound).map {
            Service(name: $0.name, policies: $0.policyWords)
        }
        routes = configuration.routes.prefix(GatewayState.rowBound).map { route in
            Route(
                name: route.name, match: route.match.words(showsValues: false), service: route.service,
                shadow: route.isShadow, policies: route.policyWords)
        }
        serviceCount = configuration.services.count
        routeCount = configuration.routes.count
    }
}
#endif
