#if Gateway
import Foundation
import TestSupport

@testable import HoldfastGateway

/// A folder of its own, with the files that a configuration may name.
struct ConfigurationFolder: Sendable {
    /// What every file needs; the rest is at its defaults.
    static let least = """
        services:
          payments:
            endpoints: [http://127.0.0.1:3000]
        routes:
          - name: everything
            service: payments

        """

    /// Public keys of an issuer, as RFC 7517 and RFC 8037 show them in their appendices.
    static let keySet = """
        {"keys": [
          {"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
           "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM", "use": "sig", "kid": "1"},
          {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "2"}
        ]}
        """

    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    @discardableResult func write(_ text: String, to name: String = "holdfast.yaml") throws -> String {
        let file = folder.appending(path: name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
        // It may hold a secret.
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
        return file.path
    }

    /// A token, a location, two keys, and a certificate with its key.
    func writeSecrets() async throws {
        try write("a-token-of-twenty-eight-bytes\n", to: "secrets/admin-token")
        try write("postgres://ada:hush@db/keys\n", to: "secrets/store")
        try write(Self.keySet, to: "secrets/jwks.json")
        for number in 1...2 {
            try write(Data(repeating: UInt8(number), count: 32).base64EncodedString(), to: "secrets/outcomes-\(number)")
        }
        try await Shell.run(
            "cd \(path("secrets")) && umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                + "-keyout key.pem -out certificate.pem -days 2 -subj /CN=localhost")
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    /// Reads text as if it were in this folder.
    func read(_ text: String) throws(ConfigurationMistakes) -> ConfigurationFile {
        try ConfigurationFile(Array(text.utf8), path: path("holdfast.yaml"))
    }

    /// What is wrong with a text, as `LINE:COLUMN: MESSAGE`.
    func mistakes(_ text: String) -> [String] {
        do throws(ConfigurationMistakes) {
            _ = try read(text)
            return []
        } catch {
            return error.all.map { String($0.description.dropFirst($0.file.count + 1)) }
        }
    }
}

/// Reads text that names no file.
func read(_ text: String) throws(ConfigurationMistakes) -> GatewayConfiguration {
    try ConfigurationFile(Array(text.utf8), path: "holdfast.yaml").configuration
}

/// What is wrong with a text, as `FILE:LINE:COLUMN: MESSAGE`.
func mistakes(_ text: String) -> [String] {
    do throws(ConfigurationMistakes) {
        _ = try read(text)
        return []
    } catch {
        return error.all.map(\.description)
    }
}
#endif
