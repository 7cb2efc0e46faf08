#if Gateway
import HoldfastGateway
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import TestSupport
import Testing

/// What HTTP/2 must not bring through to a service that speaks HTTP/1, and what one client must not do to a gateway.
@Suite struct HTTP2SafetyTests {
    private static let head = [(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "a")]

    private static func changed(_ name: String, _ value: String) -> [(String, String)] {
        head.map { $0.0 == name ? (name, value) : $0 }
    }

    private static let smuggled: [[(String, String)]] = [
        head + [("x", "1\r\ntransfer-encoding: chunked")], head + [("x", "1\nx: 2")], head + [("x", "1\rx: 2")],
        head + [("x", "1\u{0}")], head + [("x", "1\u{1}")], head + [("x", " 1")], head + [("x", "1\t")],
        head + [("Upper", "1")], head + [("x y", "1")], head + [("x\r\ny", "1")], head + [("x: y", "1")],
        head + [("x\u{0}", "1")],
        head + [("transfer-encoding", "chunked")], head + [("connection", "x")], head + [("upgrade", "websocket")],
        head + [("keep-alive", "1")], head + [("te", "gzip")],
        head + [("host", "b")], head + [("host", "a"), ("host", "b")],
        head + [("content-length", "+1")], head + [("content-length", "1, 1")],
        head + [("content-length", "1"), ("content-length", "2")],
        head + [(":path", "/b")], head + [("x", "1"), (":unknown", "1")],
        changed(":path", "/ HTTP/1.1\r\nx: 1"), changed(":path", "/a b"), changed(":path", "http://b/"),
        changed(":path", "a"), changed(":path", ""), changed(":authority", "a\r\nx: 1"),
        changed(":authority", "user@a"), changed(":authority", ""), changed(":scheme", "ftp"),
        changed(":method", "GET / HTTP/1.1\r\nx: 1"), changed(":method", "CONNECT"),
        changed(":method", "GET /b HTTP/1.1"), changed(":method", "GET\t/b"), changed(":method", "GÉT"),
        changed(":method", "GET:"), changed(":authority", "a b"), changed(":authority", "a\t"),
        head.filter { $0.0 != ":path" }, head.filter { $0.0 != ":method" }, head.filter { $0.0 != ":scheme" },
    ]

