#if Gateway
import Foundation
import Holdfast
import HoldfastGateway
import HoldfastHTTP
import NIOHTTP1
import TestSupport
import Testing

/// HTTP's semantics to the letter, as ``Documentation/Conformance/RFC9110.txt`` has them: methods, targets, statuses.
@Suite struct RFC9110Tests {
    private static let closing = "Host: a\r\nConnection: close\r\n\r\n"

    @Test func `a target that is none is refused`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let lines = [
                // RFC9110-4.2.4-2: a user, and a password.
                "GET http://user@a/b", "GET http://u:p@a/b",
                // RFC9110-4.2.1-2, RFC9110-4.2.2-2: no host.
                "GET http:///a", "GET http://?a", "GET http://:80/a", "GET https:///a",
                // RFC9110-7.1-1: targets of OPTIONS and CONNECT, with another method.
                "GET *", "POST *", "GET a.example:80", "OPTIONS a.example:80",
            ]
            for line in lines {
                let text = try await TestClient.raw("\(line) HTTP/1.1\r\n\(Self.closing)", to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 400 "), "\(line): \(text.prefix(80))")
            }
            // RFC9110-9.3.6-2
            for target in ["a.example", "a.example:", "a.example:x", "a.example:80", "a.example:99999"] {
                let text = try await TestClient.raw("CONNECT \(target) HTTP/1.1\r\n\(Self.closing)", to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 501 ") || text.hasPrefix("HTTP/1.1 400 "), "\(text.prefix(80))")
            }
            #expect(service.requests.isEmpty)
        }
    }

