#if Gateway
import HoldfastGateway
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

/// Limits on what a client may take, in time and in room. Each returns because the gateway closes: one that waited
/// would hang the test.
@Suite struct LimitTests {
    @Test func `a connection that idles after its answer is cut`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.idleTimeout = .milliseconds(50) }) { gateway in
            let text = try await TestClient.raw("GET / HTTP/1.1\r\nHost: a\r\n\r\n", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test(arguments: ["", "Idempotency-Key: k\r\n"])
    func `a body that stops coming is answered with 408`(key: String) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let limits = { (configuration: inout GatewayConfiguration) in
            configuration.headerTimeout = .seconds(4)
            configuration.routes[0].attemptTimeout = .seconds(4)
        }
        try await withGateway(to: service, configure: limits) { gateway in
            let port = gateway.port
            // On a thread of its own: a client that has to wait for its turn would be slow with the head.
            let text = try await offPool { () throws -> String in
                try KeepAliveClient(port: port, keepsAlive: true).get(
                    sending: "POST / HTTP/1.1\r\nHost: a\r\n\(key)Content-Length: 10\r\n\r\nabc")
            }
            #expect(text.hasPrefix("HTTP/1.1 408 "), "\(text.prefix(60))")
            #expect(service.requests.isEmpty)
        }
    }

    @Test func `a connection beyond the bound is closed as it comes`() async throws {
        let release = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(release.futureResult, Array("held".utf8)) }
        try await withGateway(to: service, configure: { $0.connections = 1 }) { gateway in
            async let first = gateway.get()
            await service.requests(1)
            try await expectEqual(TestClient.raw("GET / HTTP/1.1\r\nHost: a\r\n\r\n", to: gateway.port), "")
            release.succeed()
            try await expectEqual(first.text, "held")
        }
    }

    @Test(arguments: [
        ("GET /health", "Host: evil.example", 403),
        ("GET /health", "Host: 127.0.0.1.evil.example", 403),
        ("POST /api/demo/traffic", "Host: localhost\r\nOrigin: http://evil.example", 403),
        ("POST /api/demo/traffic", "Host: localhost\r\nOrigin: null", 403),
        ("POST /api/demo/traffic", "Host: localhost\r\nOrigin: http://localhost", 404),
        ("GET /health", "Host: localhost", 200),
        ("GET /health", "Host: 127.0.0.1", 200),
    ])
    func `the control plane answers its own page and no other site`(
        line: String, fields: String, status: Int
    ) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let text = try await TestClient.raw(
                "\(line) HTTP/1.1\r\n\(fields)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", to: gateway.admin)
            #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text.prefix(60))")
        }
    }
}
#endif
