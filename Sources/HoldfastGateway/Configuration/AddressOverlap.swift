#if Gateway
import Holdfast
import NIOCore

extension GatewayConfiguration.Address {
    /// Whether two that listen would share connections: the kernel lets a process listen twice on one address
    /// (`SO_REUSEPORT`), and then deals them out. Names but this machine's own are not looked up.
    func overlaps(_ other: Self) -> Bool {
        guard port == other.port, port != 0 else { return false }
        return !places.isDisjoint(with: other.places) || covers(other) || other.covers(self)
    }

    /// Whether a connection to an endpoint comes to whoever listens here: a gateway would call itself.
    func takes(_ endpoint: Self) -> Bool {
        guard port == endpoint.port, port != 0 else { return false }
        return !places.isDisjoint(with: endpoint.destinations) || (covers(endpoint) && endpoint.isOfThisMachine)
    }

    /// The same address, whatever its spelling.
    var canonical: Self { Self(host: HostSpelling.canonical(host), port: port) }

    /// The addresses that the host stands for.
    private var places: Set<String> {
        let name = HostSpelling.canonical(host)
        return OwnHost.isLoopback(name) ? ["127.0.0.1", "::1"] : [name]
    }

    /// Where whoever connects to it comes to: the kernel takes the address of all for this machine.
    private var destinations: Set<String> {
        switch places {
        case ["0.0.0.0"]: ["0.0.0.0", "127.0.0.1"]
        case ["::"]: ["::", "::1"]
        default: places
        }
    }

    /// Whether it stands for every address, of IPv6 with those of IPv4.
    private func covers(_ other: Self) -> Bool {
        if places == ["::"] { return true }
        // A name may have an address of IPv4.
        return places == ["0.0.0.0"] && other.places.contains { !$0.contains(":") }
    }

    private var isOfThisMachine: Bool {
        places.contains { $0 == "::1" || ($0.hasPrefix("127.") && IPAddress(text: $0.utf8) != nil) }
            || places == ["::"] || places == ["0.0.0.0"] || !OwnHost.names.isDisjoint(with: places)
            || !OwnAddresses.all.isDisjoint(with: places)
    }
}

/// The addresses of this machine's interfaces, as they are when they are first asked for.
private enum OwnAddresses {
    static let all: Set<String> = {
        let devices = (try? System.enumerateDevices()) ?? []
        return Set(devices.compactMap { IPAddress($0.address)?.description })
    }()
}

extension GatewayConfiguration {
    /// Whether an endpoint is an address that the gateway itself listens on.
    func requireNoCircle() throws(ConfigurationError) {
        for service in services {
            for endpoint in service.endpoints {
                guard let own = ownAddress(takenBy: endpoint) else { continue }
                throw ConfigurationError(
                    option: "service \(shown(service.name))'s endpoint", value: "\(endpoint)",
                    allowed: "another than this gateway itself (\(own)): each request would go in a circle")
            }
        }
    }

    /// Which of its own addresses a connection to an endpoint comes to.
    func ownAddress(takenBy endpoint: ServiceConfiguration.Endpoint) -> Address? {
        (listeners.map(\.address) + [admin.address]).first { $0.takes(endpoint.address) }
    }

    /// Whether two of those that listen share an address.
    func requireDistinctAddresses() throws(ConfigurationError) {
        for (place, listener) in listeners.enumerated() {
            let others = listeners[..<place].map(\.address) + [admin.address]
            guard let other = others.first(where: listener.address.overlaps) else { continue }
            throw ConfigurationError(
                option: "listener's address", value: "\(listener.address)", allowed: "used once: \(other) takes it too")
        }
    }

    /// Whether another gateway may listen on its addresses, to take them over. Where keys are not shared, two at once would
    /// execute one key twice, so the second is refused.
    package var sharesAddresses: Bool {
        switch store.location {
        case .postgres, .valkey: true
        case .memory, .sqlite: routes.allSatisfy { $0.idempotency.keys == .off }
        }
    }
}
#endif
