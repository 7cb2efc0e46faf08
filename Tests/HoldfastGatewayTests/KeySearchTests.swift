#if Gateway
import Foundation
import HoldfastHTTP
import HoldfastIdempotency
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

/// An operator who looks for a key finds it, or hears what was looked for: "there is none" makes people charge again.
@Suite struct KeySearchTests {
    private func find(_ order: FindOrder, at gateway: RunningGateway) async throws -> TestClient.Answer {
        try await TestClient.send(.POST, "/api/key", to: gateway.admin, body: Array(try JSONEncoder().encode(order)))
    }

    @Test(arguments: [
        ("POST 127.0.0.1/charges", "sf-1", 200, ""), ("POST 127.0.0.1/charges", "\"sf-1\"", 200, ""),
        ("POST 127.0.0.1:8080/charges", "sf-1", 200, ""), ("POST 127.0.0.1/charges?a=1", "sf-1", 200, ""),
        ("POST 127.0.0.1/%63harges", "sf-1", 200, ""),
        ("POST /charges", "sf-1", 400, "the host is missing"),
        ("post 127.0.0.1/charges", "sf-1", 400, "in capital letters"),
        ("POST http://127.0.0.1/charges", "sf-1", 400, "no scheme"),
        ("POST  127.0.0.1/charges", "sf-1", 400, "one blank"), ("POST 127.0.0.1/charges ", "sf-1", 400, "one blank"),
        ("POST 127.0.0.1", "sf-1", 400, "it has no path"), ("POST", "sf-1", 400, "one blank"),
        ("", "sf-1", 400, "one blank"), ("POST 127.0.0.1/a/../charges", "sf-1", 400, "METHOD HOST/PATH"),
        ("POST 127.0.0.1/charges", "\"sf-1", 400, "quoted string"),
        ("POST 127.0.0.1/other", "sf-1", 404, "method POST, host 127.0.0.1, path /other, without fields in the scope"),
        ("PATCH 127.0.0.1/charges", "sf-1", 404, "method PATCH"),
        ("POST 127.0.0.1/charges\nx-shop: a", "sf-1", 404, "with x-shop in the scope"),
    ])
    func `an operation is found, or refused, or it is said what was looked for`(
        operation: String, key: String, status: Int, words: String
    ) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            _ = try await gateway.post(key: "sf-1")
            let found = try await find(FindOrder(key: key, operation: operation, callerFields: []), at: gateway)
            let text = found.text.replacing("\\/", with: "/")
            #expect(found.status == status && (words.isEmpty || text.contains(words)), "\(found.status): \(found.text)")
            #expect(status != 404 || found.text.contains("somebody without credentials"))
        }
    }

    @Test func `who is not found is told by what was given of them, and not by its values`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            for (order, words) in [
                (
                    FindOrder(key: "k", operation: "POST a/b", callerLines: Array("Authorization: Bearer s3".utf8)),
                    "the caller by the fields authorization"
                ),
                (
                    FindOrder(key: "k", operation: "POST a/b", callerFields: [], callerClaims: ["sub": "s3"]),
                    "the token's owner by sub, issued by nobody (no iss was given)"
                ),
                (
                    FindOrder(key: "k", operation: "POST a/b", callerLines: Array("spiffe://s3/x".utf8)),
                    "the certificate's owner"
                ),
            ] {
                let found = try await find(order, at: gateway)
                #expect(found.status == 404 && found.text.contains(words), "\(found.text)")
                #expect(!found.text.contains("s3"))
            }
        }
    }

    @Test func `what is not found is told with the form that the route would have`() async throws {
        let issuer = try await TestIssuer.p256()
        let token = TokenCaller(keys: try TokenKeys(TestIssuer.keySet(issuer.key)))
        let bearer = FindOrder(key: "k", operation: "POST a/b", callerLines: Array("Authorization: Bearer s3".utf8))
        let nobody = FindOrder(key: "k", operation: "POST a/b", callerFields: [])
        let claims = FindOrder(key: "k", operation: "POST a/b", callerFields: [], callerClaims: ["email": "a@b"])
        let fine = FindOrder(
            key: "k", operation: "POST a/b", callerFields: [], callerClaims: ["sub": "ada", "iss": "i"])
        let cases: [(RouteConfiguration.Caller, [String], RouteConfiguration.Idempotency.Keys, FindOrder, String)] = [
            (
                .fields(["authorization"]), [], .optional, nobody,
                "it names callers by authorization: give --caller-fields"
            ),
            (.fields(["x-tenant"]), [], .optional, bearer, "it names callers by x-tenant alone"),
            (.fields(["authorization"]), [], .optional, bearer, "are of this form"),
            (
                .fields(["authorization"]), ["x-shop"], .optional, bearer,
                "its scopeFields are x-shop: give --scope-field"
            ),
            (
                .fields(["authorization"]), [], .optional,
                FindOrder(key: "k", operation: "POST a/b\nx-shop: 7", callerLines: Array("Authorization: B".utf8)),
                "leave out --scope-field"
            ),
            (.jwt(token), [], .optional, bearer, "give --caller-claim for sub"),
            (.jwt(token), [], .optional, nobody, "give --caller-claim for sub"),
            (.jwt(token), [], .optional, claims, "it names callers by sub, and iss"),
            (.jwt(token), [], .optional, fine, "are of this form"),
            (.address, [], .optional, nobody, "give --caller 'address"),
            (.address, [], .off, nobody, "which has no keys for POST"),
        ]
        for (caller, scope, keys, order, words) in cases {
            let service = try await TestService.start { _, _ in .ok() }
            try await withGateway(
                to: service,
                configure: {
                    $0.routes[0].caller = caller
                    $0.routes[0].idempotency.scopeFields = Set(scope)
                    $0.routes[0].idempotency.keys = keys
                }
            ) { gateway in
                let found = try await find(order, at: gateway)
                #expect(found.status == 404 && found.text.contains(words), "\(words): \(found.text)")
                #expect(found.text.contains("no proof that nothing was executed") && !found.text.contains("never made"))
                #expect(!found.text.contains("s3"))
            }
        }
    }

    @Test func `a path that no route takes is told to be that`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(
            to: service, configure: { $0.routes[0].match.path = (try? PathPattern("/charges")) ?? .any }
        ) { gateway in
            let found = try await find(FindOrder(key: "k", operation: "POST a/chrages", callerFields: []), at: gateway)
            #expect(found.status == 404 && found.text.contains("No route of this gateway takes that"), "\(found.text)")
        }
    }

    @Test(arguments: [
        ("{}", "'key' is missing"), ("[]", "it must be an object"), ("rubbish", "it is no JSON"),
        (#"{"key":1,"operation":"POST a/b","callerFields":[]}"#, "'key' must be a string"),
        (#"{"key":"k","operation":"POST a/b","callerFields":[{"name":"a"}]}"#, "'value'"),
    ])
    func `a body that is not as documented is told what it lacks`(body: String, words: String) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let answer = try await TestClient.send(.POST, "/api/key", to: gateway.admin, body: Array(body.utf8))
            #expect(answer.status == 400 && answer.text.contains("not as documented"), "\(answer.text)")
            #expect(answer.text.contains(words) || answer.text.contains("missing"), "\(answer.text)")
            #expect(!answer.text.contains("DecodingError"))
        }
    }

    private func summary(_ state: ClaimRecord.State, _ history: String) throws -> ClaimSummary {
        let record = ClaimRecord(
            fingerprint: Fingerprint(bytes: []), fence: 4, state: state, expires: StoreInstant(milliseconds: 9_000_000),
            history: ClaimHistory(text: history))
        return try #require(
            ClaimSummary(record, of: RecordID(bytes: []), at: StoreInstant(milliseconds: 1_000)))
    }

    @Test func `a decision that is not taken is told how the record stands`() throws {
        let flying = try summary(
            .inFlight(leaseEnds: StoreInstant(milliseconds: 43_500)), "0\tclaimed\t4\tgateway-1\t\n")
        #expect(
            DecisionRefusal.words(flying, fence: 4)
                == "nothing was changed: it is in flight, by gateway-1: wait until it ends, or until its lease does, in 43 s, when it is unknown"
        )
        let completed = try summary(.completed(payload: [1]), "0\tresolved-completed\t4\tada\tseen\n")
        #expect(
            DecisionRefusal.words(completed, fence: 4)
                == "nothing was changed: it is completed, by ada: only what is unknown can be settled")
        #expect(
            DecisionRefusal.words(completed, fence: 3).contains(
                "has moved on, its fence is 4, and the decision is about 3"))
        #expect(
            DecisionRefusal.words(completed, fence: 3).hasSuffix(
                "it is completed, by ada: only what is unknown can be settled"))
    }

    @Test func `what is completed is not settled again, and the answer says so`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            _ = try await gateway.post(key: "k")
            let found = try await find(
                FindOrder(key: "k", operation: "POST 127.0.0.1/charges", callerFields: []), at: gateway)
            let record = try #require(try object(found.body)["record"] as? String)
            let answer = try await TestClient.send(
                .POST, "/api/keys/\(record)/resolve", to: gateway.admin,
                body: Array(#"{"fence":1,"as":"released","by":"bob","why":"x"}"#.utf8))
            #expect(
                answer.status == 409 && answer.text.contains("it is completed: only what is unknown can be settled"),
                "\(answer.text)")
            #expect(!answer.text.contains("stale"))
        }
    }

    @Test func `Stripe's clients are told not to come again with what stays unknown`() async throws {
        for (profile, expected) in [(OutcomeProfile.stripe, ["false"]), (.ietf, [])] {
            let service = try await TestService.start { _, _ in .status(.badGateway) }
            try await withGateway(to: service, configure: { $0.routes[0].idempotency.profile = profile }) { gateway in
                let first = try await gateway.post(key: "k")
                #expect(first.headers["stripe-should-retry"].isEmpty)
                let repeated = try await gateway.post(key: "k")
                #expect(repeated.problem == "outcome-unknown")
                #expect(repeated.headers["stripe-should-retry"] == expected)
            }
        }
    }
}
#endif
