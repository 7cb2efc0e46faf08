#if Gateway
import ArgumentParser
import Holdfast
import HoldfastGateway
import HoldfastHTTP

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

    static let profile = Words.reader(listed(OutcomeProfile.all.map(\.name))) { text in
        OutcomeProfile.all.first { $0.name == text }
    }

    /// One of a few words. The parser's own way breaks lines where there are many.
    @Sendable static func choice<Value: RawRepresentable<String> & CaseIterable>(_ text: String) throws -> Value {
        guard let value = Value(rawValue: text) else {
            throw NotAllowed(allowed: listed(Value.allCases.map(\.rawValue)))
        }
        return value
    }

    /// The same, for the name of an option's value.
    static func names<Value: RawRepresentable<String> & CaseIterable>(of _: Value.Type) -> String {
        Value.allCases.map(\.rawValue).joined(separator: "|")
    }

    private static func listed(_ words: [String]) -> String { "one of " + words.joined(separator: ", ") }

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
#endif
