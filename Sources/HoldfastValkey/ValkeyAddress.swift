#if Valkey
import Foundation
public import Holdfast
import HoldfastIdempotency

/// Where a server is and how it is spoken to: what a URL says.
///
///     valkey://[user[:password]@]host[:port][/database][?option=value&…]
///
/// `redis://` means the same, and `valkeys://` and `rediss://` speak TLS. The options:
///
/// - `ca=PATH`: the certificates that the server's is checked against; default: the system's.
/// - `replicas=N`: how many replicas must have a write before it is acknowledged (`WAIT`), 0 to 16; default: 0.
/// - `eviction=accepted`: starts though the server may evict claims when its memory is full.
public struct ValkeyAddress: Sendable, Hashable, CustomStringConvertible {
    public var host: String
    public var port: Int
    public var database = 0
    public var user: String?
    public var password: String?
    public var usesTLS = false
    public var certificates: String?
    public var replicas = 0
    public var acceptsEviction = false

    /// Without the user and the password, which are nobody's to read.
    public var description: String {
        "\(usesTLS ? "valkeys" : "valkey")://\(host.contains(":") ? "[\(host)]" : host):\(port)/\(database)"
    }

    /// - Throws: `ConfigurationError` for whatever the URL says that is not as above.
    public init(url: String) throws(ConfigurationError) {
        guard !StoreURL.mayMisplacePassword(url), let parts = URLComponents(string: url),
            let scheme = parts.scheme?.lowercased(),
            ["valkey", "redis", "valkeys", "rediss"].contains(scheme), let host = parts.host, !host.isEmpty,
            parts.fragment == nil
        else {
            // Not the URL itself, nor a part of it: it may hold a password.
            throw ConfigurationError(
                option: "store", value: "an address that cannot be read",
                allowed: "valkey://[user:password@]host[:port], with '/', '?', '#' and '@' in a password as %XX")
        }
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        port = parts.port ?? 6_379
        usesTLS = scheme.hasSuffix("s") && scheme != "redis"
        user = parts.user.flatMap { $0.isEmpty ? nil : $0 }
        password = parts.password
        try require("port", port, in: 1...65_535)
        let path = parts.path.drop { $0 == "/" }
        if !path.isEmpty { database = try Self.number("database", String(path), in: 0...65_535) }
        for item in parts.queryItems ?? [] {
            let value = item.value ?? ""
            switch item.name {
            case "ca": certificates = value
            case "replicas": replicas = try Self.number("replicas", value, in: 0...16)
            case "eviction" where value == "accepted": acceptsEviction = true
            case "eviction": throw ConfigurationError(option: "eviction", value: value, allowed: "accepted")
            default:
                throw ConfigurationError(option: "store", value: item.name, allowed: "ca, replicas, eviction")
            }
        }
    }

    private static func number(
        _ name: String, _ text: String, in range: ClosedRange<Int>
    ) throws(ConfigurationError) -> Int {
        guard let number = Int(text) else {
            throw ConfigurationError(option: name, value: text, allowed: "\(range.lowerBound) to \(range.upperBound)")
        }
        try require(name, number, in: range)
        return number
    }
}
#endif
