#if Gateway
import Foundation
import Holdfast
import HoldfastTesting
import NIOCore
import NIOEmbedded
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

/// Services that authenticate connections, and not requests: such a connection serves one client.
@Suite(.timeLimit(.minutes(1))) struct ConnectionCredentialsTests {
    private func withService(
        _ services: ConnectionService..., configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (RunningGateway) async throws -> Void
    ) async throws {
        let unused = try await TestService.start { _, _ in .ok() }
        let direct = { (configuration: inout GatewayConfiguration) in
            configuration.services[0].endpoints = services.map {
                .init(address: .init(host: "127.0.0.1", port: $0.port))
            }
            configure(&configuration)
        }
        try await withGateway(to: unused, configure: direct, body)
        for service in services { await service.stop() }
    }

    private static func get(_ headers: String...) -> String {
        "GET / HTTP/1.1\r\nHost: a\r\n" + headers.map { "\($0)\r\n" }.joined() + "\r\n"
    }

    private static func body(_ answer: String) -> String { answer.components(separatedBy: "\r\n\r\n").last ?? "" }

    @Test(arguments: ["NTLM", "Negotiate"])
    func `a client authenticates its connection, and no other client is taken for it`(scheme: String) async throws {
        let services = [try await ConnectionService.ntlm(scheme), try await ConnectionService.ntlm(scheme)]
        try await withService(services[0], services[1]) { gateway in
            let port = gateway.port
            try await offPool { () throws -> Void in
                let clients = (0..<4).map { _ in KeepAliveClient(port: port, keepsAlive: true) }
                for (number, client) in clients.enumerated() {
                    try #expect(client.get(sending: Self.get()).hasPrefix("HTTP/1.1 401 "))
                    let challenge = try client.get(sending: Self.get("Authorization: \(scheme) hello"))
                    #expect(challenge.contains("\(scheme) challenge"))
                    let answer = try client.get(sending: Self.get("Authorization: \(scheme) user\(number)"))
                    #expect(Self.body(answer) == "user\(number)")
                }
                // Each goes on as who it is, without a word, and who has said nothing is nobody.
                for _ in 0..<3 {
                    for (number, client) in clients.enumerated() {
                        try #expect(Self.body(client.get(sending: Self.get())) == "user\(number)")
                    }
                    let stranger = KeepAliveClient(port: port, keepsAlive: true)
                    try #expect(stranger.get(sending: Self.get()).hasPrefix("HTTP/1.1 401 "))
                }
            }
        }
    }

    /// What a service says in an answer, and what a request says, that makes a connection one client's.
    @Test(arguments: [
        ("www-authenticate: NTLM", ""), ("WWW-Authenticate: negotiate", ""), ("www-authenticate: Negotiate oYG2", ""),
        ("www-authenticate: Basic realm=\"a\", NTLM", ""), ("www-authenticate: Basic realm=\"a\",Negotiate", ""),
        ("www-authenticate: Nego2", ""), ("www-authenticate: Kerberos", ""), ("persistent-auth: true", ""),
        ("proxy-support: Session-Based-Authentication", ""), ("proxy-authenticate: NTLM", ""),
        ("", "authorization: NTLM TlRM"), ("", "Authorization: Negotiate YII"), ("", "AUTHORIZATION: ntlm x"),
        ("", "authorization:   Negotiate   x"),
    ])
    func `a connection that may have been authenticated serves no other client`(answer: String, request: String)
        async throws
    {
        let service = try await ConnectionService.start { _, _ in
            var headers = HTTPHeaders()
            if let colon = answer.firstIndex(of: ":") {
                headers.add(name: String(answer[..<colon]), value: String(answer[colon...].dropFirst(2)))
            }
            return .init(headers: headers)
        }
        try await withService(service) { gateway in
            let port = gateway.port
            try await offPool { () throws -> Void in
                let first = KeepAliveClient(port: port, keepsAlive: true)
                let other = KeepAliveClient(port: port, keepsAlive: true)
                let sent = request.isEmpty ? Self.get() : Self.get(request)
                try #expect(Self.body(first.get(sending: sent)) == "1")
                try #expect(Self.body(other.get(sending: Self.get())) == "2")
                // The service has said that it does such a thing, or nobody is served on it again.
                try #expect(Self.body(first.get(sending: Self.get())) == (answer.isEmpty ? "2" : "1"))
            }
        }
    }

    @Test(arguments: [
        ("www-authenticate: Basic realm=\"NTLM\"", ""), ("www-authenticate: Bearer", ""),
        ("www-authenticate: Digest realm=\"negotiate\"", ""), ("", "authorization: Bearer NTLM"),
        ("", "authorization: Basic bnRsbTpuZWdvdGlhdGU="), ("", "authorization: NTLMSSP x"),
        ("", "x-authorization: NTLM x"),
        ("x-persistent-auth: true", ""),
    ])
    func `other credentials are each request's own, and their connections are everybody's`(
        answer: String, request: String
    ) async throws {
        let service = try await ConnectionService.start { _, _ in
            var headers = HTTPHeaders()
            if let colon = answer.firstIndex(of: ":") {
                headers.add(name: String(answer[..<colon]), value: String(answer[colon...].dropFirst(2)))
            }
            return .init(headers: headers)
        }
        try await withService(service) { gateway in
            let port = gateway.port
            try await offPool { () throws -> Void in
                for _ in 0..<3 {
                    let client = KeepAliveClient(port: port, keepsAlive: true)
                    let sent = request.isEmpty ? Self.get() : Self.get(request)
                    try #expect(Self.body(client.get(sending: sent)) == "1")
                }
            }
        }
    }

    @Test func `where requests may be of several clients, no connection stays authenticated`() async throws {
        // Over HTTP/2 a stream is no connection, and a proxy that is trusted carries what many clients ask.
        let service = try await ConnectionService.ntlm()
        try await withService(service, configure: { $0.listeners[0].trusted = .loopback }) { gateway in
            let port = gateway.port
            try await offPool { () throws -> Void in
                let proxy = KeepAliveClient(port: port, keepsAlive: true)
                _ = try proxy.get(sending: Self.get("x-forwarded-for: 192.0.2.1", "Authorization: NTLM hello"))
                try #expect(
                    proxy.get(sending: Self.get("x-forwarded-for: 192.0.2.2", "Authorization: NTLM user"))
                        .hasPrefix("HTTP/1.1 401 "))
            }
        }
        let other = try await ConnectionService.ntlm()
        try await withService(other) { gateway in
            let client = try await HTTP2Client.connect(to: gateway.port)
            try await expectEqual(client.send("GET", "/", [("authorization", "NTLM hello")]).status, 401)
            try await expectEqual(client.send("GET", "/", [("authorization", "NTLM user")]).status, 401)
            try await other.closed(1)
            await client.close()
        }
    }

    @Test func `a client's own connection ends when the client leaves, and makes room for who needs one`() async throws
    {
        let service = try await ConnectionService.ntlm()
        try await withService(service, configure: { $0.services[0].connections = 2 }) { gateway in
            let port = gateway.port
            try await offPool { () throws -> Void in
                let clients = (0..<3).map { _ in KeepAliveClient(port: port, keepsAlive: true) }
                for client in clients {
                    try #expect(client.get(sending: Self.get("Authorization: NTLM hello")).hasPrefix("HTTP/1.1 401 "))
                }
            }
            // The first made room for the third, and the others left with their clients.
            for number in 1...3 { try await service.closed(number) }
        }
    }

    @Test func `no more connections are kept for clients than the bounds`() throws {
        let gateway = try EmbeddedPool()
        var personal = PersonalConnections()
        let owners = (0..<100).map { _ in Owner() }
        var dropped: [UpstreamConnection] = []
        for owner in owners {
            for _ in 0..<5 {
                if let connection = personal.keep(try gateway.connection(), for: ObjectIdentifier(owner)) {
                    dropped.append(connection)
                }
            }
        }
        #expect(personal.count == PersonalConnections.bound)
        #expect(dropped.count == 500 - PersonalConnections.bound)
        let last = ObjectIdentifier(owners[99])
        #expect(personal.removeAll(of: last).count == PersonalConnections.boundOfOwner)
        #expect(personal.take(last, to: gateway.endpoint) == nil)
        #expect(personal.take(ObjectIdentifier(owners[98]), to: gateway.endpoint) != nil)
    }

    private final class Owner {}

    /// Connections without a network.
    private struct EmbeddedPool {
        let endpoint: Endpoint
        private let loop = EmbeddedEventLoop()
        private let pool: UpstreamPool

        init() throws {
            pool = UpstreamPool(eventLoop: loop, turn: LoopTurn(eventLoop: loop), counters: GatewayCounters())
            let identity = Endpoint.Identity(
                service: "service", place: .init(address: .init(host: "127.0.0.1", port: 1)),
                address: try SocketAddress(ipAddress: "127.0.0.1", port: 1), tls: .init(), breaker: .init(),
                evidence: .each)
            endpoint = try Endpoint(identity, credentials: nil, clock: ManualClock()) { _, _ in }
        }

        func connection() throws -> UpstreamConnection {
            let channel = EmbeddedChannel(loop: loop)
            try UpstreamPool.configure(channel, endpoint, endpoint.makeHandshake(), pool: pool)
            return try channel.pipeline.syncOperations.handler(type: UpstreamConnection.self)
        }
    }
}
#endif
