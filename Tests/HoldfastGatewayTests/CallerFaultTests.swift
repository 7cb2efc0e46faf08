#if Gateway
import Foundation
import Testing

@testable import HoldfastGateway

/// What makes one caller of many is told before anybody reads another's replay.
@Suite struct CallerFaultTests {
    private static let open = "{address: 192.0.2.1:1}"
    private static let behind = "{address: 192.0.2.1:2, trusted: [10.0.0.0/8]}"
    private static let standard = "{address: 192.0.2.1:3, trusted: [10.0.0.0/8], trustedFields: forwarded}"

    /// Of keys by address there is a warning of its own.
    private static let byAddress = "caller: address, idempotency: {keys: \"off\"}, rateLimit: {requests: 1}"

    private func text(_ listeners: [String], _ options: String) -> String {
        "listeners: [\(listeners.joined(separator: ", "))]\nservices: {a: {endpoints: [http://a]}}\n"
            + "routes: [{name: r, service: a, \(options)}]"
    }

    private func warnings(_ text: String) throws -> [String] {
        try ConfigurationFile(Array(text.utf8), path: "x").warnings.map(\.message)
    }

    @Test(arguments: [
        (
            [open], "caller: field x-forwarded-user",
            "names callers by x-forwarded-user, which is taken from every request"
        ),
        ([open], "caller: field Remote-User", "names callers by remote-user, which is taken from every request"),
        ([open], "caller: field X-Real-IP", "names callers by x-real-ip, which is taken from every request"),
        ([open], "caller: field client-cert", "names callers by client-cert"),
        ([open], "caller: field true-client-ip", "names callers by true-client-ip"),
        ([open], "caller: field authorization x-forwarded-email", "names callers by x-forwarded-email"),
        ([open], "caller: field x-forwarded-for", "list the proxies that set it"),
        ([behind], "caller: field forwarded", "with the trustedFields that it is of"),
        ([standard], "caller: field x-forwarded-for", "with the trustedFields that it is of"),
        ([behind], "caller: field x_real_ip", "spell it with '-'"),
        ([open], "caller: field host", "says nothing of who calls"),
        ([behind], "caller: field idempotency-key", "says nothing of who calls"),
        ([open], "caller: field content-length te", "says nothing of who calls"),
        ([open], "caller: certificate", "no listener asks for any: all are one caller"),
        ([open], "idempotency: {scopeFields: [x-forwarded-user]}", "compares x-forwarded-user"),
        ([open], "idempotency: {fingerprintFields: [x-real-ip]}", "compares x-real-ip"),
        (
            [open], "caller: field x-forwarded-user, idempotency: {keys: \"off\"}, rateLimit: {requests: 1}",
            "names callers by x-forwarded-user"
        ),
    ])
    func `what is one caller for all is refused`(listeners: [String], options: String, words: String) {
        let found = mistakes(text(listeners, options))
        #expect(found.count == 1 && found[0].contains("route r ") && found[0].contains(words), "\(found)")
    }

    @Test(arguments: [
        ([open, behind], "caller: field x-forwarded-user", "those that come to 192.0.2.1:1"),
        ([behind, standard], "caller: field x-forwarded-for", "those that come to 192.0.2.1:3"),
        ([open], "caller: field x-user", "a client can choose"),
        ([open, behind], "caller: field x-auth-request-email", "those that come to 192.0.2.1:1"),
        ([open], "caller: field user-agent accept-language", "many callers send alike"),
        ([behind], "caller: field x-forwarded-proto", "many callers send alike"),
        (["{address: 127.0.0.1:1}"], byAddress, "comes from this machine"),
        (["{address: \"[::1]:1\"}", behind], byAddress, "whoever comes to [::1]:1"),
        ([open], "match: {fields: {x-forwarded-proto: https}}", "none of them matches"),
    ])
    func `what is one caller for some is warned of`(listeners: [String], options: String, words: String) throws {
        let found = try warnings(text(listeners, options))
        #expect(found.count == 1 && found[0].contains("route r ") && found[0].contains(words), "\(found)")
    }

    @Test(arguments: [
        ([open], "caller: field authorization"), ([open], "caller: field x-api-key"),
        ([open], "caller: field x-user-token"), ([open], "caller: field authorization x-user"),
        ([behind], "caller: field x-forwarded-user"), ([standard], "caller: field x-forwarded-user"),
        ([standard], "caller: field x-real-ip"), ([behind], "caller: field x-user"), ([open], byAddress),
        (["{address: 127.0.0.1:1, trusted: [127.0.0.1]}"], byAddress),
        ([behind], "idempotency: {scopeFields: [x-forwarded-user]}"),
        ([open], "caller: field x-forwarded-user, idempotency: {keys: \"off\"}"),
        ([open], "caller: certificate, idempotency: {keys: \"off\"}"),
        (
            [open],
            "caller: field x-forwarded-user, idempotency: {keys: \"off\"}, rateLimit: {requests: 1, byCaller: false}"
        ),
    ])
    func `who can be told apart is not warned of`(listeners: [String], options: String) throws {
        #expect(try warnings(text(listeners, options)) == [])
    }

    @Test func `a token in a field that nobody is believed about names nobody`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try await folder.writeSecrets()
        let jwt = "caller: {jwt: {keys: secrets/jwks.json, field: x-forwarded-access-token"
        for (more, words) in [("", "all are refused"), (", without: anonymous", "all of them are one caller")] {
            let found = folder.mistakes(text([Self.open], "\(jwt)\(more)}}"))
            #expect(found.count == 1 && found[0].contains(words), "\(found)")
        }
        #expect(folder.mistakes(text([Self.behind], "\(jwt)}}")) == [])
    }

    @Test func `clients without certificates are one caller, and it is said where they come in`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try await folder.writeSecrets()
        func listener(_ port: Int, _ verify: String) -> String {
            let clients = "clients: {verify: \(verify), trust: secrets/certificate.pem}"
            return
                "{address: 192.0.2.1:\(port), tls: {certificate: secrets/certificate.pem, key: secrets/key.pem, \(clients)}}"
        }
        for (listeners, words) in [
            ([listener(1, "required")], []), ([listener(1, "optional")], ["192.0.2.1:1 takes clients without any"]),
            ([listener(2, "required"), Self.open], ["192.0.2.1:1 asks for none"]),
            ([listener(2, "optional"), Self.open], ["192.0.2.1:2 takes clients", "192.0.2.1:1 asks for none"]),
        ] {
            let found = try folder.read(text(listeners, "caller: certificate")).warnings.map(\.message)
            #expect(found.count == words.count && zip(found, words).allSatisfy { $0.contains($1) }, "\(found)")
        }
    }
}
#endif
