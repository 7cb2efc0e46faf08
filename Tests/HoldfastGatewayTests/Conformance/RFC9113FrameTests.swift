#if Gateway
import HoldfastGateway
import TestSupport
import Testing

/// HTTP/2 to the letter, as ``Documentation/Conformance/RFC9113.txt`` has it: what becomes of frames, each of which a
/// client sends on a connection of its own.
@Suite struct RFC9113FrameTests {
    /// What a frame leads to.
    private enum Outcome: Equatable, CustomStringConvertible {
        /// The next request is served, and no stream was reset.
        case served
        /// The next request is served, and these streams were reset.
        case reset([UInt32: UInt8])
        /// The connection ends with this code.
        case goAway(UInt8)
        case closed

        var description: String {
            switch self {
            case .served: "served"
            case .reset(let streams): "reset \(streams)"
            case .goAway(let code): "GOAWAY \(code)"
            case .closed: "closed"
            }
        }
    }

    private enum Code {
        static let none: UInt8 = 0
        static let `protocol`: UInt8 = 1
        static let flowControl: UInt8 = 3
        static let streamClosed: UInt8 = 5
        static let frameSize: UInt8 = 6
        static let refused: UInt8 = 7
        static let compression: UInt8 = 9
    }

    /// What is sent behind the preface, and what it may lead to.
    private struct Case {
        let name: String
        let bytes: [UInt8]
        let outcomes: [Outcome]

        init(_ name: String, _ bytes: [UInt8], _ outcomes: Outcome...) {
            self.name = name
            self.bytes = bytes
            self.outcomes = outcomes
        }
    }

    private static let get = HTTP2Frames.get
    /// A request whose body is still to come.
    private static let post: [UInt8] = [0x83] + get.dropFirst()

