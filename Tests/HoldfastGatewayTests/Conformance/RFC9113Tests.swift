#if Gateway
import HoldfastGateway
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import TestSupport
import Testing

/// HTTP/2 to the letter, as ``Documentation/Conformance/RFC9113.txt`` has it: requests, responses, and the connection's end.
@Suite struct RFC9113Tests {
    private static let head = [(":method", "GET"), (":scheme", "http"), (":authority", "a.example"), (":path", "/")]

    private static func changed(_ name: String, _ value: String) -> [(String, String)] {
        head.map { $0.0 == name ? (name, value) : $0 }
    }

    /// RFC9113-8.1.1-1, RFC9113-8.1.1-2: each resets its stream, and reaches no service.
    private static let malformed: [(String, [(String, String)])] = [
        // RFC9113-8.2.1-1, RFC9113-8.2.1-2, RFC9113-8.2.1-7, RFC9113-8.2.1-8, RFC9113-8.2.1-3
        ("a name in upper case", head + [("X", "1")]), ("a space in a name", head + [("x y", "1")]),
        ("a control character in a name", head + [("x\u{7F}", "1")]), ("a name beyond ASCII", head + [("é", "1")]),
        // RFC9113-8.2.1-4
        ("a colon in a name", head + [("x:y", "1")]),
        // RFC9113-8.2.1-5
        ("NUL in a value", head + [("x", "a\u{0}b")]), ("LF in a value", head + [("x", "a\nb")]),
        ("CR in a value", head + [("x", "a\rb")]),
        // RFC9113-8.2.1-6
        ("a space before a value", head + [("x", " a")]), ("a tab behind a value", head + [("x", "a\t")]),
        // RFC9113-8.2.2-2
        ("connection", head + [("connection", "close")]), ("proxy-connection", head + [("proxy-connection", "close")]),
        ("keep-alive", head + [("keep-alive", "1")]), ("transfer-encoding", head + [("transfer-encoding", "chunked")]),
        ("upgrade", head + [("upgrade", "h2c")]),
        // RFC9113-8.2.2-3
        ("te", head + [("te", "gzip")]), ("te with trailers", head + [("te", "trailers, gzip")]),
        // RFC9113-8.3-2
        ("a status", head + [(":status", "200")]),
        // RFC9113-8.3-4
        ("an unknown pseudo-header field", [(":x", "1")] + head),
        // RFC9113-8.3-6
        ("a pseudo-header field behind another field", [("x", "1")] + head),
        // RFC9113-8.3-8
        ("two methods", [(":method", "GET")] + head), ("two paths", [(":path", "/")] + head),
        ("two schemes", [(":scheme", "http")] + head), ("two authorities", [(":authority", "a.example")] + head),
        // RFC9113-8.3.1-4
        ("another Host", head + [("host", "b.example")]),
        // RFC9113-8.3.1-8
        ("a user", changed(":authority", "user@a.example")), ("a password", changed(":authority", "u:p@a.example")),
        // RFC9113-8.3.1-10
        ("an empty path", changed(":path", "")),
        // RFC9113-8.3.1-12
        ("no method", head.filter { $0.0 != ":method" }), ("no scheme", head.filter { $0.0 != ":scheme" }),
        ("no path", head.filter { $0.0 != ":path" }),
        // RFC9113-8.5-1
        ("CONNECT with a path", changed(":method", "CONNECT")),
    ]

