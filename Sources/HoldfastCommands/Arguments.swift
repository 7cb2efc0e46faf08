#if Gateway
public import ArgumentParser
import Holdfast
public import HoldfastGateway
public import HoldfastHTTP

/// A duration on the command line: `250ms`, `5s`, `2m`, `24h`, `7d`.
struct DurationArgument: ExpressibleByArgument {
    let duration: Duration

    init?(argument: String) {
        guard let duration = Duration(words: argument) else { return nil }
        self.duration = duration
    }
}

extension GatewayConfiguration.Address: ExpressibleByArgument {
    /// `HOST:PORT`, with IPv6 addresses in brackets.
    public init?(argument: String) { self.init(words: argument) }
}

/// A server's address on the command line: `http://HOST[:PORT]`.
struct HTTPArgument: ExpressibleByArgument, CustomStringConvertible {
    let address: GatewayConfiguration.Address

    init(_ address: GatewayConfiguration.Address) {
        self.address = address
    }

    var description: String { "http://\(address)" }
    var defaultValueDescription: String { description }

    init?(argument: String) {
        guard let endpoint = ServiceConfiguration.Endpoint(words: argument), !endpoint.usesTLS else { return nil }
        address = endpoint.address
    }
}

extension StoreLocation: ExpressibleByArgument {
    public init?(argument: String) { self.init(argument) }

    public var defaultValueDescription: String { description }
}

extension RouteConfiguration.Idempotency.Keys: ExpressibleByArgument {}

extension KeyRules.Form: ExpressibleByArgument {}

extension OutcomeProfile: ExpressibleByArgument {
    public init?(argument: String) {
        guard let profile = Self.all.first(where: { $0.name == argument }) else { return nil }
        self = profile
    }

    public var defaultValueDescription: String { name }
}

extension RouteConfiguration.Idempotency.Unknown: ExpressibleByArgument {}

extension ProbePath: ExpressibleByArgument {
    public init?(argument: String) {
        guard let path = try? Self(argument) else { return nil }
        self = path
    }

    public var defaultValueDescription: String { description }
}
#endif
