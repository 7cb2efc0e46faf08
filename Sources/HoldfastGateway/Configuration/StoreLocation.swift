#if Gateway
import Foundation
package import Holdfast

/// Where claims and outcomes are kept.
///
/// A type of its own, so that the password in a server's URL is not printed by whoever prints a configuration.
public enum StoreLocation: Sendable, Hashable, CustomStringConvertible {
    /// In this process, and gone with it.
    case memory
    /// In a file, for one gateway.
    case sqlite(path: String)
    /// On a PostgreSQL server, for any number of gateways.
    case postgres(url: String)
    /// On a Valkey or Redis server, for any number of gateways.
    case valkey(url: String)

    /// What is accepted, in words.
    package static let allowed = "memory, sqlite:PATH, postgres://…, or valkey://… (also valkeys, redis, rediss)"

    /// Reads one as it is given to a gateway.
    ///
    /// - Returns: Nil for what is none.
    /// - Throws: `ConfigurationError` for a URL that a server's client would read in another way than it is meant.
    ///   It quotes nothing: what stands in the wrong place may be a part of the password.
    package static func read(_ text: String) throws(ConfigurationError) -> StoreLocation? {
        guard let location = StoreLocation(text) else { return nil }
        guard !location.misplacesPassword else {
            throw ConfigurationError(
                option: "store", value: "a URL that cannot be read",
                allowed:
                    "a URL in whose user and password every character but letters, digits, '-', '.', '_' and '~' is written as %XX, and whose port is a number"
            )
        }
        return location
    }

    /// Reads `memory`, `sqlite:PATH`, `postgres://…` or `valkey://…`; nil for what is none of them.
    public init?(_ text: String) {
        if text == "memory" {
            self = .memory
        } else if text.hasPrefix("sqlite:"), text != "sqlite:" {
            self = .sqlite(path: String(text.dropFirst("sqlite:".count)))
        } else if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
            self = .postgres(url: text)
        } else if ["valkey://", "valkeys://", "redis://", "rediss://"].contains(where: text.hasPrefix) {
            self = .valkey(url: text)
        } else {
            return nil
        }
    }

    /// What kind of store it is, and its path. A URL may hold a password, which is nobody's to read.
    public var description: String {
        switch self {
        case .postgres: "postgres"
        case .valkey: "valkey"
        case .memory: "memory"
        case .sqlite(let path): "sqlite:\(path)"
        }
    }
}

extension StoreLocation {
    /// Whether a file is the store's, or one of those that SQLite keeps beside it.
    func keeps(file path: String) -> Bool {
        guard case .sqlite(let store) = self else { return false }
        func whole(_ path: String) -> String { URL(fileURLWithPath: path).resolvingSymlinksInPath().path }
        let (own, other) = (whole(store), whole(path))
        return other.hasPrefix(own) && ["", "-wal", "-shm", "-journal"].contains(other.dropFirst(own.count))
    }
}

extension GatewayConfiguration {
    /// Whether the access log would be written into the store.
    var logsIntoStore: Bool { accessLog?.path.map { store.location.keeps(file: $0) } ?? false }
}
#endif
