#if Gateway
import Holdfast
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

/// What the gateway does about where a request says that it comes from.
@Suite struct TrustedHopsTests {
    private func withProxy(
        _ reply: @escaping @Sendable (TestService.Request, Int) -> TestService.Reply = { _, _ in .ok() },
        configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (RunningGateway, TestService) async throws -> Void
    ) async throws {
        let service = try await TestService.start(reply)
        let trusting = { (configuration: inout GatewayConfiguration) in
            configuration.listeners[0].trusted = .loopback
            configure(&configuration)
        }
        try await withGateway(to: service, configure: trusting) { try await body($0, service) }
    }

    private static let claims: HTTPHeaders = [
        "host": "inner.example", "x-forwarded-for": "198.51.100.1, 192.0.2.1", "x-forwarded-proto": "https",
        "x-forwarded-host": "shop.example", "forwarded": "for=203.0.113.9;proto=https;host=other.example",
        "x-forwarded-port": "443", "x-forwarded-user": "ada", "x-real-ip": "192.0.2.1",
        "X-Forwarded_User": "root", "x_real_ip": "203.0.113.1", "x-original-url": "/admin", "client-cert": ":AAAA:",
        "SCRIPT_NAME": "/x", "Path-Info": "/y", "daphne-root-path": "/x", "remote-user": "root", "x-kept": "1",
    ]