    @Test func `targets of 8000 bytes go on over both HTTPs`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            // RFC9110-4.1-1, RFC9110-2.3-2, RFC9110-7.7-2
            let target = "/" + String(repeating: "a/%2F;b=c", count: 500) + "?" + String(repeating: "d&%", count: 1_166)
            #expect(target.utf8.count == 8_000)
            try await expectEqual(TestClient.send(.GET, target, to: gateway.port).status, 200)
            let client = try await HTTP2Client.connect(to: gateway.port)
            try await expectEqual(client.send("GET", target).status, 200)
            await client.close()
            #expect(service.requests.map(\.uri) == [target, target])
        }
    }

    @Test func `each request of a connection is its own caller's`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.routes[0].rateLimit = .init(requests: 1) }) { gateway in
            // RFC9110-3.3-1
            let steps = ["a", "a", "b", "b"].map { caller in
                (send: "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: \(caller)\r\n\r\n", until: String?.some("\r\n\r\n"))
            }
            let text = try await RawClient.converse(steps, with: gateway.port)
            let statuses = text.matches(of: /HTTP.1\.1 (\d+)/).map { Int($0.1) }
            #expect(statuses == [200, 429, 200, 429], "\(text)")
        }
    }

    @Test func `nothing is asked before the head is whole`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            // RFC9110-5.3-3
            try await RawClient.sendAndLeave("GET /part HTTP/1.1\r\nHost: a\r\nX: 1\r\n", to: gateway.port)
            try await expectEqual(gateway.get("/whole").status, 200)
            #expect(service.requests.map(\.uri) == ["/whole"])
        }
    }

    @Test func `HEAD gets the fields of GET and no content`() async throws {
        let service = try await TestService.start { _, _ in .ok("content") }
        let path = try PathPattern("/a")
        try await withGateway(to: service, configure: { $0.routes[0].match.path = path }) { gateway in
            // RFC9110-9.1-1, RFC9110-9.3.2-1, RFC9110-8.6-3, RFC9110-6-1: of the service.
            let own = try await TestClient.raw("HEAD /a HTTP/1.1\r\n\(Self.closing)", to: gateway.port)
            #expect(own.hasPrefix("HTTP/1.1 200 ") && own.hasSuffix("\r\n\r\n"))
            #expect(own.lowercased().contains("\r\ncontent-length: 7\r\n"))
            // RFC9110-9.3.2-2: of the gateway's own.
            let head = try await TestClient.raw("HEAD /b HTTP/1.1\r\n\(Self.closing)", to: gateway.port)
            let get = try await TestClient.raw("GET /b HTTP/1.1\r\n\(Self.closing)", to: gateway.port)
            func names(_ text: String) -> [Substring] {
                text.components(separatedBy: "\r\n\r\n")[0].split(separator: "\r\n").map { $0.prefix { $0 != ":" } }
            }
            #expect(head.hasPrefix("HTTP/1.1 404 ") && head.hasSuffix("\r\n\r\n"))
            #expect(names(head) == names(get))
        }
    }

    @Test func `a status that the gateway does not know goes on, and counts by its class`() async throws {
        // RFC9110-15-1, RFC9110-15-2: what is no status counts as a failure.
        for status in [500, 502, 599, 600, 999] { #expect(StatusMeaning.isServiceFailure(status), "\(status)") }
        for status in [299, 399, 499, 501] { #expect(!StatusMeaning.isServiceFailure(status), "\(status)") }
        try await withBytesService { gateway, service in
            for status in [206, 226, 299, 304, 399, 405, 412, 416, 417, 418, 426, 499, 505, 511, 599] {
                // RFC9110-14.4-2, RFC9110-15.4.5-3, RFC9110-8.6-4: a part in units that nobody knows; a 304 with a length.
                let hasContent = status != 304
                service.answer(
                    "HTTP/1.1 \(status) What\r\nContent-Range: parsecs 1-2/*\r\nUpgrade: x\r\nContent-Length: 7\r\n\r\n"
                        + (hasContent ? "content" : ""))
                let text = try await TestClient.raw("GET / HTTP/1.1\r\n\(Self.closing)", to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text.prefix(80))")
                #expect(text.lowercased().contains("\r\ncontent-range: parsecs 1-2/*\r\n"), "\(text)")
                #expect(text.lowercased().contains("\r\ncontent-length: 7\r\n"), "\(text)")
                #expect(text.hasSuffix("\r\n\r\n" + (hasContent ? "content" : "")), "\(text)")
            }
        }
    }

    @Test func `a status without content has no length`() async throws {
        try await withBytesService { gateway, service in
            // RFC9110-8.6-5
            for answer in [
                "204 No Content\r\nContent-Length: 0\r\n\r\n", "204 No Content\r\nContent-Length: 7\r\n\r\n",
            ] {
                service.answer("HTTP/1.1 \(answer)")
                let text = try await TestClient.raw("GET / HTTP/1.1\r\n\(Self.closing)", to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 204 ") && !text.lowercased().contains("content-length"), "\(text)")
            }
        }
    }

    @Test func `a length that is false or none does not go on`() async throws {
        try await withBytesService { gateway, service in
            // RFC9110-8.6-8, RFC9110-8.6-9, RFC9110-8.6-10
            for length in ["9223372036854775808", "99999999999999999999999", "7, 8", "+7", "0x7", "7;", "seven"] {
                service.answer("HTTP/1.1 200 OK\r\nContent-Length: \(length)\r\n\r\ncontent")
                let text = try await TestClient.raw("GET / HTTP/1.1\r\n\(Self.closing)", to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 502 "), "\(length): \(text.prefix(80))")
                let asked = try await TestClient.raw(
                    "POST / HTTP/1.1\r\nContent-Length: \(length)\r\n\(Self.closing)content", to: gateway.port)
                #expect(asked.hasPrefix("HTTP/1.1 400 "), "\(length): \(asked.prefix(80))")
            }
            // RFC9110-8.6-7: what is known is said.
            service.answer("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\ncontent")
            let text = try await TestClient.raw("GET / HTTP/1.1\r\n\(Self.closing)", to: gateway.port)
            #expect(text.lowercased().contains("\r\ncontent-length: 7\r\n"))
        }
    }

    @Test func `100 comes before the content, which waits for it`() async throws {
        let service = try await TestService.start { request, _ in .answer(.ok, [:], request.body) }
        try await withGateway(to: service) { gateway in
            let head = "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\(Self.closing)"
            // RFC9110-10.1.1-6, RFC9110-10.1.1-8, RFC9110-10.1.1-9, RFC9110-10.1.1-10
            for version in ["", "Idempotency-Key: k\r\n"] {
                let text = try await RawClient.converse(
                    [
                        (head.replacing("Expect", with: "\(version)Expect"), "HTTP/1.1 100 Continue\r\n\r\n"),
                        ("content", nil),
                    ], with: gateway.port)
                #expect(text.contains("HTTP/1.1 200 ") && text.hasSuffix("content"), "\(text)")
            }
            // RFC9110-10.1.1-5, RFC9110-15.2-1: not in HTTP/1.0.
            let old = try await TestClient.raw(
                head.replacing("HTTP/1.1", with: "HTTP/1.0") + "content", to: gateway.port)
            #expect(old.hasPrefix("HTTP/1.1 200 "), "\(old)")
        }
    }

    @Test func `an answer before the content says that the connection ends`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.routes[0].bodyLimit = 1 }) { gateway in
            // RFC9110-10.1.1-7
            let text = try await TestClient.raw(
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 7\r\n\r\n", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 413 ") && text.contains("\r\nconnection: close\r\n"), "\(text)")
        }
    }

    @Test func `a request goes on while its answer has begun`() async throws {
        try await withBytesService { gateway, service in
            // RFC9110-7.5-1
            service.answer("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok", "ko", then: .open)
            let text = try await RawClient.converse(
                [
                    ("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", "ok"), ("def\r\n\r\n", "ko"),
                ], with: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 200 ") && text.hasSuffix("okko"), "\(text)")
            #expect(service.received.hasSuffix("\r\n\r\nabcdef\r\n\r\n"))
        }
    }

    @Test func `only what is idempotent is tried again`() async throws {
        try await withBytesService(configure: { $0.routes[0].retry.attempts = 2 }) { gateway, service in
            // RFC9110-9.2.2-1, RFC9110-9.2.2-2
            for (method, times) in [("GET", 2), ("PUT", 2), ("DELETE", 2), ("POST", 1), ("PATCH", 1), ("BREW", 1)] {
                service.answer("", then: .reset)
                let text = try await TestClient.raw(
                    "\(method) / HTTP/1.1\r\nContent-Length: 0\r\n\(Self.closing)", to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 502 "), "\(method): \(text.prefix(80))")
                #expect(service.received.components(separatedBy: "\(method) / HTTP").count == times + 1, "\(method)")
            }
            // RFC9110-15.5.4-1
            service.answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            try await expectEqual(gateway.get().status, 403)
            #expect(service.received.components(separatedBy: "GET / ").count == 2)
        }
    }

    @Test func `a connection is switched to what the client has named, and to nothing else`() async throws {
        try await withBytesService { gateway, service in
            let agreed = WebSocketService.agreed
            let refused = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
            func ask(_ request: String, _ answer: String) async throws -> String {
                service.answer(answer)
                return try await TestClient.raw("\(request)Host: a\r\n\r\n", to: gateway.port).lowercased()
            }
            // RFC9110-7.8-1, RFC9110-7.8-2, RFC9110-7.8-6, RFC9110-15.2.2-1, RFC9110-7.6.1-1
            let get = "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: x\r\n"
            let switched = try await ask(get, agreed)
            #expect(switched.hasPrefix("http/1.1 101 ") && switched.contains("\r\nupgrade: websocket\r\n"))
            #expect(switched.contains("\r\nconnection: upgrade\r\n"))
            #expect(service.received.lowercased().contains("\r\nconnection: upgrade\r\n"))
            // RFC9110-7.8-3, RFC9110-7.8-5, RFC9110-7.8-7: another protocol, content, HTTP/1.0; and a service that does it
            // all the same.
            for request in [
                get.replacing("WebSocket", with: "h2c"), get.replacing("GET", with: "POST") + "Content-Length: 0\r\n",
                get.replacing("HTTP/1.1", with: "HTTP/1.0"),
            ] {
                let text = try await ask(request, refused)
                #expect(text.hasPrefix("http/1.1 200 ") && !text.contains("upgrade:"), "\(text)")
                #expect(!service.received.lowercased().contains("upgrade:"), "\(service.received)")
                try await #expect(ask(request, agreed).hasPrefix("http/1.1 502 "))
            }
            #expect(try await ask(get, agreed.replacing("websocket", with: "h2c")).hasPrefix("http/1.1 502 "))
        }
    }

    @Test func `an error of the gateway's own is explained, with its type`() async throws {
        let service = try await TestService.start { _, _ in .reset }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.routes[0].bodyLimit = 1
                configuration.routes[0].retry.attempts = 1
            }
        ) { gateway in
            let post = "POST / HTTP/1.1\r\n"
            // RFC9110-8.3-1, RFC9110-15.5-1, RFC9110-15.6-1, RFC9110-5.4-1
            for (status, request) in [
                (400, "GET a HTTP/1.1\r\n\(Self.closing)"), (413, "\(post)Content-Length: 2\r\n\(Self.closing)xx"),
                (431, "GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 20_000))\r\n\(Self.closing)"),
                (414, "GET /\(String(repeating: "x", count: 20_000)) HTTP/1.1\r\n\(Self.closing)"),
                (502, "GET / HTTP/1.1\r\n\(Self.closing)"), (501, "CONNECT a:1 HTTP/1.1\r\n\(Self.closing)"),
            ] {
                let text = try await TestClient.raw(request, to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(status): \(text.prefix(80))")
                #expect(text.contains("\r\ncontent-type: application/problem+json\r\n"), "\(text)")
                #expect(text.contains("\"title\":\"") && text.contains("\"detail\":\""), "\(text)")
                // RFC9457-3-1, RFC9457-3.1.2-1: one problem, with the status of its response.
                #expect(text.components(separatedBy: "\"status\":\(status)").count == 2, "\(text)")
            }
        }
    }
}
#endif
