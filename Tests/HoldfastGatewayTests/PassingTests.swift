#if Gateway
import Holdfast
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

@Suite struct PassingTests {
    @Test func `bodies pass byte exact in both directions`() async throws {
        let service = try await TestService.start { request, _ in .answer(.ok, [:], request.body) }
        try await withGateway(to: service) { gateway in
            for size in [0, 1, 70_000, 3_000_000] {
                let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                let answer = try await TestClient.send(.PUT, "/x?a=%20b", to: gateway.port, body: body)
                #expect(answer.status == 200)
                #expect(answer.body == body)
            }
            #expect(service.requests.last?.uri == "/x?a=%20b")
        }
    }

    @Test(arguments: [HTTPMethod.GET, .HEAD, .OPTIONS, .DELETE, .PATCH, .RAW(value: "REPORT")])
    func `any method passes`(method: HTTPMethod) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            try await expectEqual(TestClient.send(method, "/", to: gateway.port).status, 200)
            #expect(service.requests.first?.method == method)
        }
    }

    @Test func `no hop by hop field crosses and the forwarded ones are set`() async throws {
        let service = try await TestService.start { _, _ in
            .answer(.ok, ["Connection": "X-Private", "X-Private": "1", "Keep-Alive": "1", "X-Kept": "1"], [])
        }
        try await withGateway(to: service) { gateway in
            let answer = try await TestClient.send(
                .GET, "/", to: gateway.port,
                headers: [
                    "host": "shop.example", "connection": "x-mine", "x-mine": "1", "te": "trailers",
                    "x-forwarded-for": "10.0.0.1", "x-kept": "1",
                ])
            let seen = try #require(service.requests.first).headers
            for name in ["connection", "x-mine", "te"] { #expect(!seen.contains(name: name), "\(name) crossed") }
            #expect(seen.first(name: "x-kept") == "1")
            #expect(seen.first(name: "host") == "shop.example")
            #expect(seen["x-forwarded-for"] == ["127.0.0.1"])
            #expect(seen.first(name: "x-forwarded-host") == "shop.example")
            #expect(seen.first(name: "via") == "1.1 holdfast")
            for name in ["x-private", "keep-alive"] { #expect(!answer.headers.contains(name: name), "\(name) crossed") }
            #expect(answer.headers.first(name: "x-kept") == "1")
        }
    }

    // RFC9112-9.3.2-1
    @Test func `pipelined requests are answered in order`() async throws {
        let service = try await TestService.start { request, _ in .ok(request.uri) }
        try await withGateway(to: service) { gateway in
            let text = try await TestClient.raw(
                "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"
                    + "GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", to: gateway.port)
            let bodies = text.matches(of: /\r\n\r\n(\/\d)/).map { String($0.1) }
            #expect(bodies == ["/1", "/2", "/3"])
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rX: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{B}chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \r\n\r\nx",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\u{0}: 1\r\n\r\n",
        "nonsense\r\n\r\n",
    ])
    func `what can be read in two ways is refused and the connection closes`(request: String) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let text = try await TestClient.raw(request, to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 400 "), "\(text.prefix(60))")
            #expect(service.requests.isEmpty)
        }
    }

    @Test func `a bad chunk size never reaches the service as a request`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let text = try await TestClient.raw(
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
                to: gateway.port)
            #expect(!text.contains("200 OK"))
            #expect(service.requests.isEmpty)
        }
    }

    @Test func `too many header bytes are refused`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let big = String(repeating: "x", count: 9_000)
            let text = try await TestClient.raw(
                "GET / HTTP/1.1\r\nHost: a\r\nA: \(big)\r\nB: \(big)\r\n\r\n", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 431 "), "\(text.prefix(60))")
        }
    }

    /// RFC9112-3-2
    @Test(arguments: [
        ("GET /\(String(repeating: "x", count: 20_000)) HTTP/1.1\r\nHost: a\r\n\r\n", "414"),
        ("GET /\(String(repeating: "x", count: 200_000)) HTTP/1.1\r\nHost: a\r\n\r\n", "414"),
        // Without an end as well, and whatever it is that is long.
        ("GET /?\(String(repeating: "x", count: 30_000))", "414"),
        ("GET http://\(String(repeating: "x", count: 30_000))/ HTTP/1.1\r\n\r\n", "414"),
        ("\(String(repeating: "X", count: 30_000)) / HTTP/1.1\r\n\r\n", "414"),
        (
            "GET /\(String(repeating: "x", count: 9_000)) HTTP/1.1\r\nHost: a\r\nA: \(String(repeating: "x", count: 9_000))\r\n\r\n",
            "431"
        ),
        ("GET / HTTP/1.1\r\nHost: a\r\nA: \(String(repeating: "x", count: 30_000))", "431"),
        ("GET /\(String(repeating: "x", count: 9_000)) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "200"),
    ])
    func `a target that is too long is told from fields that are`(request: String, status: String) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let text = try await TestClient.raw(request, to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text.prefix(60))")
        }
    }

    @Test func `a client that is slow with its headers is cut`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.headerTimeout = .milliseconds(50) }) { gateway in
            // Returns because the gateway closes; a gateway that waited would hang the test.
            try await expectEqual(TestClient.raw("GET / HTTP/1.1\r\nHost:", to: gateway.port), "")
        }
    }

    // RFC9112-9.5-3
    @Test func `a connection whose last answer was more than the client could take serves the next`() async throws {
        let large = [UInt8](repeating: 7, count: 1 << 20)
        let service = try await TestService.start { _, _ in .answer(.ok, [:], large) }
        try await withGateway(to: service, configure: { $0.routes[0].streamTimeout = .seconds(5) }) { gateway in
            for _ in 0..<4 {
                let answer = try await gateway.get()
                #expect(answer.status == 200)
                #expect(answer.body == large)
            }
        }
    }

    @Test func `a client cannot have the length of its body withheld from the service`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
            let text = try await TestClient.raw(
                "POST / HTTP/1.1\r\nHost: a\r\nConnection: close, content-length\r\n"
                    + "Content-Length: \(smuggled.utf8.count)\r\n\r\n\(smuggled)", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 200 "))
            #expect(service.requests.map(\.uri) == ["/"])
            #expect(service.requests.first?.body == Array(smuggled.utf8))
        }
    }

    @Test func `a body is asked for only when nothing rejects the request`() async throws {
        let service = try await TestService.start { _, _ in .status(.internalServerError) }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.routes[0].bodyLimit = 4
                configuration.routes[0].rateLimit = .init(requests: 5)
                configuration.routes[0].rateLimit?.per = .seconds(3_600)
            }
        ) { gateway in
            func post(_ body: String) async throws -> String {
                try await TestClient.raw(
                    "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n"
                        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)", to: gateway.port)
            }
            // The breaker opens after three; the rate is used up after five.
            for _ in 0..<3 {
                let text = try await post("body")
                #expect(text.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 "), "\(text)")
            }
            for (body, status) in [("body", 503), ("large", 413), ("body", 429)] {
                let text = try await post(body)
                #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text)")
            }
        }
    }

    @Test(arguments: ["000", "007", "099"])
    func `an answer whose status is none reaches nobody`(status: String) async throws {
        let service = try await WebSocketService.start("HTTP/1.1 \(status) What\r\nContent-Length: 2\r\n\r\nno")
        let unused = try await TestService.start { _, _ in .ok() }
        let change = { (configuration: inout GatewayConfiguration) in
            configuration.services[0].endpoints = [.init(address: .init(host: "127.0.0.1", port: service.port))]
            configuration.routes[0].retry.attempts = 1
        }
        try await withGateway(to: unused, configure: change) { gateway in
            try await expectEqual(gateway.get().status, 502)
        }
        await service.stop()
    }

    @Test func `what comes before the answer reaches who asked without a key, and not who speaks HTTP 1 0`()
        async throws
    {
        let early = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nContent-Length: 9\r\nConnection: x\r\nX: 1\r\n\r\n"
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
        let service = try await WebSocketService.start("HTTP/1.1 100 Continue\r\n\r\n\(early)\(early)\(answer)")
        let unused = try await TestService.start { _, _ in .ok() }
        let change = { (configuration: inout GatewayConfiguration) in
            configuration.services[0].endpoints = [.init(address: .init(host: "127.0.0.1", port: service.port))]
        }
        let passed = "HTTP/1.1 103 \r\nLink: </a.css>\r\n\r\n"
        try await withGateway(to: unused, configure: change) { gateway in
            func ask(_ head: String) async throws -> String {
                try await TestClient.raw("\(head)\r\nHost: a\r\nConnection: close\r\n\r\n", to: gateway.port)
            }
            let whole = try await ask("GET / HTTP/1.1")
            #expect(whole.hasPrefix("\(passed)\(passed)HTTP/1.1 200 OK\r\n"))
            #expect(whole.hasSuffix("\r\n\r\nok"))
            try await #expect(ask("GET / HTTP/1.0").hasPrefix("HTTP/1.1 200 OK\r\n"))
            try await #expect(
                ask("POST / HTTP/1.1\r\nIdempotency-Key: k\r\nContent-Length: 0").hasPrefix("HTTP/1.1 200 OK\r\n"))
        }
        await service.stop()
    }
}
#endif
