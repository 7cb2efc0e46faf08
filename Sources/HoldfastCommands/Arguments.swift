#if Gateway
public import ArgumentParser
import Holdfast
public import HoldfastGateway
public import HoldfastHTTP
public import Logging

/// Reads what is written in words on the command line, as an option's `transform`: the parser's own way would tell
/// which value is wrong, and not what is allowed.
enum Words {
    static let duration = Words.reader("a duration such as 250ms, 5s, 2m, 24h or 7d", Duration.init(words:))
    static let address = Words.reader(
        GatewayConfiguration.Address.allowed, GatewayConfiguration.Address.init(words:))
    /// What is not taken is quoted by the parser, and a URL may have a password in it. So what is wrong with one is told
    /// later, and without it.
    @Sendable static func store(_ text: String) throws -> GivenStore {
        do throws(ConfigurationError) {
            if let location = try StoreLocation.read(text) { return GivenStore(location: location) }
        } catch {
            return GivenStore(fault: error.allowed)
        }
        return GivenStore(fault: StoreLocation.allowed)
    }
    /// A server's address, without TLS.
    static let server = Words.reader("http://HOST[:PORT]") { text -> GatewayConfiguration.Address? in
        guard let endpoint = ServiceConfiguration.Endpoint(words: text), !endpoint.usesTLS else { return nil }
        return endpoint.address
    }

    @Sendable static func probe(_ text: String) throws -> ProbePath {
        do { return try ProbePath(text) } catch { throw NotAllowed(allowed: error.allowed) }
    }

    /// - Parameters:
    ///   - allowed: What is, in words.
    ///   - read: Returns nil for what is not.
    private static func reader<Value>(
        _ allowed: String, _ read: @escaping @Sendable (String) -> Value?
    ) -> @Sendable (String) throws -> Value {
        { text in
            guard let value = read(text) else { throw NotAllowed(allowed: allowed) }
            return value
        }
    }

    /// The parser puts the option and the value in front.
    private struct NotAllowed: Error, CustomStringConvertible {
        let allowed: String
        var description: String { "it must be \(allowed)" }
    }
}

/// A store that an option names.
struct GivenStore: Sendable {
    private(set) var location: StoreLocation?
    /// What it must be instead.
    private(set) var fault: String?

    init(location: StoreLocation) { self.location = location }
    init(fault: String) { self.fault = fault }

    /// - Throws: A line without the value.
    func validate() throws {
        if let fault { throw ValidationError("--store must be \(fault)") }
    }
}

extension RouteConfiguration.Idempotency.Keys: ExpressibleByArgument {}

extension Logger.Level: @retroactive ExpressibleByArgument {}

extension LogFormat: ExpressibleByArgument {}

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
