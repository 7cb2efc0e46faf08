#if Gateway
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

/// HTTP/2 to the letter, as ``Documentation/Conformance/RFC9113.txt`` has it: what becomes of frames, each of which a
/// client sends on a connection of its own.
@Suite struct RFC9113FrameTests {
    private typealias Frames = ConformanceFrames

    /// The request that tells whether the connection goes on.
    private static let last: UInt32 = 999

    private func outcome(of bytes: [UInt8], at port: Int) async throws -> (Frames.Outcome, [HTTP2Frames.Frame]) {
        let frames = try await HTTP2Frames.exchange(
            HTTP2Frames.preface + bytes + Frames.headers(Self.last), to: port
        ) { frame in
            // Ends the connection, by an error.
            frame.stream == Self.last && (frame.endsStream || frame.kind == .rstStream) ? Frames.data(0) : []
        }
        let end = frames.firstIndex { $0.stream == Self.last && $0.endsStream && $0.kind != .rstStream }
        let before = frames[..<(end ?? frames.endIndex)]
        if let goAway = before.first(where: { $0.kind == .goAway && $0.payload != Self.announcement }) {
            return (.goAway(goAway.payload[7]), frames)
        }
        guard end != nil else { return (.closed, frames) }
        let resets = before.filter { $0.kind == .rstStream && $0.payload != [0, 0, 0, Frames.Code.none] }
        guard !resets.isEmpty else { return (.served, frames) }
        return (.reset(Dictionary(resets.map { ($0.stream, $0.payload[3]) }, uniquingKeysWith: { $1 })), frames)
    }

    private static let announcement: [UInt8] = [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]