    @Test func `a malformed request resets its stream, and its connection goes on`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let client = try await HTTP2Client.connect(to: gateway.port)
            for (name, fields) in Self.malformed {
                let answer = try await client.open(HPACKHeaders(fields), isLast: true).answer()
                // Before it is reset, it may be answered.
                #expect(answer.reset == .protocolError || answer.status == 400, "\(name): \(answer)")
            }
            // RFC9113-10.3-1
            #expect(service.requests.isEmpty, "\(service.requests)")
            try await expectEqual(client.send("GET").status, 200)
            await client.close()
        }
    }

    @Test func `what a request says goes on as HTTP 1 has it`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let client = try await HTTP2Client.connect(to: gateway.port)
            let requests: [([(String, String)], uri: String, host: String)] = [
                // RFC9113-8.3.1-1, RFC9113-8.3.1-7
                (Self.head + [("host", "A.example")], "/", "a.example"),
                // RFC9113-8.3.1-9
                (Self.head.filter { $0.0 != ":authority" } + [("host", "b.example")], "/", "b.example"),
                // RFC9113-8.3.1-11
                ([(":method", "OPTIONS")] + Self.changed(":path", "*").dropFirst(), "*", "a.example"),
                // RFC9113-8.2.3-1
                (
                    Self.head + [("cookie", "a=1"), ("x", "1"), ("cookie", "b=2; c=3"), ("te", "trailers")], "/",
                    "a.example"
                ),
            ]
            for (fields, uri, host) in requests {
                let answer = try await client.open(HPACKHeaders(fields), isLast: true).answer()
                #expect(answer.status == 200, "\(fields): \(answer)")
                let seen = service.requests.last
                #expect(seen?.uri == uri && seen?.headers["host"] == [host], "\(fields): \(String(describing: seen))")
            }
            #expect(service.requests.last?.headers["cookie"] == ["a=1; b=2; c=3"])
            await client.close()
        }
    }

    @Test func `each response has its status first, names in lower case, and nothing about a connection`() async throws
    {
        try await withBytesService { gateway, service in
            let about = "Connection: X-Named\r\nX-Named: 1\r\nKeep-Alive: 1\r\nProxy-Connection: x\r\nUpgrade: x\r\n"
            service.answer(
                "HTTP/1.1 103 Early\r\nX-UPPER: 1\r\n\(about)\r\n"
                    + "HTTP/1.1 200 OK\r\nX-UPPER: 2\r\n\(about)Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
            let opening = HTTP2Frames.preface + HTTP2Frames.get(on: 1)
            let frames = try await HTTP2Frames.exchange(opening, to: gateway.port) { frame in
                frame.stream == 1 && frame.endsStream ? HTTP2Frames.frame(0, flags: 0, stream: 0, [1]) : []
            }
            var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
            var heads: [[(String, String)]] = []
            for frame in frames where frame.kind == .headers {
                var block = ByteBuffer(bytes: frame.payload)
                heads.append(try decoder.decodeHeaders(from: &block).map { ($0.name, $0.value) })
            }
            // RFC9113-8.3.2-1, RFC9113-8.3-1, RFC9113-8.3-5, RFC9113-8.3-7
            #expect(heads.map { $0.first?.1 } == ["103", "200"], "\(heads)")
            for head in heads {
                #expect(head.filter { $0.0.hasPrefix(":") }.map(\.0) == [":status"], "\(head)")
                // RFC9113-8.2-1
                #expect(head.contains { $0.0 == "x-upper" } && head.allSatisfy { $0.0 == $0.0.lowercased() }, "\(head)")
                // RFC9113-8.2.2-1, RFC9113-8.2.2-4, RFC9113-10.3-2
                let about = ["connection", "x-named", "keep-alive", "proxy-connection", "upgrade", "transfer-encoding"]
                #expect(!head.contains { about.contains($0.0) }, "\(head)")
            }
        }
    }

    // MARK: The connection

    @Test func `a preface without settings ends the connection`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            // RFC9113-3.4-4
            let opening = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + HTTP2Frames.get(on: 1)
            let frames = try await HTTP2Frames.exchange(opening, to: gateway.port) { _ in [] }
            #expect(frames.first { $0.kind == .goAway }?.payload[7] == 1, "\(frames)")
            #expect(service.requests.isEmpty)
        }
    }

    @Test func `a connection that nobody uses is told that it ends`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.idleTimeout = .milliseconds(50) }) { gateway in
            // RFC9113-5.4.1-3, RFC9113-9.1-3, RFC9113-6.8-5, RFC9113-6.8-6: twice, and the second time no later stream.
            let opening = HTTP2Frames.preface + HTTP2Frames.get(on: 1)
            let frames = try await HTTP2Frames.exchange(opening, to: gateway.port) { frame in
                frame.kind == .ping ? HTTP2Frames.frame(6, flags: 1, stream: 0, frame.payload) : []
            }
            let farewells = frames.filter { $0.kind == .goAway }.map(\.payload)
            #expect(farewells == [[0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0, 0]], "\(frames)")
        }
    }

    @Test func `a client that takes leave is told so, and what it has begun is answered`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.idleTimeout = .milliseconds(50) }) { gateway in
            // RFC9113-6.8-3, RFC9113-7-1: for a reason that nobody knows.
            let goAway = HTTP2Frames.frame(7, flags: 0, stream: 0, [0, 0, 0, 0, 0, 0, 0, 0xFF])
            let frames = try await HTTP2Frames.exchange(
                HTTP2Frames.preface + HTTP2Frames.get(on: 1) + goAway, to: gateway.port
            ) { frame in
                frame.kind == .ping ? HTTP2Frames.frame(6, flags: 1, stream: 0, frame.payload) : []
            }
            #expect(frames.contains { $0.stream == 1 && $0.endsStream }, "\(frames)")
            #expect(frames.contains { $0.kind == .goAway }, "\(frames)")
        }
    }

    @Test func `what comes on a stream that was reset counts for the connection's window`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            // RFC9113-6.9-4, RFC9113-6.9.1-2
            let block = HTTP2Frames.get + [0, 1, 0x58, 1, 0x31]
            let piece = HTTP2Frames.frame(0, flags: 0, stream: 1, Array(repeating: 1, count: 16_000))
            let frames = try await HTTP2Frames.exchange(
                HTTP2Frames.preface + HTTP2Frames.frame(1, flags: 4, stream: 1, block)
                    + (0..<4).flatMap { _ in piece }, to: gateway.port
            ) { frame in
                switch (frame.kind, frame.stream) {
                // The window is wider by now: what it was widened by, and what the pieces took of it.
                case (.rstStream, 1): (0..<8).flatMap { _ in piece } + HTTP2Frames.get(on: 3)
                default: frame.stream == 3 && frame.endsStream ? HTTP2Frames.frame(0, flags: 0, stream: 0, [1]) : []
                }
            }
            let updates = frames.filter { $0.kind == .windowUpdate && $0.stream == 0 }
            let widened = updates.map { $0.payload.reduce(0) { $0 << 8 | Int($1) } }
            #expect(widened.count > 1 && widened.allSatisfy { (1...(1 << 20)).contains($0) }, "\(widened)")
            #expect(frames.contains { $0.stream == 3 && $0.endsStream }, "\(frames)")
        }
    }
}
#endif