    private static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        HTTP2Frames.frame(type, flags: flags, stream: stream, payload)
    }
    private static func data(_ stream: UInt32, _ payload: [UInt8] = [1], flags: UInt8 = 0) -> [UInt8] {
        frame(0, flags, stream, payload)
    }
    private static func headers(_ stream: UInt32, _ block: [UInt8] = get, flags: UInt8 = 5) -> [UInt8] {
        frame(1, flags, stream, block)
    }
    private static func priority(_ stream: UInt32) -> [UInt8] { frame(2, 0, stream, [0, 0, 0, 0, 1]) }
    private static func rstStream(_ stream: UInt32, _ code: UInt8 = 8) -> [UInt8] {
        frame(3, 0, stream, [0, 0, 0, code])
    }
    private static func settings(_ identifier: UInt8, _ value: UInt32) -> [UInt8] {
        frame(4, 0, 0, [0, identifier] + bytes(value))
    }
    private static func ping(_ flags: UInt8 = 0, stream: UInt32 = 0, length: Int = 8) -> [UInt8] {
        frame(6, flags, stream, Array(repeating: 7, count: length))
    }
    private static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
        frame(8, 0, stream, bytes(increment))
    }
    private static func continuation(_ stream: UInt32, _ block: [UInt8], flags: UInt8 = 4) -> [UInt8] {
        frame(9, flags, stream, block)
    }
    private static func bytes(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
    /// A field that goes into no table.
    private static func field(_ name: String, _ value: String) -> [UInt8] {
        [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
    }

    /// The request that tells whether the connection goes on.
    private static let last: UInt32 = 999

    private func outcome(of bytes: [UInt8], at port: Int) async throws -> (Outcome, [HTTP2Frames.Frame]) {
        let frames = try await HTTP2Frames.exchange(
            HTTP2Frames.preface + bytes + Self.headers(Self.last), to: port
        ) { frame in
            // Ends the connection, by an error.
            frame.stream == Self.last && (frame.endsStream || frame.kind == .rstStream) ? Self.data(0) : []
        }
        let end = frames.firstIndex { $0.stream == Self.last && $0.endsStream && $0.kind != .rstStream }
        let before = frames[..<(end ?? frames.endIndex)]
        if let goAway = before.first(where: { $0.kind == .goAway && $0.payload != Self.announcement }) {
            return (.goAway(goAway.payload[7]), frames)
        }
        guard end != nil else { return (.closed, frames) }
        let resets = before.filter { $0.kind == .rstStream && $0.payload != [0, 0, 0, Code.none] }
        guard !resets.isEmpty else { return (.served, frames) }
        return (.reset(Dictionary(resets.map { ($0.stream, $0.payload[3]) }, uniquingKeysWith: { $1 })), frames)
    }

    private static let announcement: [UInt8] = [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]

    private static let frames: [Case] = [
        // RFC9113-4.1-2, RFC9113-5.5-2
        Case("a frame of no known type", frame(0xB, 0, 0, [1, 2, 3]) + frame(0xFF, 0xFF, 1), .served),
        // RFC9113-4.1-3, RFC9113-5.5-1
        Case("flags that mean nothing", ping(0xFE) + headers(1, flags: 0xD5), .served),
        // RFC9113-4.1-4
        Case("a reserved bit", headers(0x8000_0001), .served),
        // RFC9113-4.2-1
        Case(
            "a frame of the largest size",
            headers(1, post, flags: 4) + data(1, Array(repeating: 1, count: 16_384), flags: 1), .served),
        // RFC9113-4.2-2
        Case(
            "DATA that is too large", headers(1, post, flags: 4) + data(1, Array(repeating: 1, count: 16_385)),
            .goAway(Code.frameSize), .reset([1: Code.frameSize])),
        // RFC9113-4.2-3
        Case(
            "HEADERS that are too large", headers(1, get + Array(repeating: 0x82, count: 16_385)),
            .goAway(Code.frameSize)),
        Case(
            "SETTINGS that are too large", frame(4, 0, 0, Array(repeating: 0, count: 16_386)), .goAway(Code.frameSize)),
        // RFC9113-4.3-1, RFC9113-6.2-3, RFC9113-5.5-3
        Case("PRIORITY within a field block", headers(1, flags: 1) + priority(1), .goAway(Code.protocol)),
        Case("another stream within a field block", headers(1, flags: 1) + headers(3), .goAway(Code.protocol)),
        Case("an unknown frame within a field block", headers(1, flags: 1) + frame(0xB, 0, 1), .goAway(Code.protocol)),
        Case("PING within a field block", headers(1, flags: 1) + ping(), .goAway(Code.protocol)),
        // RFC9113-4.3-2, RFC9113-4.3-3
        Case("an index that is in no table", headers(1, get + [0xFE]), .goAway(Code.compression)),
        Case("a string that is cut off", headers(1, get + [0, 5, 0x61]), .goAway(Code.compression)),
        Case("the index 0", headers(1, get + [0x80]), .goAway(Code.compression)),
        Case("a Huffman code that ends early", headers(1, get + [0, 0x81, 0x00, 0]), .goAway(Code.compression)),
        Case("a table larger than allowed", headers(1, [0x3F, 0xE2, 0x1F] + get), .goAway(Code.compression)),
        Case("a table's size behind a field", headers(1, get + [0x20]), .goAway(Code.compression)),
        // RFC9113-5.1-1, RFC9113-6.4-6
        Case("DATA on an idle stream", data(1), .goAway(Code.protocol)),
        Case("RST_STREAM on an idle stream", rstStream(1), .goAway(Code.protocol)),
        Case("WINDOW_UPDATE on an idle stream", windowUpdate(1, 1), .goAway(Code.protocol)),
        Case("PRIORITY on an idle stream", priority(1), .served),
        // RFC9113-5.1-7, RFC9113-6.1-4
        Case(
            "DATA behind the end of a request", headers(1) + data(1),
            .reset([1: Code.streamClosed]), .goAway(Code.streamClosed)),
        Case(
            "HEADERS behind the end of a request", headers(1) + headers(1),
            .reset([1: Code.streamClosed]), .goAway(Code.streamClosed)),
        // RFC9113-5.1-8, RFC9113-5.4.2-1, RFC9113-6.4-2, RFC9113-6.9-3
        Case(
            "what was on its way when a stream was reset",
            headers(1, get + field("Upper", "1"), flags: 4) + data(1) + windowUpdate(1, 1) + priority(1) + rstStream(1),
            .reset([1: Code.protocol])),
        Case("WINDOW_UPDATE behind the end of a request", headers(1) + windowUpdate(1, 1) + priority(1), .served),
        // RFC9113-5.1.1-1, RFC9113-5.1.1-2, RFC9113-5.1.1-3
        Case("an even stream", headers(2), .goAway(Code.protocol)),
        Case("a stream below the last", headers(5) + headers(3), .goAway(Code.protocol)),
        // RFC9113-6.1-3
        Case("DATA on no stream", data(0), .goAway(Code.protocol)),
        // RFC9113-6.1-5
        Case(
            "DATA that is all padding", headers(1, post, flags: 4) + data(1, [5, 0, 0], flags: 8),
            .goAway(Code.protocol)),
        Case("DATA with padding", headers(1, post, flags: 4) + data(1, [2, 9, 0, 0], flags: 9), .served),
        // RFC9113-6.2-5
        Case("HEADERS on no stream", headers(0), .goAway(Code.protocol)),
        // RFC9113-6.2-6
        Case(
            "HEADERS that are all padding", headers(1, [UInt8(get.count + 1)] + get, flags: 0xD), .goAway(Code.protocol)
        ),
        Case("HEADERS with padding and a priority", headers(1, [1, 0, 0, 0, 0, 9] + get + [0], flags: 0x2D), .served),
        // RFC9113-6.3-1
        Case("PRIORITY on no stream", priority(0), .goAway(Code.protocol)),
        // RFC9113-6.3-2
        Case(
            "PRIORITY of another length", headers(1, post, flags: 4) + frame(2, 0, 1, [0, 0, 0, 0]),
            .reset([1: Code.frameSize]), .goAway(Code.frameSize)),
        // RFC9113-6.4-4
        Case("RST_STREAM on no stream", rstStream(0), .goAway(Code.protocol)),
        // RFC9113-6.4-7
        Case(
            "RST_STREAM of another length", headers(1, post, flags: 4) + frame(3, 0, 1, [0, 0, 0]),
            .goAway(Code.frameSize)),
        // RFC9113-6.5-4
        Case("SETTINGS that acknowledge and say more", frame(4, 1, 0, [0, 3, 0, 0, 0, 1]), .goAway(Code.frameSize)),
        // RFC9113-6.5-6
        Case("SETTINGS on a stream", frame(4, 0, 1), .goAway(Code.protocol)),
        // RFC9113-6.5-7, RFC9113-6.5-8
        Case("SETTINGS of another length", frame(4, 0, 0, [0, 3, 0, 0, 0]), .goAway(Code.frameSize)),
        // RFC9113-6.5.2-3
        Case("a push that is neither on nor off", settings(2, 2), .goAway(Code.protocol)),
        // RFC9113-6.5.2-9
        Case("a window that is too large", settings(4, 0x8000_0000), .goAway(Code.flowControl)),
        // RFC9113-6.5.2-11
        Case("frames that are too small", settings(5, 16_383), .goAway(Code.protocol)),
        Case("frames that are too large", settings(5, 0x100_0000), .goAway(Code.protocol)),
        // RFC9113-6.5.2-12, RFC9113-6.5.3-3, RFC9113-6.5-2
        Case(
            "settings of all kinds",
            settings(1, 0) + settings(2, 0) + settings(3, 0) + settings(5, 0xFF_FFFF) + settings(6, 1)
                + settings(0xFF, 7),
            .served),
        // RFC9113-6.6-8, RFC9113-8.4-6, RFC9113-8.4.1-5
        Case("PUSH_PROMISE", headers(1) + frame(5, 4, 1, [0, 0, 0, 2] + get), .goAway(Code.protocol)),
        // RFC9113-6.7-5
        Case("PING that acknowledges", ping(1), .served),
        // RFC9113-6.7-6
        Case("PING on a stream", headers(1) + ping(stream: 1), .goAway(Code.protocol)),
        // RFC9113-6.7-7
        Case("PING of another length", ping(length: 7), .goAway(Code.frameSize)),
        // RFC9113-6.8-4
        Case("GOAWAY on a stream", headers(1) + frame(7, 0, 1, Array(repeating: 0, count: 8)), .goAway(Code.protocol)),
        // RFC9113-6.9-2
        Case("a window that grows by 0", windowUpdate(0, 0), .goAway(Code.protocol)),
        Case(
            "a stream's window that grows by 0", headers(1, post, flags: 4) + windowUpdate(1, 0),
            .reset([1: Code.protocol])),
        // RFC9113-6.9-5
        Case("WINDOW_UPDATE of another length", frame(8, 0, 0, [0, 0, 1]), .goAway(Code.frameSize)),
        // RFC9113-6.9.1-3
        Case("a window beyond all", windowUpdate(0, 0x7FFF_FFFF), .goAway(Code.flowControl)),
        Case(
            "a stream's window beyond all", headers(1, post, flags: 4) + windowUpdate(1, 0x7FFF_FFFF),
            .reset([1: Code.flowControl])),
        // RFC9113-6.9.2-3
        Case(
            "windows that a setting makes too large",
            headers(1, post, flags: 4) + windowUpdate(1, 1 << 30) + settings(4, 0x7FFF_FFFF), .goAway(Code.flowControl)),
        // RFC9113-6.10-2
        Case(
            "DATA within a field block", headers(1, flags: 0) + continuation(1, [], flags: 0) + data(1),
            .goAway(Code.protocol)),
        // RFC9113-6.10-4
        Case("CONTINUATION on no stream", headers(1, flags: 0) + continuation(0, []), .goAway(Code.protocol)),
        // RFC9113-6.10-5, RFC9113-6.10-6
        Case("CONTINUATION behind a whole head", headers(1, flags: 4) + continuation(1, []), .goAway(Code.protocol)),
        Case(
            "CONTINUATION behind the last one", headers(1, flags: 0) + continuation(1, []) + continuation(1, []),
            .goAway(Code.protocol)),
        Case(
            "CONTINUATION behind DATA", headers(1, post, flags: 4) + data(1) + continuation(1, []),
            .goAway(Code.protocol)),
        // RFC9113-7-1
        Case("a reset for no known reason", headers(1, post, flags: 4) + rstStream(1, 0xFF), .served),
        // RFC9113-8.1-4
        Case(
            "HEADERS within a body that end nothing",
            headers(1, post, flags: 4) + headers(1, field("x", "1"), flags: 4),
            .reset([1: Code.protocol])),
        // RFC9113-8.1-2, RFC9113-8.1-3, RFC9113-8.3-3
        Case(
            "trailers that say how to route", headers(1, post, flags: 4) + headers(1, field(":path", "/"), flags: 5),
            .reset([1: Code.protocol])),
        Case("trailers", headers(1, post, flags: 4) + data(1) + headers(1, field("x", "1"), flags: 5), .served),
        // RFC9113-6.2-2, RFC9113-6.10-1 are the gateway's own; a client's are these.
        Case(
            "a head in many pieces",
            headers(1, [], flags: 1) + get.dropLast().flatMap { continuation(1, [$0], flags: 0) }
                + continuation(1, [get[get.count - 1]]), .served),
    ]

    @Test func `each frame leads to what the rules say, and what they forbid reaches no service`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.headerTimeout = .seconds(20) }) { gateway in
            for one in Self.frames {
                let (outcome, frames) = try await outcome(of: one.bytes, at: gateway.port)
                #expect(one.outcomes.contains(outcome), "\(one.name): \(outcome), not \(one.outcomes)")
                // RFC9113-5.4-1, RFC9113-5.4-2, RFC9113-5.4-3, RFC9113-5.4.1-1, RFC9113-5.4.1-2, RFC9113-6.8-2: an error of
                // the connection is told once, and then it is closed.
                #expect(frames.filter { $0.kind == .goAway }.count == 1, "\(one.name): \(frames)")
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
            let (outcome, frames) = try await outcome(of: Self.headers(1) + Self.rstStream(1), at: gateway.port)
            #expect(outcome == .served && frames.allSatisfy { $0.stream != 1 }, "\(frames)")
        }
    }

    @Test func `a PING comes back as it was, and settings are acknowledged`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let (outcome, frames) = try await outcome(
                of: Self.ping() + Self.settings(4, 1 << 20) + Self.settings(3, 1) + Self.ping(1), at: gateway.port)
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
                HTTP2Frames.preface + Self.settings(4, 9) + Self.settings(4, 3) + Self.headers(1)
            let frames = try await HTTP2Frames.exchange(opening, to: gateway.port) { frame in
                guard frame.kind == .data else { return [] }
                switch frame.payload.count {
                case 3: return Self.settings(4, 8)
                case 5: return Self.windowUpdate(1, 7)
                // RFC9113-6.9.2-2: the window is below 0 now, and not above before the second update.
                case 7: return Self.settings(4, 0) + Self.windowUpdate(1, 5) + Self.windowUpdate(1, 7)
                default: return Self.data(0)
                }
            }
            #expect(frames.filter { $0.kind == .data }.map(\.payload.count) == [3, 5, 7, 4], "\(frames)")
        }
    }

    @Test func `what is not under flow control is not held up by it`() async throws {
        let service = try await TestService.start { _, _ in .answer(.ok, [:], [1, 2, 3]) }
        try await withGateway(to: service) { gateway in
            // RFC9113-6.9-1, RFC9113-6.7-3, RFC9113-5.2.2-1: a stream that may send nothing, and a PING behind it.
            let opening = HTTP2Frames.preface + Self.settings(4, 0) + Self.headers(1)
            let frames = try await HTTP2Frames.exchange(opening, to: gateway.port) { frame in
                switch frame.kind {
                case .headers: Self.ping()
                case .ping: Self.data(0)
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
            let bad = Self.headers(1, Self.get + Self.field("Upper", "1") + indexed)
            let (outcome, _) = try await outcome(of: bad + Self.headers(3, Self.get + [0xBE]), at: gateway.port)
            #expect(outcome == .reset([1: Code.protocol]))
            #expect(service.requests.first?.headers["x"] == ["1"])
        }
    }

    @Test func `a client that shrinks its table is told that it was shrunk`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            // RFC9113-4.3.1-1
            let (outcome, frames) = try await outcome(of: Self.settings(1, 0), at: gateway.port)
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

    @Test func `a stream beyond the limit is refused, and the others go on`() async throws {
        let service = try await TestService.start { request, _ in request.uri == "/" ? .ok() : .hang }
        try await withGateway(to: service, configure: { $0.listeners[0].streams = 2 }) { gateway in
            // RFC9113-5.1.2-2, RFC9113-8.7-1
            let slow = Self.get.map { $0 == 0x84 ? 0x85 : $0 }
            let opening = HTTP2Frames.preface + Self.headers(1, slow) + Self.headers(3, slow) + Self.headers(5)
            let frames = try await HTTP2Frames.exchange(opening, to: gateway.port) { frame in
                switch (frame.kind, frame.stream) {
                case (.settings, _) where frame.flags == 0: Self.frame(4, 1, 0)
                case (.rstStream, 5): Self.rstStream(1) + Self.headers(7)
                default: frame.stream == 7 && frame.endsStream ? Self.data(0) : []
                }
            }
            let reset = frames.first { $0.kind == .rstStream && $0.stream == 5 }
            #expect(
                reset?.payload == [0, 0, 0, Code.refused] || reset?.payload == [0, 0, 0, Code.protocol], "\(frames)")
            #expect(frames.contains { $0.stream == 7 && $0.endsStream }, "\(frames)")
        }
    }
}
#endif
