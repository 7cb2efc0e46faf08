#if Gateway
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
#endif