    @Test func `each frame leads to what the rules say, and what they forbid reaches no service`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.headerTimeout = .seconds(20) }) { gateway in
            for one in Frames.all {
                let (outcome, frames) = try await outcome(of: one.bytes, at: gateway.port)
                // Where an error's GOAWAY would tell a peer nothing that it can use, NIOHTTP2 closes at once.
                let isClosed = outcome == .closed && !one.outcomes.contains(.served)
                #expect(one.outcomes.contains(outcome) || isClosed, "\(one.name): \(outcome), not \(one.outcomes)")
                // RFC9113-5.4-1, RFC9113-5.4-2, RFC9113-5.4-3, RFC9113-5.4.1-2, RFC9113-6.8-2: an error of
                // the connection is told once, and then it is closed.
                #expect(frames.filter { $0.kind == .goAway }.count == (isClosed ? 0 : 1), "\(one.name): \(frames)")
                // RFC9113-5.4.2-2, RFC9113-5.4.2-3: a stream is reset once, and not because it was.
                let resets = frames.filter { $0.kind == .rstStream }.map(\.stream)
                #expect(Set(resets).count == resets.count, "\(one.name): \(frames)")
                checkForm(of: frames, one.name)
            }
        }
    }

    /// What the gateway sends, whatever it is sent.
    private func checkForm(of frames: [HTTP2Frames.Frame], _ name: String) {
        // RFC9113-3.2-2, RFC9113-3.3-2, RFC9113-3.4-2, RFC9113-6.5-1: SETTINGS come first.
        #expect(frames.first?.kind == .settings, "\(name)")
        for frame in frames {
            switch frame.kind {
            // RFC9113-6.1-2, RFC9113-6.2-4, RFC9113-6.4-3, RFC9113-6.10-3
            case .data, .headers, .rstStream, .continuation: #expect(frame.stream != 0, "\(name)")
            // RFC9113-6.5-3, RFC9113-6.5-5
            case .settings:
                #expect(frame.stream == 0, "\(name)")
                #expect(frame.flags & 1 == 0 || frame.payload.isEmpty, "\(name)")
            // RFC9113-6.7-1, RFC9113-6.7-4
            case .ping: #expect(frame.stream == 0 && frame.payload.count == 8, "\(name)")
            case .goAway, .windowUpdate, nil: break
            }
            // RFC9113-6.5.2-1: nothing is pushed. RFC9113-4.1-1: nor is anything larger than was asked for.
            #expect(frame.kind != nil && frame.payload.count <= 16_384, "\(name): \(frame)")
            // RFC9113-4.1-3: END_STREAM, ACK, END_HEADERS, and no other flag.
            #expect(frame.flags & ~5 == 0, "\(name): \(frame)")
        }
    }

    @Test func `a request that was reset is answered with nothing more`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            // RFC9113-6.4-1
            let (outcome, frames) = try await outcome(of: Frames.headers(1) + Frames.rstStream(1), at: gateway.port)
            #expect(outcome == .served && frames.allSatisfy { $0.stream != 1 }, "\(frames)")
        }
    }

    @Test func `a PING comes back as it was, and settings are acknowledged`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let (outcome, frames) = try await outcome(
                of: Frames.ping() + Frames.settings(4, 1 << 20) + Frames.settings(3, 1) + Frames.ping(1),
                at: gateway.port)
            #expect(outcome == .served)
            // RFC9113-6.7-2, RFC9113-6.7-4, RFC9113-6.7-5
            let pings = frames.filter { $0.kind == .ping }
            #expect(pings.map(\.flags) == [1] && pings.map(\.payload) == [Array(repeating: 7, count: 8)], "\(frames)")
            // RFC9113-3.4-3, RFC9113-6.5.3-1, RFC9113-6.5.3-4: those of the preface too.
            #expect(frames.filter { $0.kind == .settings && $0.flags & 1 == 1 }.count == 3, "\(frames)")
        }
    }

    @Test func `the gateway's own settings are such as a server may have`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let (_, frames) = try await outcome(of: [], at: gateway.port)
            let payload = try #require(frames.first).payload
            for start in stride(from: 0, to: payload.count, by: 6) {
                let value = payload[(start + 2)..<(start + 6)].reduce(0) { $0 << 8 | Int($1) }
                switch payload[start + 1] {
                // RFC9113-6.5.2-4, RFC9113-6.5.2-5
                case 2: #expect(value == 0)
                // RFC9113-6.5.2-8
                case 3: #expect(value > 0)
                // RFC9113-6.5.2-10
                case 5: #expect((16_384...0xFF_FFFF).contains(value))
                default: break
                }
            }
        }
    }

    @Test func `no more is sent than the client's windows take`() async throws {
        let body = [UInt8](repeating: 7, count: 40_000)
        let service = try await TestService.start { _, _ in .answer(.ok, [:], body) }
        try await withGateway(to: service) { gateway in
            // RFC9113-5.2.1-1, RFC9113-6.9.1-1, RFC9113-6.5.3-2, RFC9113-6.9.2-1: of the last of several settings; then 5 more
            // bytes by a setting, and 7 by an update, after which it is reset.
            let opening =
                HTTP2Frames.preface + Frames.settings(4, 9) + Frames.settings(4, 3) + Frames.headers(1)
            let frames = try await HTTP2Frames.exchange(opening, to: gateway.port) { frame in
                guard frame.kind == .data else { return [] }
                switch frame.payload.count {
                case 3: return Frames.settings(4, 8)
                case 5: return Frames.windowUpdate(1, 7)
                // RFC9113-6.9.2-2: the window is below 0 now, and not above before the second update.
                case 7: return Frames.settings(4, 0) + Frames.windowUpdate(1, 5) + Frames.windowUpdate(1, 7)
                default: return Frames.data(0)
                }
            }
            #expect(frames.filter { $0.kind == .data }.map(\.payload.count) == [3, 5, 7, 4], "\(frames)")
        }
    }

    @Test func `what is not under flow control is not held up by it`() async throws {
        let service = try await TestService.start { _, _ in .answer(.ok, [:], [1, 2, 3]) }
        try await withGateway(to: service) { gateway in
            // RFC9113-6.9-1, RFC9113-6.7-3, RFC9113-5.2.2-1: a stream that may send nothing, and a PING behind it.
            let opening = HTTP2Frames.preface + Frames.settings(4, 0) + Frames.headers(1)
            let frames = try await HTTP2Frames.exchange(opening, to: gateway.port) { frame in
                switch frame.kind {
                case .headers: Frames.ping()
                case .ping: Frames.data(0)
                default: []
                }
            }
            #expect(frames.contains { $0.kind == .ping && $0.flags == 1 }, "\(frames)")
        }
    }

    @Test func `what a table was told of a refused request is known to the next`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            // RFC9113-5.1-9, RFC9113-10.5.1-1: x: 1 is put into the table by a malformed request, and named by the next.
            let indexed: [UInt8] = [0x40, 1, 0x78, 1, 0x31]
            let bad = Frames.headers(1, Frames.get + Frames.field("Upper", "1") + indexed)
            let (outcome, _) = try await outcome(of: bad + Frames.headers(3, Frames.get + [0xBE]), at: gateway.port)
            #expect(outcome == .reset([1: Frames.Code.protocol]))
            // Requests of two streams come to the service in any order.
            #expect(service.requests.contains { $0.headers["x"] == ["1"] })
        }
    }

    @Test func `a client that shrinks its table is told that it was shrunk`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            // RFC9113-4.3.1-1
            let (outcome, frames) = try await outcome(of: Frames.settings(1, 0), at: gateway.port)
            #expect(outcome == .served)
            #expect(frames.first { $0.kind == .headers }?.payload.first == 0x20, "\(frames)")
        }
    }

    @Test func `a head that does not fit into a frame goes on in another`() async throws {
        let service = try await TestService.start { _, _ in
            .answer(.ok, ["x": String(repeating: "x", count: 40_000)], [])
        }
        try await withGateway(to: service) { gateway in
            // RFC9113-6.2-2, RFC9113-6.10-1, RFC9113-8.1-1, RFC9113-4.3-1
            let (outcome, frames) = try await outcome(of: [], at: gateway.port)
            #expect(outcome == .served)
            let head = frames.drop { $0.kind != .headers }.prefix { $0.kind == .headers || $0.kind == .continuation }
            #expect(head.count > 1 && head.dropLast().allSatisfy { $0.flags & 4 == 0 }, "\(head.map(\.flags))")
            #expect(head.last?.flags == 4 || head.last?.flags == 5, "\(head.map(\.flags))")
        }
    }
}
#endif
