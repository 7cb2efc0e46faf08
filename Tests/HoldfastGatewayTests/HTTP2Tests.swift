#if Gateway
import HoldfastGateway
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import TestSupport
import Testing

@Suite struct HTTP2Tests {
    /// Runs the body with a gateway in front of a service, and a client of it.
    private func withClient(
        _ reply: @escaping @Sendable (TestService.Request, Int) -> TestService.Reply = { _, _ in .ok() },
        window: Int = 65_535, configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (HTTP2Client, TestService, RunningGateway) async throws -> Void
    ) async throws {
        let service = try await TestService.start(reply)
        try await withGateway(to: service, configure: configure) { gateway in
            let client = try await HTTP2Client.connect(to: gateway.port, window: window)
            try await body(client, service, gateway)
            await client.close()
        }
    }

    @Test func `bodies pass byte exact in both directions, with and without a length`() async throws {
        try await withClient({ request, _ in .answer(.ok, [:], request.body) }) { client, service, _ in
            for size in [1, 300_000] {
                let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                for fields in [[], [("content-length", "\(size)")]] {
                    let pieces = stride(from: 0, to: size, by: 10_000).map { Array(body[$0..<min(size, $0 + 10_000)]) }
                    let answer = try await client.send("PUT", "/x?a=%20b", fields, body: pieces)
                    #expect(answer.status == 200 && answer.isWhole && answer.reset == nil)
                    #expect(isSame(answer.body, body))
                    #expect(service.requests.last?.headers.contains(name: "transfer-encoding") == fields.isEmpty)
                }
            }
            #expect(service.requests.last?.uri == "/x?a=%20b")
        }
    }

