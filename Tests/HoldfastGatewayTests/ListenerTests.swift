#if Gateway
import HoldfastGateway
import HoldfastIdempotency
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@Suite struct ListenerTests {
    private func anywhere(_ count: Int) -> (inout GatewayConfiguration) -> Void {
        { configuration in
            let listener = ListenerConfiguration(address: .init(host: "127.0.0.1", port: 0))
            configuration.listeners += Array(repeating: listener, count: count)
        }
    }

    @Test func `every listener takes requests`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: anywhere(2)) { gateway in
            #expect(gateway.gateway.addresses.count == 3)
            #expect(gateway.gateway.address == gateway.gateway.addresses[0])
            for address in gateway.gateway.addresses {
                try await expectEqual(TestClient.send(.GET, "/", to: address.port).status, 200)
            }
        }
    }

    @Test func `a listener that cannot bind says which and nothing is left listening`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let other = try await TestService.start { _, _ in .ok() }
        let taken = GatewayConfiguration.Address(host: "127.0.0.1", port: other.port)
        let configure = { (configuration: inout GatewayConfiguration) in
            configuration.listeners.append(ListenerConfiguration(address: taken))
        }
        let error = await #expect(throws: GatewayError.self) {
            try await withGateway(to: service, configure: configure) { _ in }
        }
        #expect(error?.code == .cannotListen)
        #expect(error?.description.contains("\(taken)") == true)
        await service.stop()
        await other.stop()
    }

    // MARK: Pipelining

    @Test func `a flood of pipelined requests is answered up to a bound and then told to come again`() async throws {
        let service = try await TestService.start { request, _ in .ok(request.uri) }
        try await withGateway(to: service) { gateway in
            let flood = (0..<2_000).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()
            let text = try await TestClient.raw(flood, to: gateway.port)
            let bodies = text.matches(of: /\r\n\r\n\/(\d+)/).compactMap { Int($0.1) }
            #expect(bodies.count > 1 && bodies.count < 2_000)
            #expect(bodies == Array(0..<bodies.count))
            #expect(service.requests.count == bodies.count)
            #expect(text.matches(of: /(?i)connection: close/).count == 1)
        }
    }

    @Test func `what cannot be read behind a request is refused after its answer`() async throws {
        let release = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(release.futureResult, Array("first".utf8)) }
        try await withGateway(to: service) { gateway in
            async let text = TestClient.raw("GET / HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n", to: gateway.port)
            await service.requests(1)
            release.succeed()
            let statuses = try await text.matches(of: /HTTP\/1\.1 (\d+)/).map { String($0.1) }
            #expect(statuses == ["200", "400"])
        }
    }

    @Test func `a body behind a request passes whole`() async throws {
        let service = try await TestService.start { request, _ in .answer(.ok, [:], request.body) }
        try await withGateway(to: service) { gateway in
            let body = String(repeating: "b", count: 100_000)
            let text = try await TestClient.raw(
                "GET / HTTP/1.1\r\nHost: a\r\n\r\nPUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n"
                    + "Connection: close\r\n\r\n\(body)", to: gateway.port)
            #expect(text.hasSuffix("\r\n\r\n\(body)"))
            #expect(service.requests.map(\.body.count) == [0, 100_000])
        }
    }

    @Test func `a refusal behind a request that was answered at once ends the connection`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let text = try await TestClient.raw(
                "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                to: gateway.port)
            let statuses = text.matches(of: /HTTP\/1\.1 (\d+)/).map { String($0.1) }
            #expect(statuses == ["200", "400"])
            #expect(service.requests.count == 1)
        }
    }

    @Test func `a connection that closes after its answer closes when the client has all of it`() async throws {
        let body = [UInt8](repeating: 7, count: 6_000_000)
        let service = try await TestService.start { _, _ in .answer(.ok, [:], body) }
        try await withGateway(to: service) { gateway in
            let port = gateway.port
            let received = try await offPool {
                try KeepAliveClient(port: port, keepsAlive: false).slowlyUntilClosed()
            }
            #expect(received > body.count)
        }
    }

    // MARK: Draining

    @Test func `a client that goes on while the gateway drains is answered until it is told to stop`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let served = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
            // In one go, because the gateway waits for the next request for a moment only.
            async let last = offPool {
                let client = KeepAliveClient(port: gateway.port, keepsAlive: true)
                var text = try client.get()
                served.succeed()
                while text.hasPrefix("HTTP/1.1 200 "), !text.lowercased().contains("connection: close") {
                    text = try client.get()
                }
                return text
            }
            try await served.futureResult.get()
            async let stopped: Void = gateway.gateway.stop()
            let text = try await last
            #expect(text.hasPrefix("HTTP/1.1 200 "), "\(text)")
            await stopped
        }
    }

    @Test func `a drain ends when what a client has left behind is recorded`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(gate.futureResult, Array("charged".utf8)) }
        let store = MemoryStore()
        let configure = { (configuration: inout GatewayConfiguration) in configuration.drainTimeout = .seconds(3_600) }
        try await withGateway(to: service, store: store, configure: configure) { gateway in
            let leaving = Task { try await gateway.post(key: "k") }
            await service.requests(1)
            leaving.cancel()
            _ = try? await leaving.value
            async let stopped: Void = gateway.gateway.stop()
            gate.succeed()
            // Returns; a gateway that waited for the drain timeout would hang the test.
            await stopped
        }
        let other = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: other, store: store) { gateway in
            try await expectEqual(gateway.post(key: "k").text, "charged")
        }
    }

    @Test func `a connection that stays idle does not hold a drain up`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.drainTimeout = .seconds(3_600) }) { gateway in
            let client = KeepAliveClient(port: gateway.port, keepsAlive: true)
            nonisolated(unsafe) let asking = client
            _ = try await offPool { try asking.get() }
            // Returns; a gateway that waited for the client would hang the test.
            await gateway.gateway.stop()
            withExtendedLifetime(client) {}
        }
    }
}
#endif
