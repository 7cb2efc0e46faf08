#if Gateway
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

@testable import enum HoldfastGateway.MethodOverride

/// A request is decided on by one method, one path and one host, and the service is told no others.
@Suite struct MethodOverrideTests {
    private static let kin = [
        "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_HTTP_METHOD_OVERRIDE",
        "x-http_method-override",
        "X-Override-Method", "HTTP-Method-Override", "X-Method", "X-HTTP-Verb", "X-HTTP-Verb-Override", "X-REST-Method",
        "X-HttpMethodOverride", "X-HttpMethod", "Method-Override", "X.HTTP.Method.Override", "X-MethodOverride",
        "X-Verb",
        "X-Requested-Method", "Request-Method", "X-Real-Method", "X-Tunnel-Method", "xhttpmethodoverride",
        "X-HTTP-Method-Overide", "X--HTTP-Method", "X-HTTP-Method-", "Override-Method", "X-Verb-Override",
        "X-REST-Method-Override", "X~HTTP~Method", "Http_Method",
    ]

    @Test func `names of such fields are known`() {
        for name in Self.kin { #expect(MethodOverride.isName(name), "\(name)") }
        for name in [
            "x-http-methods", "method", "verb", "access-control-request-method", "x-payment-method",
            "x-shipping-method",
            "x-methods", "x-request-id", "x-requested-with", "x-http-version", "x-methodology", "x-rest", "x-", "x",
            "payment-method", "x-delivery-verb", "http-referer", "x-override", "upgrade-insecure-requests", "te", "",
        ] {
            #expect(!MethodOverride.isName(name), "\(name)")
        }
    }

    @Test func `a request in which a field says another method is refused`() async throws {
        // Whoever is trusted passes on such a field of its clients.
        for isTrusted in [false, true] {
            let service = try await TestService.start { _, _ in .ok() }
            let trusting = { (configuration: inout GatewayConfiguration) in
                if isTrusted { configuration.listeners[0].trusted = .loopback }
            }
            try await withGateway(to: service, configure: trusting) { gateway in
                for name in Self.kin {
                    for (method, value) in [
                        (HTTPMethod.GET, "POST"), (.PUT, "POST"), (.POST, "DELETE"), (.GET, "get"), (.POST, ""),
                    ] {
                        let answer = try await TestClient.send(method, "/", to: gateway.port, headers: [name: value])
                        #expect(answer.problem == "bad-request", "\(name): \(value) of \(method)")
                    }
                }
                #expect(service.requests.isEmpty)
                try await expectEqual(
                    TestClient.send(.POST, "/", to: gateway.port, headers: ["x-http-method-override": "POST"]).status,
                    200)
            }
        }
    }

    @Test func `where a service honours it, a POST may say another method, and a key holds for that one`() async throws
    {
        let service = try await TestService.start { _, number in .ok("\(number)") }
        try await withGateway(to: service, configure: { $0.services[0].methodOverride = true }) { gateway in
            func send(_ method: HTTPMethod, _ value: String, key: String? = nil) async throws -> TestClient.Answer {
                var headers: HTTPHeaders = ["x-http-method-override": value]
                if let key { headers.add(name: "idempotency-key", value: key) }
                return try await TestClient.send(method, "/", to: gateway.port, headers: headers, body: [1])
            }
            try await expectEqual(send(.POST, "PATCH", key: "k").text, "1")
            try await expectEqual(send(.POST, "PATCH", key: "k").isReplay, true)
            try await expectEqual(send(.POST, "DELETE", key: "k").status, 422)
            try await expectEqual(send(.POST, "DELETE").text, "2")
            for value in ["POST", "PUT"] { try await expectEqual(send(.GET, value).status, 400) }
            try await expectEqual(send(.POST, "A B").status, 400)
            #expect(service.requests.allSatisfy { $0.headers["x-http-method-override"].count == 1 })
        }
    }

    @Test func `a method that a route is chosen by passes`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let naming = { (configuration: inout GatewayConfiguration) in
            configuration.routes[0].match.fields = ["x-http-method": "MERGE"]
        }
        try await withGateway(to: service, configure: naming) { gateway in
            let sent: HTTPHeaders = ["x-http-method": "MERGE", "x-remote-user": "ada", "x-payment-method": "card"]
            try await expectEqual(TestClient.send(.POST, "/", to: gateway.port, headers: sent).status, 200)
            let seen = try #require(service.requests.first).headers
            #expect(seen["x-http-method"] == ["MERGE"] && seen["x-remote-user"] == [])
            #expect(seen["x-payment-method"] == ["card"])
        }
    }

    @Test func `a request without a host is refused, whatever its version`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let byHost = { (configuration: inout GatewayConfiguration) in configuration.routes[0].match.host = "localhost" }
        try await withGateway(to: service, configure: byHost) { gateway in
            for line in ["POST /c HTTP/1.0", "GET / HTTP/1.0", "GET / HTTP/1.1", "OPTIONS * HTTP/1.0"] {
                for host in ["", "Host:\r\n", "host: \r\n"] {
                    let answer = try await TestClient.raw(
                        "\(line)\r\n\(host)Content-Length: 0\r\n\r\n", to: gateway.port)
                    #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(line) \(host)")
                }
            }
            #expect(service.requests.isEmpty)
            let whole = try await TestClient.raw("GET http://localhost/c HTTP/1.0\r\nHost: a\r\n\r\n", to: gateway.port)
            #expect(whole.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func `more fields than services read are refused, and the gateway's own stand first`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            for (count, status) in [(98, 200), (99, 431), (990, 431)] {
                let fields = String(repeating: "a:b\r\n", count: count)
                let answer = try await TestClient.raw(
                    "GET / HTTP/1.1\r\n\(fields)Host: a\r\nConnection: close\r\n\r\n", to: gateway.port)
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(count) fields")
            }
            #expect(service.requests.count == 1)
            let names = try #require(service.requests.first).headers.map { $0.name.lowercased() }
            let own = ["host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "via"]
            for name in own { #expect(names.prefix(8).contains(name), "\(name)") }
            #expect(names.filter { $0 == "a" }.count == 98)
        }
        // HTTP/2 sends a cookie in pieces, which are one field.
        let other = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: other) { gateway in
            let client = try await HTTP2Client.connect(to: gateway.port)
            let cookies = (0..<200).map { ("cookie", "a\($0)=1") }
            try await expectEqual(client.send("GET", "/", cookies).status, 200)
            try await expectEqual(client.send("GET", "/", (0..<200).map { ("a\($0)", "1") }).status, 431)
            await client.close()
        }
    }

    @Test func `a head that has begun has the time of a head, and not that of an idle connection`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let impatient = { (configuration: inout GatewayConfiguration) in
            configuration.headerTimeout = .milliseconds(400)
            configuration.idleTimeout = .seconds(3_600)
        }
        try await withGateway(to: service, configure: impatient) { gateway in
            let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            for part in ["G", "\r", "GET / HTTP/1.1\r\nHost: a\r\n"] {
                // With the first request, and after its answer.
                for steps in [[(get + part, nil)], [(get, "\r\n\r\n"), (part, nil)]]
                    as [[(send: String, until: String?)]]
                {
                    // On a busy machine the time may be over before the second part is sent.
                    var told: String?
                    while told == nil { told = try? await RawClient.converse(steps, with: gateway.port) }
                    #expect(told?.hasPrefix("HTTP/1.1 200 ") == true, "\(part)")
                }
            }
        }
    }
}
#endif
