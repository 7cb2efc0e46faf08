#if Gateway
public import ArgumentParser
import Holdfast
public import HoldfastGateway
public import HoldfastHTTP

/// A duration on the command line: `250ms`, `5s`, `2m`, `24h`, `7d`.
struct DurationArgument: ExpressibleByArgument, CustomStringConvertible {
    let duration: Duration
    let description: String

    init?(argument: String) {
        let units: [(suffix: String, milliseconds: Int64)] = [
            ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
        ]
        guard let unit = units.first(where: { argument.hasSuffix($0.suffix) }) else { return nil }
        let digits = argument.dropLast(unit.suffix.count)
        guard !digits.isEmpty, digits.utf8.count <= 9, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let count = Int64(digits)
        else { return nil }
        duration = .milliseconds(count * unit.milliseconds)
        description = argument
    }

    var defaultValueDescription: String { description }
}

extension GatewayConfiguration.Address: ExpressibleByArgument {
    /// `HOST:PORT`, with IPv6 addresses in brackets.
    public init?(argument: String) {
        guard let colon = argument.lastIndex(of: ":"), let port = Int(argument[argument.index(after: colon)...]),
            (0...65_535).contains(port)
        else { return nil }
        var host = argument[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: port)
    }
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
        guard argument.hasPrefix("http://") else { return nil }
        var authority = argument.dropFirst("http://".count)
        if authority.hasSuffix("/") { authority = authority.dropLast() }
        guard !authority.isEmpty, !authority.contains(where: { "/?#@ ".contains($0) }) else { return nil }
        let hasPort = authority.hasSuffix("]") ? false : authority.contains(":")
        guard
            let address = GatewayConfiguration.Address(argument: hasPort ? String(authority) : "\(authority):80"),
            address.port > 0
        else { return nil }
        self.address = address
    }
}

/// Where claims and outcomes are kept: `memory`, `sqlite:PATH`, or the URL of a server.
enum StoreArgument: ExpressibleByArgument, CustomStringConvertible {
    case memory
    case sqlite(path: String)
    case postgres(url: String)
    case valkey(url: String)

    init?(argument: String) {
        if argument == "memory" {
            self = .memory
        } else if argument.hasPrefix("sqlite:"), argument != "sqlite:" {
            self = .sqlite(path: String(argument.dropFirst("sqlite:".count)))
        } else if argument.hasPrefix("postgres://") || argument.hasPrefix("postgresql://") {
            self = .postgres(url: argument)
        } else if ["valkey://", "valkeys://", "redis://", "rediss://"].contains(where: argument.hasPrefix) {
            self = .valkey(url: argument)
        } else {
            return nil
        }
    }

    var description: String {
        switch self {
        // A URL may hold a password, which is nobody's to read.
        case .postgres: "postgres"
        case .valkey: "valkey"
        case .memory: "memory"
        case .sqlite(let path): "sqlite:\(path)"
        }
    }

    var defaultValueDescription: String { description }
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
#endif
