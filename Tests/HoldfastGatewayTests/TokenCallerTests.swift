#if Gateway
import Foundation
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import HoldfastTesting
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

/// Who a caller is by a token, from the client to the service.
@Suite struct TokenCallerTests {
    private func counting() async throws -> TestService {
        try await TestService.start { _, number in .ok("\(number)") }
    }

    private func naming(
        _ issuer: TestIssuer, _ change: @escaping (inout TokenCaller) -> Void = { _ in }
    ) throws -> (inout GatewayConfiguration) -> Void {
        var token = TokenCaller(keys: try TokenKeys(TestIssuer.keySet(issuer.key)))
        change(&token)
        let caller = token
        return { $0.routes[0].caller = .jwt(caller) }
    }

    @Test func `a token that is renewed between two tries does not pay twice, and with a hash of it does`() async throws
    {
        let issuer = try await TestIssuer.p256()
        let (old, new) = (try issuer.token(#"{"sub":"ada","jti":"1"}"#), try issuer.token(#"{"sub":"ada","jti":"2"}"#))
        for isNamed in [true, false] {
            let service = try await counting()
            let configure: (inout GatewayConfiguration) -> Void = try isNamed ? naming(issuer) : { _ in }
            try await withGateway(to: service, configure: configure) { gateway in
                try await expectEqual(gateway.post(key: "k", authorization: "Bearer \(old)").text, "1")
                let again = try await gateway.post(key: "k", authorization: "bearer  \(new)")
                #expect(again.isReplay == isNamed && again.text == (isNamed ? "1" : "2"))
                // And the one sign of it is counted.
                let metrics = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
                let line = metrics.split(separator: "\n").first { $0.hasPrefix("holdfast_other_callers_total") }
                #expect(line?.hasSuffix(isNamed ? " 0" : " 1") == true, "\(line ?? "")")
                #expect(
                    service.requests[0].headers["authorization"] == ["Bearer \(old)"],
                    "the token goes on to the service")
            }
        }
    }

    @Test func `nobody reads another's replay, with whatever credentials`() async throws {
        let issuer = try await TestIssuer.p256()
        let stranger = try await TestIssuer.p256()
        let service = try await counting()
        try await withGateway(to: service, configure: try naming(issuer) { $0.without = .anonymous }) { gateway in
            func post(_ authorization: String?) async throws -> TestClient.Answer {
                try await gateway.post(key: "k", authorization: authorization)
            }
            let ada = try issuer.token(#"{"sub":"ada"}"#)
            var seen: [String] = []
            for authorization in [
                "Bearer \(ada)", "Bearer \(try issuer.token(#"{"sub":"bob"}"#))", nil, "Basic YWRhOnA=",
                "Basic Ym9iOnA=",
                "DPoP \(ada)",
            ] {
                let first = try await post(authorization)
                #expect(first.status == 200 && !first.isReplay, "\(authorization ?? "none")")
                try await expectEqual(post(authorization).isReplay, true)
                seen.append(first.text)
            }
            #expect(Set(seen).count == seen.count)
            for authorization in ["Bearer \(try stranger.token(#"{"sub":"ada"}"#))", "Bearer x", "Bearer \(ada)x"] {
                let refused = try await post(authorization)
                #expect(refused.status == 401 && refused.problem == "token-invalid")
                #expect(refused.headers["www-authenticate"] == [#"Bearer error="invalid_token""#])
            }
            #expect(service.requests.count == seen.count)
        }
    }

    @Test func `whoever is not known is one caller for a rate, whatever credentials they make up`() async throws {
        let issuer = try await TestIssuer.p256()
        let service = try await counting()
        let naming = try naming(issuer) { $0.without = .anonymous }
        try await withGateway(
            to: service,
            configure: { configuration in
                naming(&configuration)
                configuration.routes[0].rateLimit = .init(requests: 1)
                configuration.routes[0].rateLimit?.per = .seconds(3_600)
            }
        ) { gateway in
            func status(_ authorization: String?) async throws -> Int {
                let headers = authorization.map { HTTPHeaders([("authorization", $0)]) } ?? [:]
                return try await TestClient.send(.GET, "/", to: gateway.port, headers: headers).status
            }
            try await expectEqual(status(nil), 200)
            for made in ["Basic YWRhOnA=", "Basic Ym9iOnA=", "one", "Bearer", "bearer", "Digest a=b", "DPoP x"] {
                try await expectEqual(status(made), 429, "\(made)")
            }
            let ada = try issuer.token(#"{"sub":"ada"}"#)
            try await expectEqual(status("Bearer \(ada)"), 200)
            // A service that strips it takes it for the token: it comes from her, or from nobody.
            for spelled in ["\u{A0}Bearer \(ada)", "Bearer\u{A0}\(ada)", "Bearer \u{301}\(ada)"] {
                let answer = try await status(spelled)
                #expect(answer == 400 || answer == 401, "\(spelled.prefix(9))")
            }
            #expect(service.requests.count == 2)
        }
    }

    @Test func `without a token, a request with a key is refused, and one that depends on no caller passes`()
        async throws
    {
        let issuer = try await TestIssuer.p256()
        let service = try await counting()
        try await withGateway(to: service, configure: try naming(issuer)) { gateway in
            for authorization in [nil, "Basic YWRhOnA=", "", "Bearer", "Bearer "] {
                let refused = try await gateway.post(key: "k", authorization: authorization)
                #expect(refused.status == 401 && refused.problem == "token-missing", "\(authorization ?? "none")")
                #expect(refused.headers["www-authenticate"] == ["Bearer"])
            }
            #expect(service.requests.isEmpty)
            try await expectEqual(gateway.post(key: nil).status, 200)
            try await expectEqual(gateway.get().status, 200)
            try await expectEqual(gateway.post(key: nil, authorization: "Bearer x").status, 200)
        }
    }

    @Test func `two tokens are none`() async throws {
        let issuer = try await TestIssuer.p256()
        let token = try issuer.token(#"{"sub":"ada"}"#)
        let service = try await counting()
        try await withGateway(to: service, configure: try naming(issuer) { $0.field = "x-assertion" }) { gateway in
            func post(_ tokens: [String]) async throws -> TestClient.Answer {
                let headers = HTTPHeaders([("idempotency-key", "k")] + tokens.map { ("x-assertion", $0) })
                return try await TestClient.send(.POST, "/charges", to: gateway.port, headers: headers)
            }
            try await expectEqual(post([token]).status, 200)
            try await expectEqual(post(["Bearer \(token)"]).isReplay, true)
            try await expectEqual(post([token, token]).problem, "token-invalid")
        }
    }

    @Test func `a rate for each caller goes by the token, and a browser's question needs none`() async throws {
        let issuer = try await TestIssuer.p256()
        let service = try await counting()
        let naming = try naming(issuer)
        try await withGateway(
            to: service,
            configure: { configuration in
                naming(&configuration)
                configuration.routes[0].rateLimit = .init(requests: 1)
            }
        ) { gateway in
            func get(_ claims: String) async throws -> Int {
                let token = try issuer.token(claims)
                return try await TestClient.send(
                    .GET, "/", to: gateway.port, headers: ["authorization": "Bearer \(token)"]
                ).status
            }
            try await expectEqual(get(#"{"sub":"ada","jti":"1"}"#), 200)
            try await expectEqual(get(#"{"sub":"ada","jti":"2"}"#), 429)
            try await expectEqual(get(#"{"sub":"bob"}"#), 200)
            try await expectEqual(gateway.get().problem, "token-missing")
            let question = try await TestClient.send(
                .OPTIONS, "/", to: gateway.port, headers: ["access-control-request-method": "POST"])
            #expect(question.status == 200)
        }
    }

    @Test func `a route that watches goes on with whoever is not known, and takes them for nobody else`() async throws {
        let issuer = try await TestIssuer.p256()
        let service = try await counting()
        let naming = try naming(issuer)
        try await withGateway(
            to: service,
            configure: { configuration in
                naming(&configuration)
                configuration.routes[0].isShadow = true
            }
        ) { gateway in
            for _ in 0..<2 { try await expectEqual(gateway.post(key: "k", authorization: "Bearer x").status, 200) }
            let metrics = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
            let lines = metrics.split(separator: "\n").filter { $0.hasPrefix("holdfast_shadow_decisions_total") }
            #expect(lines.contains { $0.contains("rejected") && $0.contains("succeeded") && $0.hasSuffix(" 2") })
            #expect(lines.allSatisfy { !$0.contains("deduplicated") || $0.hasSuffix(" 0") })
        }
    }

    @Test func `keys that are exchanged count from the next request on`() async throws {
        let (old, new) = (try await TestIssuer.p256("old"), try await TestIssuer.p256("new"))
        let service = try await counting()
        let exchange = try naming(new)
        try await withGateway(to: service, configure: try naming(old)) { gateway in
            let (before, after) = (try old.token(#"{"sub":"ada"}"#), try new.token(#"{"sub":"ada"}"#))
            try await expectEqual(gateway.post(key: "k", authorization: "Bearer \(before)").status, 200)
            try await expectEqual(gateway.post(key: "k", authorization: "Bearer \(after)").status, 401)
            var next = gateway.configuration
            exchange(&next)
            try await gateway.gateway.reload(next)
            try await expectEqual(gateway.post(key: "k", authorization: "Bearer \(after)").isReplay, true)
            try await expectEqual(gateway.post(key: "k", authorization: "Bearer \(before)").status, 401)
        }
    }

    @Test func `an operator finds a caller's key by what the token says`() async throws {
        let issuer = try await TestIssuer.p256()
        let service = try await counting()
        try await withGateway(to: service, configure: try naming(issuer)) { gateway in
            let token = try issuer.token(#"{"sub":"ada","iss":"https://a"}"#)
            _ = try await gateway.post(key: "k", authorization: "Bearer \(token)")
            func find(_ claims: [String: String]) async throws -> Int {
                let order = FindOrder(
                    key: "k", operation: "POST 127.0.0.1/charges", callerFields: [], callerClaims: claims)
                return try await TestClient.send(
                    .POST, "/api/key", to: gateway.admin, body: Array(try JSONEncoder().encode(order))
                ).status
            }
            try await expectEqual(find(["sub": "ada", "iss": "https://a"]), 200)
            for claims in [["sub": "ada"], ["sub": "bob", "iss": "https://a"], ["sub": "ada", "iss": "https://b"]] {
                try await expectEqual(find(claims), 404)
            }
        }
    }

    @Test func `the file says all of it, and what is wrong with it`() async throws {
        let folder = try ConfigurationFolder()
        defer { folder.remove() }
        try await folder.writeSecrets()
        func text(_ jwt: String) -> String {
            "services: {payments: {endpoints: [http://b]}}\nroutes: [{name: r, service: payments, caller: {jwt: {\(jwt)}}}]"
        }
        let file = try folder.read(
            text(
                "keys: secrets/jwks.json, claims: [client_id], issuer: https://a, audience: pay, algorithms: [ES256], leeway: 5s, field: X-Assertion, without: anonymous"
            ))
        var expected = TokenCaller(keys: try TokenKeys(Array(ConfigurationFolder.keySet.utf8)))
        expected.keysFile = folder.path("secrets/jwks.json")
        (expected.claims, expected.issuer, expected.audience) = (["client_id"], "https://a", "pay")
        (expected.algorithms, expected.leeway) = ([.es256], .seconds(5))
        (expected.field, expected.without) = ("x-assertion", .anonymous)
        #expect(file.configuration.routes[0].caller == .jwt(expected))
        #expect(file.files.contains(folder.path("secrets/jwks.json")), "it is read again when it changes")
        #expect(file.configuration.callerWarnings.isEmpty)
        for (jwt, words) in [
            ("claims: [sub]", "caller.jwt.keys is missing"), ("keys: secrets/key.pem", "without a private"),
            ("keys: nowhere", "keys is nowhere"), ("keys: secrets/jwks.json, claims: [iss]", "claims[0] is iss"),
            ("keys: secrets/jwks.json, algorithms: [none]", "algorithms[0] is none"),
            ("keys: secrets/jwks.json, algorithms: [HS256]", "algorithms[0] is HS256"),
            ("keys: secrets/jwks.json, algorithms: [RS256]", "must be one that a key is for: ES256 and EdDSA"),
            ("keys: secrets/jwks.json, leeway: 1h", "leeway is 1h"),
            ("keys: secrets/jwks.json, field: a b", "field is 'a b'"),
        ] {
            let found = folder.mistakes(text(jwt))
            #expect(found.count == 1 && found[0].contains(words), "\(jwt): \(found)")
        }
    }

    @Test func `where keys are on and a token names callers by its hash, it is warned of`() throws {
        func warnings(_ options: String) throws -> [String] {
            try read(
                "services: {payments: {endpoints: [http://b]}}\nroutes: [{name: r, service: payments\(options)}]"
            ).callerWarnings
        }
        for options in ["", ", caller: field x-tenant authorization", ", idempotency: {keys: required}"] {
            let found = try warnings(options)
            #expect(found.count == 1 && found[0].hasPrefix("route r: keys are on"), "\(options)")
        }
        for options in [", caller: address", ", caller: field x-user", ", idempotency: {keys: \"off\"}"] {
            #expect(try warnings(options).isEmpty, "\(options)")
        }
    }
}
#endif
