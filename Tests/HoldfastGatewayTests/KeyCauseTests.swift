#if Gateway
import Foundation
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import HoldfastTesting
import Logging
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

/// From an unknown record to the request that it was made for: the operator's way, without a guess.
@Suite struct KeyCauseTests {
    private let trace = "0af7651916cd43dd8448eb211c80319c"

    /// Leaves an unknown, and finds its record.
    private func unknown(
        at gateway: RunningGateway, _ headers: HTTPHeaders = [:], path: String = "/charges?card=4111"
    ) async throws -> (record: [String: Any], cause: [String: Any]) {
        var headers = headers
        headers.add(name: "idempotency-key", value: "k")
        _ = try await TestClient.send(
            .POST, path, to: gateway.port, headers: headers, body: Array("amount=1".utf8))
        let page = try object(try await TestClient.send(.GET, "/api/keys?state=unknown", to: gateway.admin).body)
        let record = try #require((page["records"] as? [[String: Any]])?.last)
        return (record, record["cause"] as? [String: Any] ?? [:])
    }

    private func failing() async throws -> TestService {
        try await TestService.start { request, _ in
            request.uri.contains("good") ? .ok() : .status(.badGateway)
        }
    }

    @Test func `an unknown key tells which request it was, and nothing of what that said`() async throws {
        try await withGateway(to: try await failing()) { gateway in
            let found = try await unknown(
                at: gateway,
                [
                    "traceparent": "00-\(trace)-b7ad6b7169203331-01", "x-request-id": "req-7",
                    "authorization": "Bearer s3cret", "cookie": "session=s3cret",
                ])
            #expect(found.record["state"] as? String == "unknown")
            let cause = found.cause
            #expect(cause["route"] as? String == gateway.configuration.routes[0].name)
            #expect(cause["method"] as? String == "POST" && cause["path"] as? String == "/charges")
            #expect(cause["host"] as? String == "127.0.0.1" && cause["client"] as? String == "127.0.0.1")
            #expect((cause["requestID"] as? String)?.wholeMatch(of: /[0-9a-f]{32}/) != nil)
            #expect(cause["serviceRequestID"] == nil && cause["trace"] as? String == trace)
            let process = try #require(cause["process"] as? String)
            #expect(process.hasSuffix(":\(ProcessInfo.processInfo.processIdentifier)"))
            let started = try #require(cause["startedAt"] as? String)
            let time = try Date(started, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true))
            #expect(abs(time.timeIntervalSinceNow) < 600)
            #expect(cause["caller"] == nil)
            let text = String(decoding: try JSONSerialization.data(withJSONObject: found.record), as: UTF8.self)
            for secret in ["s3cret", "4111", "amount"] { #expect(!text.contains(secret)) }
            // One by one it is the same, and what is settled tells no cause.
            let name = try #require(found.record["record"] as? String)
            let one = try object(try await TestClient.send(.GET, "/api/keys/\(name)", to: gateway.admin).body)
            #expect((one["cause"] as? [String: Any])?["trace"] as? String == trace)
            let settled = try await TestClient.send(
                .POST, "/api/keys/\(name)/resolve", to: gateway.admin,
                body: Array(#"{"fence":1,"as":"released","by":"ada","why":"looked"}"#.utf8))
            #expect(settled.status == 200 && !settled.text.contains(trace))
            _ = try await TestClient.send(.POST, "/good", to: gateway.port, headers: ["idempotency-key": "done"])
            let completed = try await TestClient.send(.GET, "/api/keys?state=completed", to: gateway.admin)
            #expect(completed.text.contains("\"completed\"") && !completed.text.contains("\"cause\""))
        }
    }

    @Test func `where clients choose a request's name, the one that the service was given is told too`() async throws {
        try await withGateway(to: try await failing(), configure: { $0.requestID = false }) { gateway in
            let cause = try await unknown(at: gateway, ["x-request-id": "req-7"]).cause
            #expect(cause["serviceRequestID"] as? String == "req-7")
            #expect((cause["requestID"] as? String)?.wholeMatch(of: /[0-9a-f]{32}/) != nil)
        }
    }

    @Test func `a caller is told by its name, and never by a secret`() async throws {
        let issuer = try await TestIssuer.p256()
        var token = TokenCaller(keys: try TokenKeys(TestIssuer.keySet(issuer.key)))
        token.without = .anonymous
        let ada = try issuer.token(#"{"sub":"ada","iss":"https://issuer.example","email":"a@b"}"#)
        let cases: [(RouteConfiguration.Caller, Set<String>, HTTPHeaders, String?)] = [
            (.jwt(token), [], ["authorization": "Bearer \(ada)"], "sub=ada, iss=https://issuer.example"),
            (.jwt(token), [], ["authorization": "Basic YWRhOnA="], nil), (.jwt(token), [], [:], nil),
            (.address, [], [:], nil), (.fields(["authorization"]), [], ["authorization": "Bearer \(ada)"], nil),
            (.fields(["x-tenant", "x-api-key"]), [], ["x-tenant": "acme", "x-api-key": "s3cret"], nil),
            (
                .fields(["x-tenant", "x-api-key"]), ["x-tenant"], ["x-tenant": "acme", "x-api-key": "s3cret"],
                "x-tenant=acme"
            ),
            (.fields(["x-user", "x-tenant"]), ["x-user", "x-tenant"], ["x-user": "7"], "x-user=7"),
            (.fields(["x-tenant"]), ["x-tenant"], [:], nil),
        ]
        for (caller, names, headers, expected) in cases {
            try await withGateway(
                to: try await failing(),
                configure: {
                    $0.routes[0].caller = caller
                    $0.routes[0].callerName = names
                }
            ) { gateway in
                let cause = try await unknown(at: gateway, headers).cause
                #expect(cause["caller"] as? String == expected, "\(caller)")
                #expect(cause["route"] != nil)
            }
        }
    }

    @Test(arguments: [
        (["x-tenant"], ["authorization"]), (["authorization"], ["authorization"]), (["cookie"], ["cookie"]),
        (["proxy-authorization"], ["proxy-authorization"]), (["x-tenant"], ["X-Tenant"]), ([], ["x-tenant"]),
    ])
    func `a field of credentials, or one that names no caller, is no name`(fields: [String], names: [String]) {
        var route = RouteConfiguration(name: "a", service: "b")
        route.caller = fields.isEmpty ? .address : .fields(fields)
        route.callerName = Set(names)
        let error = #expect(throws: ConfigurationError.self) { try route.validate() }
        #expect(error.map { "\($0)".contains("caller's name") } == true)
    }

    @Test func `where keys are configured, a cause is sealed, and without the key it is said that it cannot be read`()
        async throws
    {
        let store = MemoryStore()
        let seal = try PayloadSeal(writing: .init(1, bytes: [UInt8](repeating: 3, count: 32)))
        let service = try await failing()
        let configuration = patientConfiguration(to: [service])
        let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let sealing = try await Gateway.start(configuration, store: store, sealing: seal, logger: silent)
        _ = try await TestClient.send(
            .POST, "/charges", to: sealing.address.port, headers: ["idempotency-key": "k"], body: Array("a".utf8))
        let told = try await TestClient.send(.GET, "/api/keys?state=unknown", to: sealing.adminAddress.port)
        #expect(told.text.contains("\"path\":\"\\/charges\""), "\(told.text)")
        let stored = try await store.summaries(standing: .unknown, after: nil, atMost: 9).summaries
        #expect(stored.count == 1 && !String(decoding: stored[0].context, as: UTF8.self).contains("charges"))
        await sealing.stop()
        let plain = try await Gateway.start(patientConfiguration(to: [service]), store: store, logger: silent)
        let blind = try await TestClient.send(.GET, "/api/keys?state=unknown", to: plain.adminAddress.port)
        #expect(blind.status == 200 && blind.text.contains("causeUnreadable") && !blind.text.contains("charges"))
        await plain.stop()
        await service.stop()
    }

    @Test func `a request that begins under a key has a line before anything is sent, where that is asked for`()
        async throws
    {
        for begins in AccessLogConfiguration.Begins.allCases {
            let path = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID()).log").path
            defer { try? FileManager.default.removeItem(atPath: path) }
            let service = try await TestService.start { _, _ in .ok() }
            try await withGateway(
                to: service,
                configure: {
                    $0.accessLog = AccessLogConfiguration()
                    $0.accessLog?.path = path
                    $0.accessLog?.begins = begins
                }
            ) { gateway in
                _ = try await TestClient.send(
                    .POST, "/charges?card=4111", to: gateway.port,
                    headers: ["idempotency-key": "k", "traceparent": "00-\(trace)-b7ad6b7169203331-01"])
                // Neither a replay nor a request without a key begins anything.
                _ = try await gateway.post(key: "k")
                _ = try await gateway.post(key: nil)
                _ = try await gateway.get()
            }
            let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
                try object(Array($0.utf8))
            }
            let begun = lines.filter { $0["event"] as? String == "begin" }
            #expect(begun.count == (begins == .keyed ? 1 : 0) && lines.count == 4 + begun.count)
            guard let line = begun.first else { continue }
            #expect(lines.first?["event"] as? String == "begin")
            let end = try #require(lines.first { $0["event"] == nil && $0["record"] != nil })
            for name in ["id", "record", "route", "service", "method", "path"] {
                #expect(line[name] as? String == end[name] as? String && line[name] != nil, "\(name)")
            }
            #expect(line["fence"] as? Int == 1 && line["trace"] as? String == trace)
            #expect(line["host"] as? String == "127.0.0.1" && line["path"] as? String == "/charges")
        }
    }
}
#endif
