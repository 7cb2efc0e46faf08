#if Gateway
extension GatewayConfiguration {
    var route: RouteConfiguration { routes[0] }
    var service: ServiceConfiguration { services[0] }
}
#endif
