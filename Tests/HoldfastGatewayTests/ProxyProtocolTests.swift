#if Gateway
import Holdfast
import HoldfastGateway
import Logging
import NIOHTTP1
import NIOSSL
import Synchronization
import TestSupport
import Testing

/// Clients behind a balancer that passes on bytes.
@Suite(.timeLimit(.minutes(1))) struct ProxyProtocolTests {
    private func withBalancer(
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (RunningGateway, TestService) async throws -> Void
    ) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let behind = { (configuration: inout GatewayConfiguration) in
            configuration.listeners[0].trusted = .loopback
            configuration.listeners[0].proxyProtocol = .required
            configure(&configuration)
        }
        try await withGateway(to: service, logger: logger, configure: behind) { try await body($0, service) }
    }

    private static let line = Array("PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n".utf8)
    private static let get = Array("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
    private static let four = ProxyHeaderTests.binary(0x21, 0x11, ProxyHeaderTests.four)
    private static let six = ProxyHeaderTests.binary(0x21, 0x21, ProxyHeaderTests.six)

    private func text(_ bytes: [UInt8], _ gateway: RunningGateway) async throws -> String {
        String(decoding: try await TestClient.raw(bytes, to: gateway.port), as: UTF8.self)
    }

    @Test func `the client is whom the header names`() async throws {
        let secure = ProxyHeaderTests.binary(0x21, 0x11, ProxyHeaderTests.four + [0x20, 0, 5, 1, 0, 0, 0, 0])
        let headers: [([UInt8], String, String)] = [
            (Self.line, "192.0.2.1", "http"), (Self.four, "192.0.2.1", "http"), (Self.six, "2001:db8::7", "http"),
            (secure, "192.0.2.1", "https"),
            // The balancer's own connections, and those of somebody without an address.
            (Array("PROXY UNKNOWN\r\n".utf8), "127.0.0.1", "http"),
            (ProxyHeaderTests.binary(0x20, 0x11, ProxyHeaderTests.four), "127.0.0.1", "http"),
            (ProxyHeaderTests.binary(0x21, 0x00, []), "127.0.0.1", "http"),
        ]
        for http2 in [true, false] {
            try await withBalancer(configure: { $0.listeners[0].http2 = http2 }) { gateway, service in
                for (header, client, scheme) in headers {
                    try await #expect(text(header + Self.get, gateway).hasPrefix("HTTP/1.1 200 "))
                    let seen = try #require(service.requests.last).headers
                    #expect(seen["x-forwarded-for"] == [client] && seen["x-forwarded-proto"] == [scheme])
                }
            }
        }
    }

    @Test func `what a client says of hops is its own word, whoever the header names`() async throws {
        let claims = Array(
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\nX-Real-IP: 198.51.100.1\r\nConnection: close\r\n\r\n"
                .utf8)
        let hop = Array("PROXY TCP4 127.0.0.9 127.0.0.1 1 2\r\n".utf8)
        try await withBalancer { gateway, service in
            for (header, expected) in [
                (Self.line, "192.0.2.1"), (Array("PROXY UNKNOWN\r\n".utf8), "127.0.0.1"),
                (ProxyHeaderTests.binary(0x20, 0x00, []), "127.0.0.1"),
                // But one that is trusted as well: two balancers, of which the second passes on requests.
                (hop, "198.51.100.1, 127.0.0.9"),
            ] {
                _ = try await text(header + claims, gateway)
                let seen = try #require(service.requests.last).headers
                #expect(seen["x-forwarded-for"] == [expected])
                #expect(seen["x-real-ip"].isEmpty == (header != hop))
            }
        }
    }

    @Test func `a layer above is the client that the header names, and nobody who stands for one`() async throws {
        let inside = try AddressRange("192.0.2.0/24")
        let late = Array(
            "GET / HTTP/1.1\r\nHost: a\r\nHoldfast-Timeout: 700\r\nConnection: close\r\n\r\n".utf8)
        try await withBalancer(configure: { $0.listeners[0].lineageFrom = .loopback + [inside] }) { gateway, service in
            for (header, isBelieved) in [
                (Self.line, true), (Self.six, false), (Array("PROXY UNKNOWN\r\n".utf8), false),
                (ProxyHeaderTests.binary(0x20, 0x00, []), false),
            ] {
                _ = try await text(header + late, gateway)
                let left = service.requests.last?.headers.first(name: "holdfast-timeout").flatMap(Int.init) ?? 0
                #expect((left <= 700) == isBelieved)
            }
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PROXY TCP4 a b 1 2\r\n",
        "\u{16}\u{3}\u{1}",
        "\r\n\r\n\0\r\nQUIT\n\u{22}\u{11}\0\u{0C}",
    ])
    func `a balancer without a header is closed, counted and told of`(opening: String) async throws {
        let told = Told()
        try await withBalancer(logger: Logger(label: "test") { _ in told }) { gateway, service in
            for _ in 0..<2 { try await expectEqual(text(Array(opening.utf8) + Self.get, gateway), "") }
            #expect(service.requests.isEmpty)
            let metrics = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
            #expect(metrics.contains("holdfast_connections_refused_total{reason=\"proxy-protocol\"} 2\n"))
            let messages = told.messages.list.withLock { $0 }
            #expect(messages.count { $0.hasPrefix("a proxy that is trusted sent no header") } == 1, "\(messages)")
        }
    }

    @Test func `a header that does not come whole is waited for no longer than for a head`() async throws {
        try await withBalancer(configure: { $0.headerTimeout = .milliseconds(50) }) { gateway, _ in
            for start in [[], Array(Self.line.dropLast(3)), Array(Self.four.dropLast(3))] {
                // Returns because the gateway closes; a gateway that waited would hang the test.
                try await expectEqual(text(start, gateway), "")
            }
        }
    }

    @Test func `nobody else is read a header of`() async throws {
        let elsewhere = try AddressRange("192.0.2.0/24")
        for (trusted, proxyProtocol) in [
            ([elsewhere], ListenerConfiguration.ProxyProtocol.required), (.loopback, .off),
        ] {
            let configure = { (configuration: inout GatewayConfiguration) in
                configuration.listeners[0].trusted = trusted
                configuration.listeners[0].proxyProtocol = proxyProtocol
            }
            try await withBalancer(configure: configure) { gateway, service in
                for header in [Self.line, Self.four] {
                    try await #expect(text(header + Self.get, gateway).hasPrefix("HTTP/1.1 400 "))
                }
                try await #expect(text(Self.get, gateway).hasPrefix("HTTP/1.1 200 "))
                #expect(service.requests.map { $0.headers["x-forwarded-for"] } == [["127.0.0.1"]])
            }
        }
    }

    @Test func `connections are counted for the clients behind`() async throws {
        let opening = String(decoding: Self.line, as: UTF8.self) + "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        let other = opening.replacing("192.0.2.1", with: "192.0.2.2")
        try await withBalancer(configure: { $0.connectionsPerClient = 2 }) { gateway, _ in
            let port = gateway.port
            try await offPool { () throws -> Void in
                let clients = (0..<3).map { _ in KeepAliveClient(port: port, keepsAlive: true) }
                for client in clients.prefix(2) { #expect(try client.get(sending: opening).hasPrefix("HTTP/1.1 200 ")) }
                #expect(throws: KeepAliveClient.Failure.self) { try clients[2].get(sending: opening) }
                let second = KeepAliveClient(port: port, keepsAlive: true)
                #expect(try second.get(sending: other).hasPrefix("HTTP/1.1 200 "))
                // The header is the connection's: it goes on without.
                #expect(try second.get().hasPrefix("HTTP/1.1 200 "))
                let balancer = (0..<3).map { _ in KeepAliveClient(port: port, keepsAlive: true) }
                for check in balancer {
                    #expect(
                        try check.get(sending: "PROXY UNKNOWN\r\n" + "GET / HTTP/1.1\r\nHost: a\r\n\r\n").contains(
                            " 200 "))
                }
            }
        }
    }

    @Test func `a header stands before TLS`() async throws {
        let certificate = try await TestCertificate.make()
        try await withBalancer(configure: { $0.listeners[0].tls = certificate.files }) { gateway, service in
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.trustRoots = .file(certificate.certificate)
            let answer = try await TestClient.send(
                .GET, "/", to: gateway.port, over: try NIOSSLContext(configuration: tls), after: Self.six)
            #expect(answer.status == 200)
            let seen = try #require(service.requests.first).headers
            #expect(seen["x-forwarded-for"] == ["2001:db8::7"] && seen["x-forwarded-proto"] == ["https"])
        }
    }
}
#endif
