#if Gateway
import Foundation
import HoldfastTesting
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@testable import HoldfastGateway

/// What the control plane does about strangers, and about browsers that others send.
@Suite struct ControlPlaneDoorTests {
    private let token = "a-token-of-16-or-more"
    private var header: HTTPHeaders { ["authorization": "Bearer \(token)"] }

    /// Connections that say nothing.
    private func idle(_ count: Int, to port: Int) async throws -> [any Channel] {
        var channels: [any Channel] = []
        for _ in 0..<count {
            channels.append(
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: port).get())
        }
        return channels
    }

    @Test func `strangers who say nothing have few connections, and an operator is served all the same`() async throws {
        try await withControlPlane(token: token) { plane in
            let strangers = try await idle(400, to: plane.port)
            for _ in 0..<3 {
                try await expectEqual(plane.get("/health").text, "ok\n")
                try await expectEqual(plane.get("/api/state", headers: header).status, 200)
            }
            let metrics = try await plane.get("/metrics", headers: header).text
            let open = try #require(
                metrics.firstMatch(of: /\nholdfast_admin_connections (\d+)\n/).flatMap { Int($0.1) })
            #expect(open <= AdminPlaces.strangersOfOne + 1, "\(open)")
            // On a slow machine some strangers' time is over before others take their place.
            let evicted = try #require(metrics.firstMatch(of: /\nholdfast_admin_evictions_total (\d+)\n/))
            #expect((Int(evicted.1) ?? 0) > 0)
            for stranger in strangers { try? await stranger.close() }
        }
    }

    @Test func `who has presented the token is not pushed out by a flood`() async throws {
        try await withControlPlane(token: token) { plane in
            let stream = try await EventReader.open(plane.port, token: token)
            try await expectEqual(stream.next("event: state"), true)
            let strangers = try await idle(100, to: plane.port)
            try await expectEqual(plane.get("/health").text, "ok\n")
            #expect(stream.isOpen)
            await stream.close()
            for stranger in strangers { try? await stranger.close() }
        }
    }

    @Test func `a stream of events needs a place, and there are so many`() async throws {
        try await withControlPlane(token: token) { plane in
            var streams: [EventReader] = []
            for _ in 0..<AdminPlaces.known {
                streams.append(try await EventReader.open(plane.port, token: token))
                try await expectEqual(streams[streams.count - 1].next("event: state"), true)
            }
            let refused = try await plane.get("/api/events", headers: header)
            #expect(refused.status == 503)
            #expect(refused.headers.first(name: "retry-after") == "10")
            try await expectEqual(plane.get("/api/state", headers: header).status, 200)
            await streams[0].close()
            // The next has its place when the plane knows that this one has left.
            var next: EventReader?
            while next == nil {
                let reader = try await EventReader.open(plane.port, token: token)
                if try await reader.next("event: state") { next = reader } else { await reader.close() }
            }
            for stream in streams + [next].compactMap({ $0 }) { await stream.close() }
        }
    }

    @Test func `a stream ends with the session that it was asked for in`() async throws {
        try await withControlPlane(token: token) { plane in
            let answer = try await plane.post("/api/login", #"{"token": "\#(token)"}"#)
            let cookie = try #require(answer.headers.first(name: "set-cookie")).prefix { $0 != ";" }
            let stream = try await EventReader.open(plane.port, cookie: String(cookie))
            try await expectEqual(stream.next("event: state"), true)
            try await expectEqual(plane.post("/api/logout", headers: ["cookie": String(cookie)]).status, 204)
            try await expectEqual(stream.next("event: never"), false)
        }
    }

    @Test func `a head or a body beyond all measure is refused before a token was asked for`() async throws {
        try await withControlPlane(token: token) { plane in
            let long = String(repeating: "a", count: 20_000)
            let text = try await TestClient.raw(
                "GET / HTTP/1.1\r\nHost: localhost\r\nX: \(long)\r\n\r\n", to: plane.port)
            #expect(text.hasPrefix("HTTP/1.1 4"), "\(text.prefix(100))")
            let many = String(repeating: "X: a\r\n", count: 200)
            let other = try await TestClient.raw("GET / HTTP/1.1\r\nHost: localhost\r\n\(many)\r\n", to: plane.port)
            #expect(other.hasPrefix("HTTP/1.1 4"), "\(other.prefix(100))")
            let order = "{\"token\": \"" + String(repeating: "a", count: 100_000) + "\"}"
            try await expectEqual(plane.post("/api/login", order).status, 413)
        }
    }

    @Test(arguments: [
        ("localhost", true), ("localhost:9090", true), ("LocalHost", true), ("localhost.", true), ("127.0.0.1", true),
        ("127.0.0.1:1", true), ("[::1]", true), ("[::1]:9090", true), ("192.168.0.7:9090", true), ("[fe80::1]", true),
        // A name that begins or ends like ours is another's.
        ("[::1].evil.com", false), ("[::1]evil.com", false), ("[::1]:9090.evil.com", false), ("[::1]@evil.com", false),
        ("[evil.com]", false), ("[::1", false), ("::1", false), ("[]", false), ("[::1%25lo]", false),
        ("[127.0.0.1]", false),
        ("localhost.evil.com", false), ("evil.com", false), ("evil-localhost", false), ("localhost..", false),
        ("a@localhost", false), ("localhost@evil.com", false), ("localhost:80@evil.com", false),
        ("127.0.0.1.evil.com", false), ("127.0.0.1:9090.evil.com", false), ("127.0.0.1evil.com", false),
        ("127.0.0", false), ("127.1", false), ("1.2.3.4.5", false), ("256.0.0.1", false), ("0x7f.0.0.1", false),
        ("2130706433", false), ("127.0.0.1.", false), ("localhost:", false), ("localhost:x", false),
        ("localhost:65536", false), ("localhost:-1", false), ("localhost:9090:9090", false), ("localhost/", false),
        ("localhost?", false), ("localhost#", false), ("local host", false), ("localhost,evil.com", false),
        ("localhost\\evil.com", false), ("foo.localhost", false), ("", false), (".", false), (":9090", false),
        ("xn--localhost", false), ("%6cocalhost", false), ("localhost%00.evil.com", false),
        ("12\u{663}.0.0.1", false), ("loca\u{2113}host", false), ("\u{212A}", false),
    ])
    func `a host that is not ours is not answered where there is no token`(host: String, isOurs: Bool) {
        let rule = SameOriginMiddleware(host: "127.0.0.1", hasToken: false)
        #expect((HostField(host).map { rule.isOurs($0) } ?? false) == isOurs, "\(host)")
    }

    @Test func `a request that says no host, or two, or no path, is not answered`() async throws {
        try await withControlPlane { plane in
            for request in [
                "GET /api/state HTTP/1.1\r\nHost: localhost\r\nHost: evil.com\r\n",
                "GET /api/state HTTP/1.1\r\nHost: evil.com\r\nHost: localhost\r\n",
                "GET /api/state HTTP/1.1\r\n",
                "GET /api/state HTTP/1.1\r\nHost:\r\n", "GET api/state HTTP/1.1\r\nHost: localhost\r\n",
            ] {
                let text = try await TestClient.raw(request + "Connection: close\r\n\r\n", to: plane.port)
                #expect(text.hasPrefix("HTTP/1.1 400 "), "\(request): \(text.prefix(40))")
            }
            // A target that is a whole URI names a host as well, and must say the same (RFC 9112, section 3.2.2).
            for (target, host, status) in [
                ("http://localhost", "evil.com", 400), ("http://evil.com", "localhost", 400),
                ("https://evil.com:80", "localhost", 400), ("http://evil.com", "evil.com", 403),
                ("http://localhost@evil.com", "localhost", 400), ("http://localhost:80", "localhost", 400),
                ("x:", "localhost", 400), ("http://localhost", "localhost", 200),
            ] {
                let text = try await TestClient.raw(
                    "GET \(target)/api/state HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n", to: plane.port)
                #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(target), \(host): \(text.prefix(40))")
            }
        }
    }

    @Test func `HEAD is answered wherever GET is, without a body`() async throws {
        try await withControlPlane { plane in
            for path in ["/health", "/", "/metrics", "/api/state", "/api/events"] {
                let text = try await TestClient.raw(
                    "HEAD \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", to: plane.port)
                #expect(text.hasPrefix("HTTP/1.1 200 ") && text.hasSuffix("\r\n\r\n"), "\(path): \(text.prefix(40))")
            }
        }
    }

    @Test func `a browser that another site's page sends is not answered, with a token or without`() async throws {
        let link = ["sec-fetch-mode": "navigate", "sec-fetch-dest": "document"]
        let frame = ["sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"]
        let table: [(path: String, site: String, more: [String: String], isTaken: Bool)] = [
            ("/api/state", "same-origin", [:], true), ("/api/state", "none", [:], true),
            ("/api/state", "cross-site", [:], false), ("/api/state", "same-site", [:], false),
            ("/api/state", "Same-Origin", [:], false), ("/api/state", "", [:], false),
            ("/api/state", "same-origin, cross-site", [:], false), ("/metrics", "cross-site", [:], false),
            ("/health", "cross-site", [:], false), ("/api/keys", "cross-site", link, false),
            // A link in a chat leads to the page.
            ("/", "cross-site", link, true), ("/", "same-site", link, true), ("/", "cross-site", [:], false),
            ("/", "cross-site", frame, false), ("/", "none", link, true),
            // The same by the older field.
            ("/api/state", "same-origin", ["origin": "http://evil.com"], false),
            ("/api/state", "none", ["origin": "null"], false),
        ]
        for token in [nil, token] {
            try await withControlPlane(token: token) { plane in
                for (path, site, more, isTaken) in table {
                    var headers: HTTPHeaders = token == nil ? [:] : header
                    headers.add(name: "sec-fetch-site", value: site)
                    for (name, value) in more { headers.add(name: name, value: value) }
                    let status = try await plane.get(path, headers: headers).status
                    #expect(status == (isTaken ? 200 : 403), "\(path), \(site), \(more)")
                }
                var headers: HTTPHeaders = token == nil ? [:] : header
                headers.add(name: "sec-fetch-site", value: "cross-site")
                for (name, value) in link { headers.add(name: name, value: value) }
                try await expectEqual(plane.post("/", headers: headers).status, 403)
            }
        }
    }

    @Test func `every answer says how it may be used, whoever made it`() async throws {
        try await withControlPlane(token: token) { plane in
            for (path, headers) in [
                ("/", HTTPHeaders()), ("/", header), ("/health", [:]), ("/metrics", header), ("/api/state", header),
                ("/nothing", header), ("/api/state", [:]), ("/api/keys/x", header),
                ("/health", ["sec-fetch-site": "cross-site"]),
            ] {
                let answer = try await plane.get(path, headers: headers)
                let fields = answer.headers
                #expect(fields["x-content-type-options"] == ["nosniff"], "\(path)")
                #expect(fields["referrer-policy"] == ["no-referrer"], "\(path)")
                #expect(fields["x-frame-options"] == ["DENY"], "\(path)")
                #expect(fields["cross-origin-resource-policy"] == ["same-origin"], "\(path)")
                #expect(fields["cache-control"] == ["no-store"], "\(path)")
                let policy = fields.first(name: "content-security-policy") ?? ""
                #expect(policy.hasPrefix("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "\(path)")
            }
        }
    }

    @Test func `when many tokens were wrong the right one waits as they do, and is taken`() async throws {
        try await withControlPlane(token: token) { plane in
            for _ in 0..<20 {
                try await expectEqual(
                    plane.get("/api/state", headers: ["authorization": "Bearer a-token-of-16-or-less"]).status, 401)
            }
            async let answer = plane.get("/api/state", headers: header)
            // Time goes on when it waits, and not before.
            await plane.clock.sleepers(1)
            plane.clock.advance(by: TokenThrottle.pause)
            try await expectEqual(answer.status, 200)
        }
    }
}