    @Test func `what HTTP 1 would read in another way is refused, and its connection goes on`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let client = try await HTTP2Client.connect(to: gateway.port)
            for fields in Self.smuggled {
                let stream = try await client.open(HPACKHeaders(fields), isLast: false)
                stream.send([1], isLast: true)
                let answer = try await stream.answer()
                let isRefused = answer.reset == .protocolError || [400, 405, 501].contains(answer.status ?? 0)
                #expect(isRefused, "\(fields) was answered \(answer)")
            }
            #expect(service.requests.isEmpty)
            try await expectEqual(client.send("GET").status, 200)
            await client.close()
        }
    }

    @Test func `a body that is not as long as announced never reaches the service`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let client = try await HTTP2Client.connect(to: gateway.port)
            for (length, sent) in [(3, 5), (5, 3), (0, 1), (1, 0)] {
                let fields = HTTP2Client.fields("POST", "/", [("content-length", "\(length)")])
                let stream = try await client.open(fields, isLast: sent == 0)
                if sent > 0 { stream.send(Array(repeating: 1, count: sent), isLast: true) }
                let answer = try await stream.answer()
                // A request without a body is whole with its head, and may be answered before what should not follow it
                // comes.
                #expect(answer.reset == .protocolError || (length == 0 && answer.status == 200), "\(answer)")
            }
            #expect(service.requests.allSatisfy { $0.body.isEmpty && $0.headers["content-length"] == ["0"] })
            await client.close()
        }
    }

    // MARK: Floods

    private static func frame(_ type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        HTTP2Frames.frame(type, flags: flags, stream: stream, payload)
    }

    private static let get = HTTP2Frames.get
    private static let preface = HTTP2Frames.preface

    private static func streams(_ count: Int, _ frames: (UInt32) -> [UInt8]) -> [UInt8] {
        (0..<UInt32(count)).flatMap { frames($0 * 2 + 1) }
    }

    enum Flood: String, CaseIterable, Sendable {
        case rapidReset, continuation, settings, ping, priority, emptyData, streams, headerBomb, faults

        var bytes: [UInt8] {
            switch self {
            case .rapidReset:
                HTTP2SafetyTests.streams(1_000) {
                    frame(1, flags: 5, stream: $0, get) + frame(3, flags: 0, stream: $0, [0, 0, 0, 8])
                }
            case .continuation:
                frame(1, flags: 1, stream: 1, get)
                    + (0..<1_000).flatMap { _ in frame(9, flags: 0, stream: 1, [0, 1, 0x78, 1, 0x78]) }
            case .settings: (0..<2_000).flatMap { _ in frame(4, flags: 0, stream: 0) }
            case .ping: (0..<2_000).flatMap { _ in frame(6, flags: 0, stream: 0, Array(repeating: 1, count: 8)) }
            case .priority: (0..<2_000).flatMap { _ in frame(2, flags: 0, stream: 3, [0, 0, 0, 0, 1]) }
            case .emptyData:
                frame(1, flags: 4, stream: 1, get) + (0..<1_000).flatMap { _ in frame(0, flags: 0, stream: 1) }
            case .streams: HTTP2SafetyTests.streams(1_000) { frame(1, flags: 4, stream: $0, get) }
            case .headerBomb:
                // One field goes into the table and is then named by one byte for each time.
                frame(
                    1, flags: 4, stream: 1,
                    get + [0x40, 1, 0x78, 0x7F, 0x81, 0x1E] + Array(repeating: 0x61, count: 4_000))
                    + HTTP2SafetyTests.streams(100) {
                        frame(1, flags: 5, stream: $0 + 2, get + Array(repeating: 0xBE, count: 10_000))
                    }
            case .faults:
                HTTP2SafetyTests.streams(1_000) { frame(1, flags: 5, stream: $0, get + [0, 1, 0x58, 1, 0x31]) }
            }
        }

        private func frame(_ type: UInt8, flags: UInt8, stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
            HTTP2SafetyTests.frame(type, flags: flags, stream: stream, payload)
        }
        private var get: [UInt8] { HTTP2SafetyTests.get }
    }

    @Test func `a flood ends its own connection, reaches the service within bounds, and harms nobody else`()
        async throws
    {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let other = try await HTTP2Client.connect(to: gateway.port)
            for flood in Flood.allCases {
                let before = service.requests.count
                // Returns because the gateway closes.
                _ = try await TestClient.raw(Self.preface + flood.bytes, to: gateway.port)
                #expect(service.requests.count - before <= 201, "\(flood)")
                try await expectEqual(other.send("GET").status, 200)
                try await expectEqual(gateway.get().status, 200)
            }
            await other.close()
        }
    }

    @Test func `a request whose body turns out to be empty is sent without one`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.idleTimeout = .milliseconds(50) }) { gateway in
            let request = Self.frame(1, flags: 4, stream: 1, Self.get) + Self.frame(0, flags: 1, stream: 1)
            _ = try await TestClient.raw(Self.preface + request, to: gateway.port)
            let seen = try #require(service.requests.first).headers
            #expect(!seen.contains(name: "transfer-encoding") && !seen.contains(name: "content-length"))
        }
    }

    @Test(arguments: [false, true])
    func `a head beyond twice the limit ends its connection and never reaches the service`(
        isAtOnce: Bool
    ) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            // One field of 34,000 bytes, or as many of 1,000, in frames of the least size that every peer takes.
            let long = [0, 1, 0x78, 0x7F, 0xD1, 0x88, 0x02] + [UInt8](repeating: 0x61, count: 34_000)
            let short = [0, 1, 0x78, 0x7F, 0xE9, 0x06] + [UInt8](repeating: 0x61, count: 1_000)
            let block = Self.get + (isAtOnce ? long : (0..<34).flatMap { _ in short })
            let frames =
                Self.frame(1, flags: 1, stream: 1, Array(block[..<16_384]))
                + Self.frame(9, flags: 0, stream: 1, Array(block[16_384..<32_768]))
                + Self.frame(9, flags: 4, stream: 1, Array(block[32_768...]))
            _ = try await TestClient.raw(Self.preface + frames, to: gateway.port)
            #expect(service.requests.isEmpty)
            try await expectEqual(gateway.get().status, 200)
        }
    }

    @Test func `a head that never ends is cut`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.headerTimeout = .milliseconds(50) }) { gateway in
            _ = try await TestClient.raw(
                Self.preface + Self.frame(1, flags: 1, stream: 1, Self.get), to: gateway.port)
            #expect(service.requests.isEmpty)
        }
    }

    @Test func `no more streams are open at once than the listener allows`() async throws {
        let service = try await TestService.start { _, _ in .hang }
        try await withGateway(to: service, configure: { $0.listeners[0].streams = 2 }) { gateway in
            let acknowledged = Self.preface + Self.frame(4, flags: 1, stream: 0)
            _ = try await TestClient.raw(
                acknowledged + Self.streams(3) { Self.frame(1, flags: 5, stream: $0, Self.get) }, to: gateway.port)
            #expect(service.requests.count <= 2)
        }
    }
}
#endif
