#if Gateway
import Foundation
import HoldfastGateway
import NIOHPACK
import NIOHTTP1
import TestSupport
import Testing

/// HTTP's semantics to the letter, as ``Documentation/Conformance/RFC9110.txt`` has them: fields.
@Suite struct RFC9110FieldTests {
    /// What a client says of its request, and whom the gateway leaves it to.
    private static let request: [(String, String)] = [
        // RFC9110-5.1-1, RFC9110-5.1-2: unknown ones. RFC9110-5.3-1: in their order.
        ("x-unknown", "1"), ("x-twice", "b"), ("x-other", ""), ("x-twice", "a"),
        // RFC9110-10.1.3-5, RFC9110-11.6.2-1
        ("referer", "http://127.0.0.1/a?b"), ("authorization", "Basic QTpC"),
        // RFC9110-13.2.1-3: no condition is evaluated.
        ("if-match", "\"a\", W/\"b\""), ("if-none-match", "*"), ("if-modified-since", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("if-unmodified-since", "Sun, 06 Nov 1994 08:49:37 GMT"), ("if-range", "\"a\""), ("range", "bytes=0-1,-5"),
        // RFC9111-5.2-1
        ("cache-control", "no-cache, max-age=0, no-transform, only-if-cached, x=\"y\""), ("pragma", "no-cache"),
        // RFC9110-7.7-4
        ("accept", "text/html;q=0.5, */*;q=0.1"), ("accept-encoding", "gzip, br;q=0"), ("accept-language", "de"),
        ("user-agent", "test/1.0 (a; b)"), ("from", "a@b.example"), ("content-location", "/c"),
        ("content-encoding", "gzip"), ("content-language", "de"), ("content-type", "text/plain; charset=\"utf-8\""),
        ("cookie", "a=b; c=d"), ("origin", "http://a"), ("accept-charset", "utf-8"),
    ]

    /// What a service says of its answer.
    private static let response: [(String, String)] = [
        // RFC9110-5.1-1, RFC9110-5.3-1
        ("x-unknown", "1"), ("set-cookie", "b=1; Path=/"), ("x-other", ""), ("set-cookie", "a=2"),
        // RFC9110-10.2.1-2, RFC9110-11.6.1-2
        ("allow", "GET, BREW"), ("www-authenticate", "Basic realm=\"a\", Digest realm=\"b\", nonce=\"c\""),
        ("www-authenticate", "Bearer"), ("authentication-info", "nextnonce=\"d\""),
        // RFC9111-5.2-1, RFC9111-5.2.2.6-1
        ("cache-control", "no-transform, private=\"x\", max-age=5"), ("expires", "0"), ("age", "7"), ("vary", "*"),
        // RFC9110-7.7-4
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("server", "a/1"), ("etag", "W/\"a\""), ("accept-ranges", "bytes"),
        ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT"), ("content-location", "/c"), ("location", "/d#e"),
        ("content-encoding", "gzip"), ("content-language", "de"), ("content-type", "text/plain"), ("retry-after", "1"),
        ("warning", "110 - stale"), ("content-range", "bytes 0-1/9"),
    ]

    @Test func `fields that are not about a connection cross as they came, over HTTP 1`() async throws {
        let service = try await TestService.start { _, _ in .answer(.ok, HTTPHeaders(Self.response), [0, 1, 2]) }
        try await withGateway(to: service) { gateway in
            let answer = try await TestClient.send(
                .PUT, "/", to: gateway.port, headers: HTTPHeaders(Self.request), body: [0x1F, 0x8B, 0])
            let seen = try #require(service.requests.last)
            for (name, _) in Self.request {
                let sent = Self.request.filter { $0.0 == name }.map(\.1)
                #expect(seen.headers[name] == sent, "\(name)")
            }
            for (name, _) in Self.response {
                let sent = Self.response.filter { $0.0 == name }.map(\.1)
                #expect(answer.headers[name] == sent, "\(name)")
            }
            // RFC9110-7.7-3: neither is what they are about.
            #expect(seen.body == [0x1F, 0x8B, 0] && answer.body == [0, 1, 2])
        }
    }

    @Test func `fields that are not about a connection cross as they came, over HTTP 2`() async throws {
        let service = try await TestService.start { _, _ in .answer(.ok, HTTPHeaders(Self.response), [0, 1, 2]) }
        try await withGateway(to: service) { gateway in
            let client = try await HTTP2Client.connect(to: gateway.port)
            let answer = try await client.send("PUT", "/", Self.request, body: [[0x1F, 0x8B, 0]])
            let seen = try #require(service.requests.last)
            for (name, _) in Self.request {
                #expect(seen.headers[name] == Self.request.filter { $0.0 == name }.map(\.1), "\(name)")
            }
            for (name, _) in Self.response {
                #expect(answer.fields[name] == Self.response.filter { $0.0 == name }.map(\.1), "\(name)")
            }
            #expect(seen.body == [0x1F, 0x8B, 0] && answer.body == [0, 1, 2])
            await client.close()
        }
    }

    @Test func `what the gateway adds is what a gateway says, once, and of nobody else`() async throws {
        try await withBytesService { gateway, service in
            service.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            let text = try await TestClient.raw(
                "GET /a HTTP/1.1\r\nHost: a\r\nVia:\r\nX-Forwarded-For:\r\nConnection: close\r\n\r\n", to: gateway.port)
            let head = service.received.components(separatedBy: "\r\n").dropFirst().prefix { !$0.isEmpty }
            let names = head.map { $0.prefix { $0 != ":" } }
            // RFC9110-5.3-2
            #expect(Set(names).count == names.count, "\(head)")
            // RFC9110-5.6.1.1-1: not even behind an empty value.
            #expect(!head.contains { $0.contains(/: ,|, ,|,$/) }, "\(head)")
            // RFC9110-7.6.3-2, RFC9110-5.6.3-1, RFC9110-5.6.3-2, RFC9110-5.6.3-3
            #expect(head.contains("via: 1.1 holdfast"), "\(head)")
            // RFC9110-9.3.7-2, RFC9110-6.5.1-1, RFC9110-7.6.1-4: and none of these.
            for name in ["max-forwards", "trailer", "connection", "user-agent", "server", "te"] {
                #expect(!names.contains(name[...]), "\(head)")
            }
            // RFC9110-12.5.5-1, RFC9110-2.2-2, RFC9110-15.5.20-1: nor these in an answer.
            for name in ["vary", "server", "host", "x-forwarded", "holdfast-timeout", "holdfast-attempt:"] {
                #expect(!text.lowercased().contains("\r\n\(name)"), "\(text)")
            }
        }
    }

    @Test func `fields about a connection stay on it, named or not, both ways`() async throws {
        let names = ["keep-alive", "proxy-connection", "te", "upgrade", "transfer-encoding", "x-named", "x-other"]
        try await withBytesService { gateway, service in
            let fields =
                "Keep-Alive: timeout=5\r\nProxy-Connection: x\r\nX-Named: 1\r\nX-Other: 2\r\n"
                + "Connection: ,, X-Named ,\r\nConnection: x-other\r\nUpgrade: h2c\r\n"
            service.answer("HTTP/1.1 200 OK\r\n\(fields)Content-Length: 0\r\n\r\n")
            // RFC9110-7.6-1, RFC9110-7.6.1-2, RFC9110-7.6.1-3. RFC9110-5.6.1.2-1, RFC9110-5.6.1.2-2: empty elements.
            let text = try await TestClient.raw(
                "GET / HTTP/1.1\r\nHost: a\r\nTE: gzip\r\n\(fields)Connection: close\r\n\r\n", to: gateway.port)
            for head in [service.received.lowercased(), text.lowercased()] {
                for name in names { #expect(!head.contains("\r\n\(name):"), "\(name): \(head)") }
            }
            #expect(text.contains("\r\nconnection: close\r\n"))
        }
    }

    // RFC9110-5.5-2, RFC9110-16.3.2.1-1
    @Test func `the fields that Holdfast defines have names and values that everybody can read`() async throws {
        let service = try await TestService.start { request, number in number == 1 ? .status(.badGateway) : .ok() }
        try await withGateway(to: service) { gateway in
            let answer = try await gateway.get()
            let all = (service.requests.flatMap { Array($0.headers) } + Array(answer.headers))
                .filter { $0.name.hasPrefix("holdfast-") }
            #expect(all.count >= 4, "\(all)")
            for (name, value) in all {
                #expect(name.contains(/^[a-z][a-z-]+$/) && value.contains(/^[!-~]+$/), "\(name): \(value)")
            }
        }
    }
}
#endif