/// Reads a stream of events, line by line.
private final class EventReader: Sendable {
    private let channel: any Channel
    private let lines: AsyncStream<String>

    private init(_ channel: any Channel, _ lines: AsyncStream<String>) {
        (self.channel, self.lines) = (channel, lines)
    }

    static func open(_ port: Int, token: String? = nil, cookie: String? = nil) async throws -> EventReader {
        let (lines, continuation) = AsyncStream.makeStream(of: String.self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Lines(continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        let who =
            token.map { "Authorization: Bearer \($0)\r\n" } ?? cookie.map { "Cookie: \($0)\r\n" } ?? ""
        try await channel.writeAndFlush(
            ByteBuffer(string: "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\(who)\r\n"))
        return EventReader(channel, lines)
    }

    var isOpen: Bool { channel.isActive }

    /// - Returns: Whether such a line came before the end, or before a refusal.
    func next(_ line: String) async throws -> Bool {
        for await found in lines {
            if found == line { return true }
            if found.hasPrefix("HTTP/1.1 503") || found == "0" { return false }
        }
        return false
    }

    func close() async { try? await channel.close() }

    private final class Lines: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let lines: AsyncStream<String>.Continuation
        private var rest: [UInt8] = []

        init(_ lines: AsyncStream<String>.Continuation) { self.lines = lines }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            rest += Array(unwrapInboundIn(data).readableBytesView)
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                lines.yield(String(decoding: rest[..<end].filter { $0 != UInt8(ascii: "\r") }, as: UTF8.self))
                rest.removeSubrange(...end)
            }
        }

        func channelInactive(context: ChannelHandlerContext) { lines.finish() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}
#endif
