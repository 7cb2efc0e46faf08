#if Gateway
import Holdfast

extension GatewayConfiguration.Address {
    /// Whether two that listen would share connections: the kernel lets a process listen twice on one address
    /// (`SO_REUSEPORT`), and then deals them out. Names but `localhost` are not looked up.
    func overlaps(_ other: Self) -> Bool {
        guard port == other.port, port != 0 else { return false }
        return !places.isDisjoint(with: other.places) || covers(other) || other.covers(self)
    }

    /// Whether a connection to an endpoint comes to whoever listens here: a gateway would call itself.
    func takes(_ endpoint: Self) -> Bool {
        guard port == endpoint.port, port != 0 else { return false }
        // Of the other addresses of this machine nothing is known here.
        return !places.isDisjoint(with: endpoint.places) || (covers(endpoint) && endpoint.isLocal)
    }

    /// The addresses that the host stands for.
    private var places: Set<String> {
        let name = host.lowercased()
        if name == "localhost" { return ["127.0.0.1", "::1"] }
        return [IPAddress(text: name.utf8)?.description ?? name]
    }

    /// Whether it stands for every address, of IPv6 with those of IPv4.
    private func covers(_ other: Self) -> Bool {
        if places == ["::"] { return true }
        return places == ["0.0.0.0"] && other.places.contains { !$0.contains(":") && $0.contains(".") }
    }

    private var isLocal: Bool { isLoopback || places == ["::"] || places == ["0.0.0.0"] }
}

extension GatewayConfiguration {
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
