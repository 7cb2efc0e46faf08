#if Gateway
import HoldfastGateway
import HoldfastIdempotency
import NIOHTTP1
import TestSupport
import Testing

@testable import struct HoldfastGateway.CallerFields
@testable import struct HoldfastGateway.DecidingFields

@Suite struct CallerFieldsTests {
    private static let heads: [HTTPHeaders] = [
        [:], ["a": "x"], ["b": "x"], ["a": ""], ["b": ""], ["a": "", "b": ""], ["a": "x", "b": ""],
        ["a": "x", "b": "x"],
        ["a": "x", "b": "y"], ["a": "y", "b": "x"], HTTPHeaders([("a", "x"), ("a", "y")]),
        HTTPHeaders([("a", "y"), ("a", "x")]), HTTPHeaders([("a", "x"), ("a", "x")]), ["a": "x, y"], ["a": "x\ny"],
        HTTPHeaders([("a", "x"), ("b", "x"), ("b", "x")]), ["a": "xx"], ["a": "x\u{10FFE9}"], ["a": "x\u{10FFE8}"],
        ["a": "1"], ["a": "b", "b": "1"],
    ]

    @Test func `no two callers are one`() throws {
        let secret = StoreSecret.random()
        let callers = Self.heads.map { secret.caller(CallerFields(["a", "b"], of: $0)) }
        #expect(Set(callers).count == Self.heads.count)
        #expect(callers[0] == secret.caller(of: nil))
    }

    @Test func `a caller is found by what the client sends, in any order of the fields`() throws {
        let secret = StoreSecret.random()
        for headers in Self.heads {
            let lines = headers.map { ($0.name.uppercased(), $0.value) }
            #expect(secret.caller(CallerFields(lines)) == secret.caller(CallerFields(["b", "a"], of: headers)))
        }
    }

    @Test func `an operator says fields as the client sends them`() {
        let text = "Authorization: Bearer t \r\nX-User:\t a\n\nx-user: \u{E9}\nBearer u\nDigest uri=\"http://a\"\n"
        let fields = FindOrder.Field.read(Array(text.utf8))
        #expect(fields.map(\.name) == ["Authorization", "X-User", "x-user", "authorization", "authorization"])
        #expect(fields.map(\.value) == ["Bearer t", "a", "é", "Bearer u", "Digest uri=\"http://a\""])
        #expect(FindOrder.Field.read(Array("a: ".utf8) + [0xE9]).map(\.value) == ["\u{10FFE9}"])
        #expect(FindOrder.Field.read(Array("a:".utf8)).map(\.value) == [""] && FindOrder.Field.read([]).isEmpty)
    }

    @Test(arguments: [
        ("x_user", true), ("X_USER", true), ("x.user", true), ("idempotency_key", true), ("Idempotency_Key", true),
        ("content_type", true), ("Transfer_Encoding", true), ("content_length", true),
        ("holdfast_timeout", true), ("x-forwarded_for", false), ("x-user", false), ("X-User", false), ("xuser", false),
        ("y_user", false),
        ("x_users", false),
        ("content-type", false),
    ])
    func `a field that a service takes for one that decides is found`(name: String, isTwin: Bool) {
        #expect(DecidingFields(["x-user"]).isTwin(name) == isTwin)
        #expect(DecidingFields(["x_user"]).isTwin("X-User"))
    }

    private static let single = heads.prefix(14).filter { head in Set(head.map { $0.name }).count == head.count }

    /// Three callers in the eyes of the service are three in the gateway's.
    @Test func `one key of two callers runs twice, and of one once`() async throws {
        let service = try await TestService.start { request, number in .ok("\(number)") }
        try await withGateway(
            to: service, configure: { $0.routes[0].caller = .fields(["a", "b"]) }
        ) { gateway in
            for (number, headers) in Self.single.enumerated() {
                var headers = headers
                headers.add(name: "idempotency-key", value: "k")
                for isRepeat in [false, true] {
                    let answer = try await TestClient.send(
                        .POST, "/charges", to: gateway.port, headers: headers, body: Array("amount=1".utf8))
                    #expect(answer.status == 200 && answer.isReplay == isRepeat, "\(headers)")
                    #expect(service.requests.count == number + 1)
                }
            }
        }
    }

    @Test func `a client cannot withhold from the service what was decided by`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.routes[0].caller = .fields(["x-user", "authorization"])
                configuration.routes[0].match.fields = ["x-tier": nil]
            }
        ) { gateway in
            let sent: HTTPHeaders = [
                "host": "shop.example", "x-user": "ada", "authorization": "Bearer t", "x-tier": "gold", "x-mine": "1",
                "idempotency-key": "k", "content-type": "text/plain",
                "connection":
                    "x-user, Authorization, X-TIER, idempotency-key, content-type, host, x-mine, x-forwarded-for",
            ]
            let answer = try await TestClient.send(
                .POST, "/charges", to: gateway.port, headers: sent, body: Array("amount=1".utf8))
            #expect(answer.status == 200)
            let seen = try #require(service.requests.first).headers
            for name in ["x-user", "authorization", "x-tier", "idempotency-key", "content-type", "host"] {
                #expect(seen[name] == sent[name], "\(name)")
            }
            #expect(!seen.contains(name: "x-mine") && seen.contains(name: "x-forwarded-for"))
        }
    }

    @Test func `a field that services take for another which decides is refused`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.routes[0].caller = .fields(["x-user"]) }) { gateway in
            for name in ["x_user", "X_User", "idempotency_key", "Content_Length"] {
                let answer = try await TestClient.send(
                    .POST, "/", to: gateway.port, headers: ["x-user": "a", name: "b"])
                #expect(answer.problem == "bad-request", "\(name)")
            }
            try await expectEqual(
                TestClient.send(.POST, "/", to: gateway.port, headers: ["x-user": "a", "other_field": "b"]).status, 200)
        }
    }
}
#endif