    @Test func `what a stranger says of hops is replaced or left out, over both HTTPs`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            _ = try await TestClient.send(.GET, "/", to: gateway.port, headers: Self.claims)
            let client = try await HTTP2Client.connect(to: gateway.port)
            let fields = Self.claims.filter { $0.name != "host" }.map { ($0.name.lowercased(), $0.value) }
            try await expectEqual(client.send("GET", "/", fields).status, 200)
            await client.close()
            #expect(service.requests.count == 2)
            for (request, host) in zip(service.requests, ["inner.example", "shop.example"]) {
                let seen = request.headers
                #expect(seen["x-forwarded-for"] == ["127.0.0.1"])
                #expect(seen["x-forwarded-proto"] == ["http"])
                #expect(seen["x-forwarded-host"] == [host])
                #expect(seen["x-kept"] == ["1"])
                let ours = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"]
                let left = seen.map { $0.name.lowercased() }.filter {
                    !ours.contains($0) && (HopField($0) != nil || $0 == "forwarded" || $0.contains("_"))
                }
                #expect(left == [])
            }
        }
    }

    @Test func `a proxy that is trusted says who asked, for what and how`() async throws {
        try await withProxy { gateway, service in
            _ = try await TestClient.send(.GET, "/", to: gateway.port, headers: Self.claims)
            let seen = try #require(service.requests.first).headers
            #expect(seen["x-forwarded-for"] == ["192.0.2.1, 127.0.0.1"])
            #expect(seen["x-forwarded-proto"] == ["https"])
            #expect(seen["x-forwarded-host"] == ["shop.example"])
            #expect(seen["host"] == ["inner.example"])
            // It sets these, or leaves them out.
            for name in [
                "x-forwarded-port", "x-forwarded-user", "x-real-ip", "x-original-url", "client-cert", "script_name",
            ] {
                #expect(seen[name].count == 1, "\(name)")
            }
            // It does not know these, so they are its client's.
            for name in ["forwarded", "x-forwarded_user", "x_real_ip", "path-info"] {
                #expect(seen[name].isEmpty, "\(name) crosses")
            }
        }
    }

    @Test func `a key goes by the host that the service is told, in one spelling`() async throws {
        try await withProxy { gateway, service in
            for (number, host) in ["a.example", "A.EXAMPLE", "b.example", "b.example."].enumerated() {
                _ = try await TestClient.send(
                    .POST, "/charges", to: gateway.port,
                    headers: [
                        "host": "inner.example", "x-forwarded-for": "192.0.2.1", "x-forwarded-host": host,
                        "idempotency-key": "one",
                    ])
                #expect(service.requests.count == number / 2 + 1, "\(host)")
            }
        }
    }

    @Test(arguments: ["X_Forwarded_For", "x-forwarded_proto", "X_FORWARDED-HOST"])
    func `what a service may take for a field of hops is left out, whoever sends it`(name: String) async throws {
        try await withProxy { gateway, service in
            let answer = try await TestClient.send(.GET, "/", to: gateway.port, headers: [name: "203.0.113.1"])
            #expect(answer.status == 200 && service.requests.first?.headers[name].isEmpty == true)
        }
    }

    @Test func `what a service may take for a field of the lineage is refused`() async throws {
        try await withProxy { gateway, service in
            let answer = try await TestClient.send(.GET, "/", to: gateway.port, headers: ["holdfast_timeout": "5"])
            #expect(answer.status == 400 && service.requests.isEmpty)
        }
    }

    @Test func `a proxy that writes Forwarded is read there alone`() async throws {
        let configure = { (configuration: inout GatewayConfiguration) in
            configuration.listeners[0].trustedFields = .forwarded
            configuration.services[0].forwarded = true
        }
        try await withProxy(configure: configure) { gateway, service in
            _ = try await TestClient.send(.GET, "/", to: gateway.port, headers: Self.claims)
            let seen = try #require(service.requests.first).headers
            #expect(seen["x-forwarded-for"] == ["203.0.113.9, 127.0.0.1"])
            #expect(seen["x-forwarded-proto"] == ["https"])
            #expect(seen["x-forwarded-host"] == ["other.example"])
            #expect(seen["forwarded"] == ["for=203.0.113.9;proto=https;host=\"other.example\", for=127.0.0.1"])
            // Of what else a proxy says it is believed as any: it sets these, or leaves them out.
            for name in ["x-forwarded-port", "x-forwarded-user", "x-real-ip", "x-original-url", "client-cert"] {
                #expect(seen[name].count == 1, "\(name)")
            }
            for name in ["x-forwarded_user", "x_real_ip"] { #expect(seen[name].isEmpty, "\(name) crosses") }
        }
    }

    @Test func `a service is told in Forwarded what it is told in the others`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.services[0].forwarded = true }) { gateway in
            _ = try await TestClient.send(.GET, "/", to: gateway.port, headers: Self.claims)
            #expect(service.requests.first?.headers["forwarded"] == ["for=127.0.0.1;proto=http;host=\"inner.example\""])
        }
    }

    @Test func `a service that wants TLS has it behind a proxy that ends it`() async throws {
        let redirecting: @Sendable (TestService.Request, Int) -> TestService.Reply = { request, _ in
            request.headers["x-forwarded-proto"] == ["https"]
                ? .ok("secure") : .answer(.movedPermanently, ["location": "https://shop.example/"], [])
        }
        try await withProxy(redirecting) { gateway, _ in
            func status(_ proto: String) async throws -> Int {
                try await TestClient.send(
                    .GET, "/", to: gateway.port,
                    headers: ["x-forwarded-for": "192.0.2.1", "x-forwarded-proto": proto]
                ).status
            }
            try await expectEqual(status("https"), 200)
            try await expectEqual(status("http"), 301)
        }
    }

    @Test
    func `callers by address are the clients behind a proxy that is trusted, and nobody can choose to be another`()
        async throws
    {
        let limited = { (configuration: inout GatewayConfiguration) in
            configuration.routes[0].caller = .address
            configuration.routes[0].rateLimit = .init(requests: 1)
            configuration.routes[0].rateLimit?.per = .seconds(3_600)
        }
        func status(_ gateway: RunningGateway, _ client: String) async throws -> Int {
            try await TestClient.send(.GET, "/", to: gateway.port, headers: ["x-forwarded-for": client]).status
        }
        try await withProxy(configure: limited) { gateway, _ in
            for client in ["192.0.2.1", "192.0.2.2", "[2001:db8::1]:80"] {
                try await expectEqual(status(gateway, client), 200, "\(client)")
            }
            // The same, in other spellings, and behind what they made up.
            for client in [
                "192.0.2.1:9", "::ffff:192.0.2.2", "2001:DB8:0::1", "198.51.100.7, 192.0.2.1", "x, 192.0.2.2",
            ] {
                try await expectEqual(status(gateway, client), 429, "\(client)")
            }
        }
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: limited) { gateway in
            try await expectEqual(status(gateway, "192.0.2.1"), 200)
            try await expectEqual(status(gateway, "192.0.2.2"), 429)
        }
    }

    @Test func `what a stranger says of hops chooses neither a caller nor a route`() async throws {
        let configure = { (configuration: inout GatewayConfiguration) in
            configuration.routes[0].caller = .fields(["x-forwarded-user"])
            configuration.routes[0].rateLimit = .init(requests: 2)
            configuration.routes[0].rateLimit?.per = .seconds(3_600)
            var secure = RouteConfiguration(name: "secure", service: "service")
            secure.match.fields = ["x-forwarded-proto": "https"]
            secure.concurrency = 1
            configuration.routes.insert(secure, at: 0)
        }
        func status(_ gateway: RunningGateway, _ user: String) async throws -> Int {
            try await TestClient.send(
                .GET, "/", to: gateway.port, headers: ["x-forwarded-user": user, "x-forwarded-proto": "https"]
            ).status
        }
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: configure) { gateway in
            for (user, expected) in [("a", 200), ("b", 200), ("c", 429)] {
                try await expectEqual(status(gateway, user), expected)
            }
        }
        try await withProxy(configure: configure) { gateway, _ in
            for user in ["a", "a", "a", "b"] { try await expectEqual(status(gateway, user), 200) }
        }
    }

    @Test func `connections of a proxy that is trusted are not counted as one client's`() async throws {
        try await withProxy(configure: { $0.connectionsPerClient = 1 }) { gateway, _ in
            let port = gateway.port
            try await offPool { () throws -> Void in
                let connections = (0..<3).map { _ in KeepAliveClient(port: port, keepsAlive: true) }
                for connection in connections { #expect(try connection.get().hasPrefix("HTTP/1.1 200 ")) }
            }
        }
    }

    @Test func `operators are told the client's address`() async throws {
        try await withProxy({ _, _ in .status(.internalServerError) }) { gateway, _ in
            let failing = HTTPHeaders([("x-forwarded-for", "192.0.2.7"), ("idempotency-key", "a b")])
            let answer = try await TestClient.send(.POST, "/", to: gateway.port, headers: failing)
            try await expectEqual(gateway.explained(answer)["client"] as? String, "192.0.2.7")
        }
    }
}
#endif
