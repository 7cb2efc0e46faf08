#if Gateway
import Foundation
package import Holdfast
import HoldfastIdempotency

extension StoreLocation {
    /// The variable of the environment that says where keys are kept, where nothing else does. A process's environment is
    /// its user's to read; its command line is everybody's.
    package static let variable = "HOLDFAST_STORE"

    /// - Returns: Nil where the environment says nothing.
    /// - Throws: `ConfigurationError`, without what it says.
    package static func inEnvironment(_ environment: [String: String]) throws(ConfigurationError) -> StoreLocation? {
        guard let text = environment[variable], !text.isEmpty else { return nil }
        guard let location = try StoreLocation.read(text) else {
            throw ConfigurationError(option: variable, value: "something else", allowed: allowed)
        }
        return location
    }

    /// Reads a file as a configuration's `locationFile` is read.
    ///
    /// - Throws: `ConfigurationError`.
    package static func inFile(_ path: String) throws(ConfigurationError) -> StoreLocation {
        let bytes = try BoundedFile.read(path, atMost: 1 << 20, isSecret: true)
        guard let text = SecretText.line(bytes), let location = try StoreLocation.read(text) else {
            throw ConfigurationError(option: "store file", value: path, allowed: "a file with a location: \(allowed)")
        }
        return location
    }

    /// Whether a password stands in it.
    package var holdsPassword: Bool { server?.holdsPassword ?? false }

    /// Whether the password, or a part of it, stands in the file, and not in variables of the environment.
    func isPasswordWritten(_ variables: VariableText?, _ environment: [String: String]) -> Bool {
        guard holdsPassword, let variables else { return holdsPassword }
        // A variable may be a port, which something has to stand for, or all of the password, which nothing may.
        for other in ["", "1"] {
            let written = variables.written(holding: other, in: environment)
            do throws(ConfigurationError) {
                if let location = try StoreLocation.read(written) { return location.holdsPassword }
            } catch {
                continue
            }
        }
        return false
    }

    /// What whoever stands between this process and the store's server could do.
    package func warnings(_ environment: [String: String]) -> [String] {
        // What may be a part of the password is not taken for a host, and not quoted.
        guard let server, !misplacesPassword else { return [] }
        let distant = server.hosts(environment).filter { !$0.isLocal }
        guard let host = distant.first else { return [] }
        switch self {
        case .postgres:
            let mode = server.sslmode(environment)
            guard mode != "verify-full" else { return [] }
            return [
                "the store at \(host) is not verified (sslmode is \(mode)): whoever stands between can read keys, answer in its place, and with that have work done twice; say sslmode=verify-full, and sslrootcert"
            ]
        case .valkey:
            guard !server.isEncrypted else { return [] }
            let secret = server.holdsPassword ? "the password and " : ""
            return [
                "the store at \(host) is not under TLS: \(secret)what is kept goes over the wire as it is, and whoever stands between can answer in its place; say valkeys://"
            ]
        case .memory, .sqlite: return []
        }
    }

    /// Whether a part of a password may stand where a client reads something else.
    var misplacesPassword: Bool {
        switch self {
        case .postgres(let url), .valkey(let url):
            StoreURL.mayMisplacePassword(url) || StoreServer(url).hasOddPort
        case .memory, .sqlite: false
        }
    }

    private var server: StoreServer? {
        switch self {
        case .postgres(let url), .valkey(let url): StoreServer(url)
        case .memory, .sqlite: nil
        }
    }
}

/// What a store's URL says of the way to its server, as libpq and Valkey's clients read it. Nothing is looked up.
struct StoreServer {
    private let scheme: Substring
    private let user: Substring?
    private let authority: Substring
    private var options: [String: String] = [:]

    init(_ url: String) {
        let start = url.firstRange(of: "://")
        scheme = start.map { url[..<$0.lowerBound] } ?? ""
        let rest = url[(start?.upperBound ?? url.startIndex)...]
        let whole = rest.prefix { !"/?#".contains($0) }
        let at = whole.lastIndex(of: "@")
        user = at.map { whole[..<$0] }
        authority = at.map { whole[whole.index(after: $0)...] } ?? whole
        guard let question = rest.firstIndex(of: "?") else { return }
        for pair in rest[rest.index(after: question)...].prefix(while: { $0 != "#" }).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            options[Self.decoded(parts[0])] = parts.count == 2 ? Self.decoded(parts[1]) : ""
        }
    }

    private static func decoded(_ text: Substring) -> String { String(text).removingPercentEncoding ?? String(text) }

    /// Whether a password stands in it, wherever libpq would look for one.
    var holdsPassword: Bool {
        let inUser = user?.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        return inUser.map { $0.count == 2 && !$0[1].isEmpty } ?? false
            || ["password", "sslpassword"].contains { !(options[$0] ?? "").isEmpty }
    }

    /// Whether something else than a number stands where a port does.
    var hasOddPort: Bool {
        authority.split(separator: ",").contains { place in
            let rest = place.hasPrefix("[") ? place.drop { $0 != "]" }.dropFirst() : place.drop { $0 != ":" }
            return !rest.isEmpty
                && !(rest.first == ":" && rest.dropFirst().utf8.allSatisfy { (0x30...0x39).contains($0) })
        }
    }

    var isEncrypted: Bool { ["valkeys", "rediss"].contains(scheme.lowercased()) }

    struct Host: CustomStringConvertible {
        let description: String

        /// Whether nobody stands between: a socket of this machine, or its loopback.
        var isLocal: Bool {
            description.isEmpty || description.hasPrefix("/") || description.hasPrefix("@")
                || GatewayConfiguration.Address(host: description, port: 0).isLoopback
        }
    }

    /// Those that may be connected to. An address that is given beside a name is what is connected to.
    func hosts(_ environment: [String: String]) -> [Host] {
        let inURL = authority.split(separator: ",", omittingEmptySubsequences: false).map { place -> String in
            if place.hasPrefix("[") { return String(place.dropFirst().prefix { $0 != "]" }) }
            return Self.decoded(place.prefix { $0 != ":" })
        }
        let isGiven = inURL.contains { !$0.isEmpty }
        let named = options["hostaddr"] ?? options["host"]
        let all = named ?? (isGiven ? nil : environment["PGHOSTADDR"] ?? environment["PGHOST"])
        return (all.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) } ?? inURL)
            .map(Host.init)
    }

    /// As libpq has it, where a service's file does not say another.
    func sslmode(_ environment: [String: String]) -> String {
        if let mode = options["sslmode"] ?? environment["PGSSLMODE"], !mode.isEmpty { return mode }
        // What libpq 16 does where the system's certificates are to be trusted.
        if (options["sslrootcert"] ?? environment["PGSSLROOTCERT"]) == "system" { return "verify-full" }
        return options["ssl"] == "true" ? "require" : "prefer"
    }
}
#endif
