#if Gateway
/// Frames that a client may send, right or wrong, and what RFC 9113 has them lead to.
enum ConformanceFrames {
    /// What a frame leads to.
    enum Outcome: Sendable, Equatable, CustomStringConvertible {
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

    enum Code {
        static let none: UInt8 = 0
        static let `protocol`: UInt8 = 1
        static let flowControl: UInt8 = 3
        static let streamClosed: UInt8 = 5
        static let frameSize: UInt8 = 6
        static let refused: UInt8 = 7
        static let compression: UInt8 = 9
    }

    /// What is sent behind the preface, and what it may lead to.
    struct Case: Sendable {
        let name: String
        let bytes: [UInt8]
        let outcomes: [Outcome]

        init(_ name: String, _ bytes: [UInt8], _ outcomes: Outcome...) {
            self.name = name
            self.bytes = bytes
            self.outcomes = outcomes
        }
    }

    static let get = HTTP2Frames.get
    /// A request whose body is still to come.
    static let post: [UInt8] = [0x83] + get.dropFirst()

    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        HTTP2Frames.frame(type, flags: flags, stream: stream, payload)
    }
    static func data(_ stream: UInt32, _ payload: [UInt8] = [1], flags: UInt8 = 0) -> [UInt8] {
        frame(0, flags, stream, payload)
    }
    static func headers(_ stream: UInt32, _ block: [UInt8] = get, flags: UInt8 = 5) -> [UInt8] {
        frame(1, flags, stream, block)
    }
    static func priority(_ stream: UInt32) -> [UInt8] { frame(2, 0, stream, [0, 0, 0, 0, 1]) }
    static func rstStream(_ stream: UInt32, _ code: UInt8 = 8) -> [UInt8] {
        frame(3, 0, stream, [0, 0, 0, code])
    }
    static func settings(_ identifier: UInt8, _ value: UInt32) -> [UInt8] {
        frame(4, 0, 0, [0, identifier] + bytes(value))
    }
    static func ping(_ flags: UInt8 = 0, stream: UInt32 = 0, length: Int = 8) -> [UInt8] {
        frame(6, flags, stream, Array(repeating: 7, count: length))
    }
    static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
        frame(8, 0, stream, bytes(increment))
    }
    static func continuation(_ stream: UInt32, _ block: [UInt8], flags: UInt8 = 4) -> [UInt8] {
        frame(9, flags, stream, block)
    }
    static func bytes(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }
    /// A field that goes into no table.
    static func field(_ name: String, _ value: String) -> [UInt8] {
        [0, UInt8(name.utf8.count)] + Array(name.utf8) + [UInt8(value.utf8.count)] + Array(value.utf8)
    }

    // MARK: The table

    /// Each on a connection of its own.
    static let all: [Case] = [
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
        // RFC9113-5.1-1, RFC9113-5.1-11, RFC9113-6.4-6
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
            headers(1, [], flags: 1) + continuation(1, Array(get.prefix(1)), flags: 0)
                + continuation(1, Array(get.dropFirst().prefix(1)), flags: 0)
                + continuation(1, Array(get.dropFirst(2))),
            .served),
    ]
}
#endif
