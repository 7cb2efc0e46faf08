#if Gateway
import Foundation
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

/// What other proxies and servers were reported to do against the standards. Each row is one report, and the requirements
/// that answer it.
@Suite struct ReportedElsewhereTests {
    private static let post = "POST / HTTP/1.1\r\nHost: a\r\n"
    private static let chunked = "\(post)Transfer-Encoding: chunked\r\n"
    private static let hidden = "GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"

    /// Requests with another behind them, or within, that one reader finds and another does not.
    private static let smuggling: [(report: String, request: String)] = [
        // RFC9112-7.1-1
        ("Traffic Server: what follows a chunk's size is ignored", "\(chunked)\r\n1x\r\nZ\r\n0\r\n\r\n\(hidden)"),
        ("uhttpd: a size with an underscore", "\(chunked)\r\n0_0\r\n\r\n\(hidden)"),
        ("uhttpd: a size with a prefix", "\(chunked)\r\n0x1\r\nZ\r\n0\r\n\r\n\(hidden)"),
        ("uhttpd: CR in front of a size", "\(chunked)\r\n\r0\r\n\r\n\(hidden)"),
        ("a negative size", "\(chunked)\r\n-1\r\nZ\r\n0\r\n\r\n\(hidden)"),
        ("no size", "\(chunked)\r\n\r\nZ\r\n0\r\n\r\n\(hidden)"),
        // RFC9112-2.2-3, RFC9112-7.1-1
        ("Go: LF ends the line of a size", "\(chunked)\r\n1\nZ\r\n0\r\n\r\n\(hidden)"),
        ("Go: LF ends the last chunk", "\(chunked)\r\n0\n\n\(hidden)"),
        ("gunicorn, Kestrel: LF in a chunk's extension", "\(chunked)\r\n1;a\nZ\r\n0\r\n\r\n\(hidden)"),
        ("CR in a chunk's extension", "\(chunked)\r\n1;a\rb\r\nZ\r\n0\r\n\r\n\(hidden)"),
        ("LF behind a chunk", "\(chunked)\r\n1\r\nZ\n0\r\n\r\n\(hidden)"),
        // RFC9112-6.3-3, RFC9112-6.1-10
        (
            "tinyproxy: an empty coding",
            "\(post)Transfer-Encoding: chunked,\r\nContent-Length: 5\r\n\r\n0\r\n\r\n\(hidden)"
        ),
        (
            "tinyproxy: a coding behind chunked",
            "\(post)Transfer-Encoding: chunked , gzip\r\nContent-Length: 5\r\n\r\n0\r\n\r\n\(hidden)"
        ),
        ("Tomcat: identity", "\(post)Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n0\r\n\r\n\(hidden)"),
        (
            "a vertical tab in front of chunked",
            "\(post)Transfer-Encoding: \u{B}chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n\(hidden)"
        ),
        // RFC9112-6.1-11
        (
            "fasthttp: HTTP/1.0 with chunks",
            "POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\(hidden)"
        ),
        // RFC9110-8.6-10
        ("HAProxy: an empty length", "\(post)Content-Length:\r\nContent-Length: 5\r\n\r\nabcde\(hidden)"),
        ("HAProxy: only an empty length", "\(post)Content-Length: \r\n\r\n\(hidden)"),
        ("a length with an underscore", "\(post)Content-Length: 0_5\r\n\r\nabcde\(hidden)"),
        // RFC9112-5.2-2
        ("a folded length", "\(post)Content-Length:\r\n 5\r\n\r\nabcde\(hidden)"),
        // RFC9110-5.5-4
        ("OpenLiteSpeed: LF within a value", "\(post)X:\n\nGET /hidden HTTP/1.1\r\nContent-Length: 0\r\n\r\n"),
        ("gunicorn: NUL within a value", "\(post)X: a\u{0}b\r\nContent-Length: 0\r\n\r\n\(hidden)"),
        // RFC9112-5.1-1
        ("a length with a space in its name", "\(post)Content-Length : 5\r\n\r\nabcde\(hidden)"),
        // RFC9112-2.2-8
        (
            "a length on a line that begins with a space",
            "POST / HTTP/1.1\r\n Content-Length: 5\r\nHost: a\r\n\r\nabcde\(hidden)"
        ),
        // RFC9112-3.2-1
        ("a second request line", "POST / HTTP/1.1\r\nGET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("HTTP/0.9 within a connection", "GET /hidden\r\n\r\n"),
    ]

    @Test func `what other readers found a request in is refused here, and nobody finds another`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            for (report, request) in Self.smuggling {
                let text = try await TestClient.raw(request, to: gateway.port)
                #expect(
                    text.hasPrefix("HTTP/1.1 400 ") && text.contains("\r\nconnection: close\r\n"), "\(report): \(text)")
            }
            #expect(service.requests.isEmpty, "\(service.requests)")
        }
    }

    @Test func `a body that other proxies lost goes on`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            // RFC9112-6.1-2: node-http-proxy sent DELETE and OPTIONS with a length of 0, and their chunks behind it.
            for method in ["DELETE", "OPTIONS", "GET"] {
                _ = try await TestClient.raw(
                    "\(method) / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                        + "1f\r\n\(Self.hidden.dropLast())\r\n0\r\n\r\n", to: gateway.port)
                #expect(service.requests.last?.method.rawValue == method)
                #expect(service.requests.last?.body.count == 31, "\(method)")
            }
            #expect(service.requests.allSatisfy { $0.uri == "/" })
        }
    }

    @Test func `answers that other proxies took for whole are not`() async throws {
        try await withBytesService { gateway, service in
            let whole = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
            // RFC9110-15.2-2: nginx, mitmproxy and http-reverse-proxy took a 1xx for the answer, or its length for one.
            for code in [100, 102, 103, 104, 199] {
                service.answer("HTTP/1.1 \(code) Early\r\nContent-Length: 168\r\nX: 1\r\n\r\n\(whole)")
                let text = try await TestClient.raw(
                    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", to: gateway.port)
                #expect(text.hasSuffix("\r\n\r\nok"), "\(code): \(text)")
                // RFC9110-15.2-3: Envoy, h2o and Caddy kept a 103 to themselves. What the gateway has sent itself it does.
                #expect(text.hasPrefix("HTTP/1.1 \(code) ") == (code != 100), "\(code): \(text)")
                #expect(!text.contains("168"), "\(code): \(text)")
            }
            // RFC9112-6.3-8: gunicorn and others took what had broken off for the whole.
            service.answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok")
            let client = try? await gateway.get()
            #expect(client == nil)
        }
    }
}
#endif