    @Test func `the service hears HTTP 1 with the authority as its host`() async throws {
        try await withClient { client, service, _ in
            let cookies = [("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers"), ("x-kept", "1")]
            try await expectEqual(client.send("GET", "/", cookies).status, 200)
            let seen = try #require(service.requests.first).headers
            #expect(seen["host"] == ["shop.example"])
            #expect(seen["cookie"] == ["a=1; b=2"])
            #expect(seen["via"] == ["2 holdfast"])
            #expect(seen["x-forwarded-proto"] == ["http"])
            #expect(seen["x-forwarded-for"] == ["127.0.0.1"])
            #expect(seen["x-kept"] == ["1"])
            for name in ["te", "transfer-encoding", "content-length"] { #expect(!seen.contains(name: name)) }
        }
    }

    @Test func `no field of a connection reaches the client, and names are in lower case`() async throws {
        let fields = ["Connection": "X-Private", "X-Private": "1", "Keep-Alive": "1", "X-Kept": "1"]
        try await withClient({ _, _ in .answer(.ok, .init(Array(fields)), [1]) }) { client, _, _ in
            let answer = try await client.send("GET")
            for name in ["connection", "keep-alive", "x-private", "transfer-encoding"] {
                #expect(!answer.fields.contains(name: name), "\(name) crossed")
            }
            #expect(answer.fields.map(\.name).contains("x-kept"))
        }
    }

    @Test(arguments: [("HEAD", 200), ("GET", 204), ("GET", 304)])
    func `an answer without a body ends with its head`(method: String, status: Int) async throws {
        try await withClient({ _, _ in .answer(.init(statusCode: status), [:], []) }) { client, _, _ in
            let answer = try await client.send(method)
            #expect(answer.status == status && answer.isWhole && answer.body.isEmpty)
        }
    }

    @Test func `the gateway's own answer leaves the connection open for the next request`() async throws {
        try await withClient({ _, _ in .reset }) { client, service, _ in
            let answer = try await client.send("POST", body: [[1]])
            #expect(answer.status == 502)
            #expect(answer.fields.first(name: "content-type") == "application/problem+json")
            service.reply { _, _ in .ok() }
            try await expectEqual(client.send("GET").status, 200)
        }
    }

    @Test func `a key is honoured as on HTTP 1`() async throws {
        try await withClient { client, service, gateway in
            try await expectEqual(client.send("POST", "/charges", [("idempotency-key", "k")], body: [[1]]).text, "ok")
            let replay = try await client.send("POST", "/charges", [("idempotency-key", "k")], body: [[1]])
            #expect(replay.fields.first(name: "idempotent-replayed") == "true")
            #expect(service.requests.count == 1)
        }
    }

    @Test func `an answer that breaks off resets its stream and no other`() async throws {
        try await withClient({ _, _ in .breakOff([1, 2]) }) { client, service, _ in
            let answer = try await client.send("GET")
            #expect(answer.reset == .internalError)
            #expect(!answer.isWhole)
            service.reply { _, _ in .ok() }
            try await expectEqual(client.send("GET").text, "ok")
        }
    }

    @Test func `an answer before the request's end is whole and then the rest is declined`() async throws {
        let tooLarge = { (configuration: inout GatewayConfiguration) in configuration.routes[0].keptBytes = 10 }
        try await withClient(configure: tooLarge) { client, service, _ in
            let stream = try await client.open(
                HTTP2Client.fields("POST", "/", [("idempotency-key", "k"), ("content-length", "100")]), isLast: false)
            let answer = try await stream.answer()
            #expect(answer.status == 413)
            #expect(answer.reset == .noError)
            #expect(answer.body.count > 0)
            try await expectEqual(client.send("GET").text, "ok")
        }
    }

    @Test func `a client that cancels its stream ends the call and nothing else`() async throws {
        let release = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        try await withClient({ request, _ in
            request.uri == "/slow" ? .held(release.futureResult, []) : .ok()
        }) { client, service, _ in
            let slow = try await client.open(HTTP2Client.fields("GET", "/slow"), isLast: true)
            await service.requests(1)
            slow.reset()
            try await expectEqual(client.send("GET").text, "ok")
            release.succeed()
        }
    }

    @Test func `streams are answered beside each other`() async throws {
        let release = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        try await withClient({ request, _ in
            request.uri == "/slow" ? .held(release.futureResult, Array("slow".utf8)) : .ok()
        }) { client, service, _ in
            let slow = try await client.open(HTTP2Client.fields("GET", "/slow"), isLast: true)
            await service.requests(1)
            try await expectEqual(client.send("GET").text, "ok")
            release.succeed()
            try await expectEqual(slow.answer().text, "slow")
        }
    }

    @Test func `a client that reads slowly holds the service back and gets all`() async throws {
        let body = [UInt8](repeating: 7, count: 200_000)
        try await withClient({ _, _ in .answer(.ok, [:], body) }, window: 1_000) { client, service, _ in
            let first = try await client.send("GET").body
            #expect(isSame(first, body))
            // The connection to the service is as good as new: held reads would have the next one time out.
            let second = try await client.send("GET").body
            #expect(isSame(second, body))
            #expect(service.requests.count == 2)
        }
    }

    @Test func `a connection that idles is told and closed`() async throws {
        try await withClient(configure: { $0.idleTimeout = .milliseconds(50) }) { client, _, _ in
            try await expectEqual(client.send("GET").status, 200)
            await client.closed()
            #expect(client.goAways.last?.code == .noError)
        }
    }

    @Test func `a drain tells the client, ends what is open, and closes`() async throws {
        let release = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        try await withClient({ _, _ in .held(release.futureResult, Array("held".utf8)) }) { client, service, gateway in
            let open = try await client.open(HTTP2Client.fields("GET", "/"), isLast: true)
            await service.requests(1)
            async let stopped: Void = gateway.gateway.stop()
            await client.goAways(2)
            release.succeed()
            let answer = try await open.answer()
            #expect(answer.text == "held" && answer.isWhole, "\(answer)")
            await client.closed()
            #expect(client.goAways.map(\.code) == [.noError, .noError])
            #expect(client.goAways.map(\.last) == [.maxID, 1])
            await stopped
        }
    }

    @Test func `a listener without HTTP 2 does not speak it`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.listeners[0].http2 = false }) { gateway in
            let text = try await TestClient.raw("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 400 "), "\(text.prefix(60))")
        }
    }

    @Test func `a preface that stops halfway is cut`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.headerTimeout = .milliseconds(50) }) { gateway in
            try await expectEqual(TestClient.raw("PRI * HT", to: gateway.port), "")
        }
    }
}
#endif
