#if Gateway
import NIOCore
import TestSupport
import Testing

@testable import HoldfastGateway

@Suite struct WebSocketTests {
    private static let handshake =
        "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
        + "Sec-WebSocket-Key: x\r\n\r\n"

    private func withService(
        _ answer: String?, configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (RunningGateway, WebSocketService) async throws -> Void
    ) async throws {
        let service = try await WebSocketService.start(answer)
        let unused = try await TestService.start { _, _ in .ok() }
        let change = { (configuration: inout GatewayConfiguration) in
            configuration.services[0].endpoints = [.init(address: .init(host: "127.0.0.1", port: service.port))]
            configure(&configuration)
        }
        try await withGateway(to: unused, configure: change) { try await body($0, service) }
        await service.stop()
    }

    @Test func `what follows the handshake passes as it is, however early it comes`() async throws {
        try await withService(WebSocketService.agreed + "hello") { gateway, service in
            let text = try await TestClient.raw(Self.handshake + "ping\r\n\r\nclose", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 101 "), "\(text.prefix(80))")
            #expect(text.hasSuffix("\r\n\r\nhelloping\r\n\r\nclose"), "\(text.suffix(80))")
            let head = text.lowercased()
            #expect(head.contains("connection: upgrade\r\n") && head.contains("upgrade: websocket\r\n"))
            #expect(head.contains("sec-websocket-accept: jvxkmtkfjdci/pm/agpeksn6wt8=\r\n"))
            let asked = try #require(service.heads.first).lowercased()
            #expect(asked.contains("connection: upgrade\r\n") && asked.contains("upgrade: websocket"))
            #expect(asked.contains("sec-websocket-key: x\r\n"))
        }
    }

    @Test func `more than any buffer holds passes byte exact in both directions`() async throws {
        try await withService(WebSocketService.agreed) { gateway, _ in
            let bytes = [UInt8](repeating: 7, count: 1_000_000) + Array("close".utf8)
            let received = try await TestClient.raw(Array(Self.handshake.utf8) + bytes, to: gateway.port)
            #expect(isSame(Array(received.suffix(bytes.count)), bytes))
        }
    }

    @Test func `an end on one side is an end on the other, and no more`() async throws {
        try await withService(WebSocketService.agreed) { gateway, _ in
            let received = try await TestClient.raw(
                Array((Self.handshake + "ping").utf8), to: gateway.port, isHalfClosing: true)
            #expect(String(decoding: received, as: UTF8.self).hasSuffix("\r\n\r\npingbye"))
        }
    }

    /// Returns because the gateway closes.
    private func silence(after sent: [UInt8] = []) async throws -> (client: [UInt8], service: [UInt8]) {
        var ends: (client: [UInt8], service: [UInt8]) = ([], [])
        try await withService(WebSocketService.agreed, configure: { $0.webSocketTimeout = .milliseconds(300) }) {
            gateway, service in
            let all = try await TestClient.raw(Array(Self.handshake.utf8) + sent, to: gateway.port)
            let head = Array(WebSocketService.agreed.utf8.suffix(4))
            let end = try #require(all.firstRange(of: head)).upperBound
            ends = (Array(all[end...]), await service.ended())
        }
        return ends
    }

    @Test func `both sides of a WebSocket that is silent are told that it ends`() async throws {
        let (client, service) = try await silence()
        #expect(client == [0x88, 0x15, 0x03, 0xE9] + Array("silent for too long".utf8))
        #expect(service.count == client.count + 4 && service.prefix(2) == [0x88, 0x95])
    }

    @Test func `a side that was left within a frame is not told, because it would take that for the frame's rest`()
        async throws
    {
        // The service sends back what it gets: the head of a frame of 5 bytes, and 3 of them.
        let half: [UInt8] = [0x81, 0x05, 0x61, 0x62, 0x63]
        let (client, service) = try await silence(after: half)
        #expect(client == half && service == half)
    }

    @Test func `a WebSocket may be silent for ten minutes, whatever connections may be between requests`() throws {
        let gateway = try LoopGateway()
        defer { gateway.end() }
        let client = try gateway.connect()
        client.send(Self.handshake)
        let service = gateway.services[0]
        service.send(WebSocketService.agreed)
        for _ in 0..<3 {
            gateway.advance(by: .seconds(599))
            client.send("ping")
            gateway.advance(by: .seconds(599))
            service.send("pong")
        }
        #expect(service.received.hasSuffix("\r\n\r\npingpingping") && client.received.hasSuffix("pongpongpong"))
        gateway.advance(by: .seconds(600))
        gateway.advance(by: .seconds(2))
        #expect(!client.isOpen && !service.isOpen)
    }

    @Test func `a side that does not take what it is sent is given up like any client`() throws {
        let gateway = try LoopGateway()
        defer { gateway.end() }
        let client = try gateway.connect()
        client.send(Self.handshake)
        gateway.services[0].send(WebSocketService.agreed)
        client.takes(false)
        gateway.services[0].send("what waits")
        gateway.advance(by: .seconds(59))
        #expect(client.isOpen)
        gateway.advance(by: .seconds(3))
        #expect(!client.isOpen && !gateway.services[0].isOpen)
    }

    @Test func `a WebSocket is one of those in flight until it ends`() async throws {
        try await withService(WebSocketService.agreed, configure: { $0.routes[0].concurrency = 1 }) { gateway, _ in
            let port = gateway.port
            let (switched, beside) = try await offPool { () throws -> (String, String) in
                let socket = KeepAliveClient(port: port, keepsAlive: true)
                let switched = try socket.get(sending: Self.handshake)
                let beside = try KeepAliveClient(port: port, keepsAlive: false).get()
                return withExtendedLifetime(socket) { (switched, beside) }
            }
            #expect(switched.hasPrefix("HTTP/1.1 101 "), "\(switched.prefix(60))")
            #expect(beside.contains("urn:holdfast:problem:limit-reached"), "\(beside)")
            // Ends because the place is given back when the WebSocket has ended.
            while try await gateway.get().status == 503 {}
        }
    }

    @Test func `any other answer is relayed and the connection ends`() async throws {
        try await withService("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno") { gateway, service in
            let text = try await TestClient.raw(
                Self.handshake + "GET / HTTP/1.1\r\nHost: a\r\n\r\n", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 403 ") && text.hasSuffix("\r\n\r\nno"))
            #expect(text.lowercased().contains("connection: close"))
            #expect(service.heads.count == 1)
        }
    }

    @Test func `a handshake is never sent twice`() async throws {
        try await withService(nil) { gateway, service in
            let text = try await TestClient.raw(Self.handshake, to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 502 "), "\(text.prefix(60))")
            #expect(service.heads.count == 1)
        }
    }

    @Test func `a route without WebSockets does not pass them on`() async throws {
        let without = { (configuration: inout GatewayConfiguration) in configuration.routes[0].webSockets = false }
        try await withService("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", configure: without) {
            gateway, service in
            try await expectEqual(TestClient.raw(Self.handshake, to: gateway.port).hasPrefix("HTTP/1.1 200 "), true)
            #expect(service.heads.first?.lowercased().contains("upgrade") == false)
        }
    }

    @Test(arguments: [
        "", "Sec-WebSocket-Accept: x\r\n", "Sec-WebSocket-Accept:\r\n",
        "Sec-WebSocket-Accept: jVxkmtKFjDcI/Pm/AGPEKSN6wT8=\r\n",
        "Sec-WebSocket-Accept: JVxkmtKFjDcI/Pm/AGPEKSN6wT8\r\n",
        "Sec-WebSocket-Accept: \"JVxkmtKFjDcI/Pm/AGPEKSN6wT8=\"\r\n",
        "Sec-WebSocket-Accept: JVxkmtKFjDcI/Pm/AGPEKSN6wT8=\r\nSec-WebSocket-Accept: x\r\n",
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
        "X-Sec-WebSocket-Accept: JVxkmtKFjDcI/Pm/AGPEKSN6wT8=\r\n",
    ])
    func `a service that has not understood what it agrees to is answered for with 502, and no byte more reaches it`(
        accept: String
    ) async throws {
        let agreed = WebSocketService.agreed.replacing(#/Sec-WebSocket-Accept: .*\r\n\r\n/#, with: accept + "\r\n")
        try await withService(agreed) { gateway, service in
            let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
            let text = try await TestClient.raw(Self.handshake + smuggled, to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 502 "), "\(text.prefix(60))")
            await service.stop()
            let behind = await service.ended()
            #expect(behind.isEmpty)
        }
    }

    @Test(arguments: [
        ("Connection: close\r\nUpgrade: websocket\r\n", false), ("Upgrade: websocket\r\n", false),
        ("Connection: Upgrade\r\n", false), ("Connection: Upgrade\r\nUpgrade: h2c\r\n", false),
        ("Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n", false),
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n", false),
        ("connection: keep-alive, upgrade\r\nupgrade: WebSocket\r\n", true),
    ])
    func `a service agrees to a WebSocket, and to nothing else`(fields: String, isAgreed: Bool) async throws {
        let answer = "HTTP/1.1 101 Switching\r\n\(fields)Sec-WebSocket-Accept: JVxkmtKFjDcI/Pm/AGPEKSN6wT8=\r\n\r\n"
        try await withService(answer) { gateway, _ in
            let text = try await TestClient.raw(Self.handshake + "close", to: gateway.port)
            #expect(text.hasPrefix(isAgreed ? "HTTP/1.1 101 " : "HTTP/1.1 502 "), "\(text.prefix(60))")
        }
    }

    @Test func `the accept is that of the RFC`() {
        // RFC 6455, section 1.3.
        #expect(WebSocketHandshake.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test func `a handshake without one key asks for no WebSocket`() async throws {
        for key in ["", "Sec-WebSocket-Key: x\r\nSec-WebSocket-Key: y\r\n"] {
            try await withService("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") { gateway, service in
                let asked = Self.handshake.replacing("Sec-WebSocket-Key: x\r\n", with: key)
                try await expectEqual(TestClient.raw(asked, to: gateway.port).hasPrefix("HTTP/1.1 200 "), true)
                #expect(service.heads.first?.lowercased().contains("upgrade:") == false)
            }
        }
    }

    @Test func `a service that switches unasked is answered for with 502`() async throws {
        try await withService(WebSocketService.agreed) { gateway, _ in
            let text = try await TestClient.raw(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 502 "), "\(text.prefix(60))")
        }
    }
}
#endif
