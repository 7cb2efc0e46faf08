#if Gateway
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

/// HTTP/1.1 to the letter, as ``Documentation/Conformance/RFC9112.txt`` has it: requests.
@Suite struct RFC9112Tests {
    private static let post = "POST / HTTP/1.1\r\nHost: a\r\n"
    private static let chunked = "\(post)Transfer-Encoding: chunked\r\n\r\n"

    /// What each is answered with before the connection closes.
    private static let refused: [(status: Int, requests: [String])] = [
        // RFC9112-2.2-3: a CR alone.
        (400, ["GET / HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"]),
        // RFC9112-2.2-8: white space in front of the first field.
        (400, ["GET / HTTP/1.1\r\n Host: a\r\n\r\n", "GET / HTTP/1.1\r\n\tX: 1\r\nHost: a\r\n\r\n"]),
        // RFC9112-2.2-9: no HTTP at all.
        (400, ["nonsense\r\n\r\n", "\u{0}\u{1}\u{2}\u{3}\r\n\r\n", "GET\r\n\r\n", "GET / FTP/1.1\r\nHost: a\r\n\r\n"]),
        // RFC9112-3.2-1, RFC9112-3.2-2: an invalid request line is not corrected.
        (
            400,
            [
                "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET a HTTP/1.1\r\nHost: a\r\n\r\n", "GE T / HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET /\u{7F} HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n",
            ]
        ),
        // RFC9112-3.2-6: not one Host.
        (
            400,
            [
                "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
                "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: u:p@a\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n",
            ]
        ),
        // RFC9112-5.1-1: white space in front of the colon.
        (400, ["GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX\t: 1\r\n\r\n"]),
        // RFC9112-5.2-2: a folded field.
        (400, ["GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n"]),
        // RFC9112-6.1-10, RFC9112-6.3-2: two lengths, of which one is told by chunks.
        (
            400,
            [
                "\(post)Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "\(post)Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n",
            ]
        ),
        // RFC9112-6.1-11: HTTP/1.0 has no transfer coding.
        (400, ["POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]),
        // RFC9112-6.3-3: chunked is not the last coding.
        (
            400,
            [
                "\(post)Transfer-Encoding: identity\r\n\r\n", "\(post)Transfer-Encoding: chunked, identity\r\n\r\n",
                "\(post)Transfer-Encoding: xchunked\r\n\r\n",
            ]
        ),
        // RFC9112-6.3-4, RFC9112-6.3-5: no length.
        (
            400,
            ["", "x", "-1", "+1", "1.0", "0x1", "1 1", "1;1", "1,2", "18446744073709551616"].map {
                "\(post)Content-Length: \($0)\r\n\r\nx"
            } + ["\(post)Content-Length: 1\r\nContent-Length: 2\r\n\r\nx"]
        ),
        // RFC9112-7.1-2: a chunk that no integer counts.
        (400, ["\(chunked)10000000000000000\r\nx\r\n0\r\n\r\n", "\(chunked)FFFFFFFFFFFFFFFFFF\r\nx\r\n0\r\n\r\n"]),
        // RFC9112-7.1-3: parameters behind chunked.
        (400, ["\(post)Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"]),
    ]

    @Test func `what breaks the rules is answered as they say, its connection closes, and no service sees it`()
        async throws
    {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            for (status, requests) in Self.refused {
                for request in requests {
                    let text = try await TestClient.raw(request, to: gateway.port)
                    #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(request.debugDescription): \(text.prefix(80))")
                    // RFC9112-9.6-1: whoever is about to close says so.
                    #expect(text.contains("\r\nconnection: close\r\n"), "\(request.debugDescription)")
                }
            }
            #expect(service.requests.isEmpty, "\(service.requests)")
        }
    }

    /// What a service sees of each: the target, the Host, and the body.
    private static let served: [(request: String, uri: String, host: String, body: String)] = [
        // RFC9112-2.2-6: an empty line in front.
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n", "/", "a", ""),
        // RFC9112-3-3: 8,000 bytes of request line.
        (
            "GET /\(String(repeating: "a", count: 8_000)) HTTP/1.1\r\nHost: a\r\n",
            "/" + String(repeating: "a", count: 8_000), "a", ""
        ),
        // RFC9112-3.2.1-1, RFC9112-3.2.2-3, RFC9112-3.2.2-4, RFC9112-3.2.2-6, RFC9110-7.7-1: an absolute target, and another Host.
        ("GET http://b.example/c?d=e HTTP/1.1\r\nHost: a\r\n", "/c?d=e", "b.example", ""),
        // RFC9112-3.2.1-2: an absolute target without a path.
        ("GET http://b.example HTTP/1.1\r\nHost: a\r\n", "/", "b.example", ""),
        ("GET http://b.example?d=e HTTP/1.1\r\nHost: a\r\n", "/?d=e", "b.example", ""),
        // RFC9112-3.2.4-1: the server as a whole.
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n", "*", "a", ""),
        // RFC9112-3.2.4-2
        ("OPTIONS http://b.example HTTP/1.1\r\nHost: a\r\n", "*", "b.example", ""),
        // RFC9112-6.1-1, RFC9112-7.1-1: chunks.
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nConnection: close\r\n\r\n"
                + "3\r\nabc\r\n00D\r\n0123456789def\r\n0\r\n", "/", "a", "abc0123456789def"
        ),
        // RFC9112-7.1.1-1: extensions of chunks.
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                + "3;a=b\r\nabc\r\n2;c=\"d\";e\r\nde\r\n0;f\r\n", "/", "a", "abcde"
        ),
    ]

    @Test func `what the rules allow reaches the service as it was meant`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            for (request, uri, host, body) in Self.served {
                let hasBody = request.hasPrefix("POST")
                let text = try await TestClient.raw(
                    request + (hasBody ? "\r\n" : "Connection: close\r\n\r\n"), to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 200 "), "\(request.prefix(80).debugDescription): \(text.prefix(80))")
                let seen = try #require(service.requests.last)
                #expect(seen.uri == uri)
                #expect(seen.headers["host"] == [host])
                #expect(seen.body == Array(body.utf8))
            }
        }
    }

    @Test func `trailer fields stay out of the header`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            // RFC9112-7.1.2-1, RFC9112-7.1.2-2
            let text = try await TestClient.raw(
                Self.chunked + "1\r\nx\r\n0\r\nHost: b\r\nX-Trailer: 1\r\nContent-Length: 9\r\n\r\n"
                    + "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", to: gateway.port)
            #expect(text.matches(of: #/HTTP/1\.1 200 /#).count == 2)
            let headers = try #require(service.requests.first).headers
            #expect(headers["host"] == ["a"] && headers["content-length"].isEmpty && headers["x-trailer"].isEmpty)
        }
    }

    @Test func `nothing behind a request that is the last of its connection is served`() async throws {
        let service = try await TestService.start { request, _ in .ok(request.uri) }
        try await withGateway(to: service) { gateway in
            let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
            // RFC9112-9.6-3, RFC9112-9.6-4, RFC9112-9.6-5: the client says so.
            let asked = try await TestClient.raw(
                "GET /last HTTP/1.1\r\nHost: a\r\nConnection: Close\r\n\r\n" + next, to: gateway.port)
            #expect(asked.hasPrefix("HTTP/1.1 200 ") && asked.hasSuffix("\r\n\r\n/last"))
            #expect(asked.contains("\r\nconnection: close\r\n"))
            // RFC9112-9.6-6, RFC9112-9.6-7: the gateway says so.
            let told = try await TestClient.raw("GET a HTTP/1.1\r\nHost: a\r\n\r\n" + next, to: gateway.port)
            #expect(told.hasPrefix("HTTP/1.1 400 ") && told.matches(of: #/HTTP/1\.1 /#).count == 1)
            #expect(service.requests.map(\.uri) == ["/last"])
        }
    }

    @Test func `an answer that comes before the body is whole ends the connection`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.routes[0].bodyLimit = 4 }) { gateway in
            // RFC9112-9.3-4: what is left of the body would be read as the next request.
            let text = try await TestClient.raw(
                "\(Self.post)Content-Length: 40\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 413 ") && text.contains("\r\nconnection: close\r\n"))
            #expect(service.requests.isEmpty)
        }
    }

    @Test func `a request that ends before its length is no request`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            // RFC9112-6.3-8: the second time under a key, and the third in chunks.
            for request in [
                "\(Self.post)Content-Length: 9\r\n\r\nabc",
                "\(Self.post)Idempotency-Key: k\r\nContent-Length: 9\r\n\r\nabc", "\(Self.chunked)3\r\nabc\r\n",
            ] {
                try await RawClient.sendAndLeave(request, to: gateway.port)
            }
            try await expectEqual(gateway.get("/after").status, 200)
            #expect(service.requests.map(\.uri) == ["/after"])
        }
    }

    @Test func `a client of HTTP 1 0 gets what it can read`() async throws {
        let service = try await TestService.start { _, _ in
            .answer(.ok, ["transfer-encoding": "chunked"], Array("whole".utf8))
        }
        try await withGateway(to: service) { gateway in
            // RFC9112-2.3-1, RFC9112-6.1-9, RFC9110-6.2-3, RFC9110-6.2-4: the gateway's own version, and no chunks.
            let old = try await TestClient.raw("GET / HTTP/1.0\r\nHost: a\r\n\r\n", to: gateway.port)
            #expect(old.hasPrefix("HTTP/1.1 200 ") && old.hasSuffix("\r\n\r\nwhole"))
            #expect(!old.contains("transfer-encoding"))
            let new = try await TestClient.raw(
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", to: gateway.port)
            #expect(new.hasSuffix("\r\n\r\n5\r\nwhole\r\n0\r\n\r\n"))
        }
    }
}
#endif
