#if Gateway
import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

/// A bound on what one client's address may hold.
@Suite struct ClientConnectionsTests {
    private func client(_ address: String) throws -> ClientConnections.Client? {
        IPAddress(try SocketAddress(ipAddress: address, port: 1)).map(ClientConnections.Client.init)
    }

    @Test func `an IPv4 address is a client, whatever it is spelled in`() throws {
        let one = try client("192.0.2.1")
        #expect(one != nil)
        try #expect(one == client("::ffff:192.0.2.1"))
        try #expect(one != client("192.0.2.2"))
        try #expect(client("::ffff:192.0.2.2") == client("192.0.2.2"))
    }

    @Test func `an IPv6 network of 64 bits is one client`() throws {
        try #expect(client("2001:db8:1:2::1") == client("2001:db8:1:2:ffff::9"))
        try #expect(client("2001:db8:1:2::1") != client("2001:db8:1:3::1"))
        try #expect(client("::1") != client("::ffff:192.0.2.1"))
    }

    @Test func `a client has as many as it may, and whoever has none is forgotten`() throws {
        let connections = ClientConnections()
        let (one, other) = (try #require(try client("192.0.2.1")), try #require(try client("2001:db8::1")))
        let taken = (0..<4).map { _ in connections.admit(one, atMost: 3) }
        #expect(taken == [true, true, true, false])
        #expect(connections.admit(other, atMost: 3))
        connections.ended(one)
        #expect(connections.admit(one, atMost: 3) && !connections.admit(one, atMost: 3))
        for _ in 0..<3 { connections.ended(one) }
        #expect(connections.clients == 1)
        connections.ended(other)
        #expect(connections.clients == 0)
    }

    @Test(arguments: ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0"])
    func `a client's connections beyond its bound are closed as they come, and counted`(opening: String) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let bound = { (configuration: inout GatewayConfiguration) in
            configuration.threads = 2
            configuration.connectionsPerClient = 3
        }
        try await withGateway(to: service, configure: bound) { gateway in
            let port = gateway.port
            try await offPool { () throws -> Void in
                let clients = (0..<3).map { _ in KeepAliveClient(port: port, keepsAlive: true) }
                for client in clients { #expect(try client.get().hasPrefix("HTTP/1.1 200 ")) }
                #expect(throws: KeepAliveClient.Failure.self) {
                    try KeepAliveClient(port: port, keepsAlive: true).get(sending: opening)
                }
                for client in clients { #expect(try client.get().hasPrefix("HTTP/1.1 200 ")) }
            }
            let text = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
            #expect(text.contains("holdfast_connections_refused_total{reason=\"connections-per-client\"} 1\n"))
            #expect(text.contains("holdfast_connections_refused_total{reason=\"connections\"} 0\n"))
        }
    }

    @Test func `whoever ends a connection may make another`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.connectionsPerClient = 1 }) { gateway in
            // Each returns when the gateway has closed.
            for _ in 0..<3 {
                let text = try await TestClient.raw(
                    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 200 "))
            }
        }
    }
}
#endif
