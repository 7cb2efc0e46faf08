#if Gateway
import NIOCore
import NIOHTTP1
import Testing

@testable import HoldfastGateway

/// What goes out as an answer over HTTP/2, whoever made it (RFC 9113, sections 8.2 and 8.3.2).
@Suite struct HTTP2AnswerTests {
    private struct Answer {
        /// Of each head, names and values in turn.
        var heads: [[[UInt8]]] = []
        var body: [UInt8] = []
        var isWhole = false
        var reset: [UInt8]?
        var frames: [HTTP2Frames.Frame] = []

        func values(_ name: String) -> [[UInt8]] {
            let fields = heads.last ?? []
            return stride(from: 0, to: fields.count, by: 2).filter { fields[$0] == Array(name.utf8) }
                .map { fields[$0 + 1] }
        }

        var status: String? { values(":status").first.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// A client, with a table of its own.
    private struct Client {
        let pipe: HTTP2Pipe
        private var decoder = FieldDecoder()
        private var stream: UInt32 = 1

        init() throws { pipe = try HTTP2Pipe() }

        /// Sends a request, and has it answered.
        mutating func ask(_ method: String = "GET", _ answer: (HTTP2Pipe.Server) -> Void) throws -> Answer {
            var block = ByteBuffer()
            for (name, value) in [(":method", method), (":scheme", "http"), (":path", "/"), (":authority", "a")] {
                block.writeLiteral(name: name.utf8, value: value.utf8)
            }
            try pipe.receive(HTTP2Frames.frame(1, flags: 5, stream: stream, Array(block.readableBytesView)))
            answer(try #require(pipe.servers.last))
            pipe.run()
            var got = Answer()
            got.frames = try pipe.frames().filter { $0.stream == stream }
            stream += 2
            var fields: [UInt8] = []
            for frame in got.frames {
                #expect(frame.payload.count <= 16_384)
                switch frame.kind {
                case .rstStream: got.reset = frame.payload
                case .data: got.body += frame.payload
                case .headers, .continuation:
                    fields += frame.payload
                    if frame.flags & 4 != 0 {
                        got.heads.append(try decoder.fields(fields, most: 1 << 20))
                        fields = []
                    }
                default: break
                }
                if frame.kind == .data || frame.kind == .headers, frame.endsStream { got.isWhole = true }
            }
            return got
        }
    }

    private static func head(_ status: Int = 200, _ fields: [(String, String)] = []) -> HTTPResponseHead {
        HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: HTTPHeaders(fields))
    }

    // MARK: The table

    /// RFC 7541, section 4.2: a client offers a size, and whoever writes chooses. FieldDecoder keeps 4 KiB, as HTTP/2 has it
    /// where nobody says another, and takes no change to more.
    @Test(arguments: [[4_096], [4_097], [65_536], [1 << 31], [UInt32.max], [0, UInt32.max], [UInt32.max, 0, 1 << 20]])
    func `the table of what was sent stays small, whatever a client offers`(sizes: [UInt32]) throws {
        var client = try Client()
        func settings(_ sizes: [UInt32]) -> [UInt8] {
            let payload = sizes.flatMap { size -> [UInt8] in
                [0, 1] + (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) }
            }
            return HTTP2Frames.frame(4, flags: 0, stream: 0, payload)
        }
        // In one frame, and in one after another, whole and in two pieces.
        for (round, frames) in [[sizes], sizes.map { [$0] }].enumerated() {
            for frame in frames.map(settings) {
                let half = round == 0 ? frame.count : frame.count / 2
                try client.pipe.receive(Array(frame[..<half]))
                if half < frame.count { try client.pipe.receive(Array(frame[half...])) }
            }
            for number in 0..<300 {
                let name = "field-\(round)-\(number)"
                let answer = try client.ask {
                    $0.answer(Self.head(200, [(name, "\(number)"), ("again", "\(number % 3)")]))
                }
                #expect(answer.values(name) == [Array("\(number)".utf8)])
                #expect(answer.values("again") == [Array("\(number % 3)".utf8)])
            }
        }
    }

    @Test func `settings that nobody knows are kept as one`() {
        var bytes = ByteBuffer()
        for name in UInt16(0)..<2_000 { bytes.writeMultipleIntegers(name, UInt32(name)) }
        HTTP2Limits.settle(bytes: &bytes, settings: 0, 2_000)
        var names: [UInt16] = []
        while let (name, _) = bytes.readMultipleIntegers(as: (UInt16, UInt32).self) { names.append(name) }
        #expect(Set(names) == Set(1...8).union([0xFFFF]) && Array(names[1...8]) == Array(1...8))
    }

    // MARK: Bytes

    private static let values: [[UInt8]] = [
        [0x4A, 0xF6, 0x72, 0x67], [0xFF], Array("Jörg".utf8), Array("名前.txt".utf8), Array(0x80...0xFF),
        [0xF4, 0x8F, 0xBE, 0xB6], [],
    ]

    @Test func `a value leaves with its bytes, and so do those before and behind it`() throws {
        var client = try Client()
        for value in Self.values {
            for _ in 0..<2 {
                let fields = [("a", "1"), ("content-disposition", String(fieldBytes: value)), ("b", "2"), ("a", "3")]
                let answer = try client.ask { $0.answer(Self.head(200, fields), [7]) }
                #expect(answer.status == "200")
                #expect(answer.values("content-disposition") == [value])
                #expect(answer.values("a") == [[0x31], [0x33]] && answer.values("b") == [[0x32]])
                #expect(answer.values("holdfast-beside") == [])
                #expect(answer.body == [7] && answer.isWhole)
            }
        }
    }

    @Test func `texts that Unicode takes for equal leave each as it is`() throws {
        var client = try Client()
        // NIOHPACK would send the second as the number of the first.
        for value in ["e\u{301}", "\u{E9}", "e\u{301}"] {
            let answer = try client.ask { $0.answer(Self.head(200, [("x", value)])) }
            #expect(answer.values("x") == [Array(value.utf8)])
        }
    }

    @Test func `an informational head and the answer each have their own fields`() throws {
        var client = try Client()
        let answer = try client.ask { server in
            server.inform(Self.head(103, [("link", "</a>")]))
            server.inform(Self.head(103, [("link", String(fieldBytes: [0xF6]))]))
            server.answer(Self.head(200, [("x", String(fieldBytes: [0xFC]))]))
        }
        #expect(answer.heads.count == 3)
        #expect(answer.heads[0].suffix(2) == [Array("link".utf8), Array("</a>".utf8)])
        #expect(answer.heads[1].suffix(2) == [Array("link".utf8), [0xF6]])
        #expect(answer.heads[2].suffix(2) == [[0x78], [0xFC]])
    }

    @Test(arguments: [4_096, 16_384, 60_000])
    func `a head that no frame holds is divided`(count: Int) throws {
        var client = try Client()
        // What takes thirty bits each when it is compressed.
        for byte in ["a", "\u{1}", "\u{E9}"] {
            let value = String(repeating: byte, count: count)
            let answer = try client.ask { $0.answer(Self.head(200, [("x", value), ("y", "2")]), [1]) }
            #expect(answer.values("x") == [Array(value.utf8)])
            #expect(answer.values("y") == [[0x32]] && answer.body == [1] && answer.isWhole)
        }
    }

    @Test func `a service may send a field that is called as the mark is`() throws {
        var client = try Client()
        for value in ["1", String(fieldBytes: [0xF6])] {
            let answer = try client.ask { $0.answer(Self.head(200, [("x", value), ("holdfast-beside", "1")])) }
            #expect(answer.values("x") == [value.fieldBytes] && answer.values("holdfast-beside") == [[0x31]])
        }
    }

    // MARK: What must not go out

    private static let broken: [(String, String)] = [
        ("x", "1\r\ny: 2"), ("x", "1\ny: 2"), ("x", "1\ry"), ("x", "1\u{0}"), ("x", "\n"), ("x", "ö\n"),
        ("content-type", "text/plain\r\n\r\n<script>"), ("x\r\ny", "1"), ("x y", "1"), ("x:", "1"), ("", "1"),
        (":status", "200"), ("x\u{0}", "1"), ("xö", "1"), ("x\u{7F}", "1"),
    ]

    @Test func `no line break, NUL or name that is none leaves, and its stream ends with an internal error`() throws {
        var client = try Client()
        for (name, value) in Self.broken {
            let answer = try client.ask { $0.answer(Self.head(200, [("a", "1"), (name, value)]), [1, 2, 3]) }
            #expect(answer.heads.isEmpty && answer.body.isEmpty && !answer.isWhole, "\(name): \(value)")
            #expect(answer.reset == [0, 0, 0, 2])
        }
        #expect(try client.ask { $0.answer(Self.head(204)) }.status == "204")
    }

    @Test func `no value begins or ends with whitespace`() throws {
        var client = try Client()
        for (value, trimmed) in [(" 1", "1"), ("1\t ", "1"), (" \t", ""), ("a b", "a b"), ("\tö ", "ö")] {
            let answer = try client.ask { $0.answer(Self.head(200, [("x", value)])) }
            #expect(answer.values("x") == [Array(trimmed.utf8)])
        }
    }

    // MARK: Answers without a body

    @Test(arguments: [204, 304])
    func `an answer that has no body sends none, whoever gives it one, and no false length`(status: Int) throws {
        var client = try Client()
        let answer = try client.ask { $0.answer(Self.head(status, [("content-length", "3"), ("x", "1")]), [1, 2, 3]) }
        #expect(answer.status == "\(status)" && answer.body.isEmpty && answer.isWhole && answer.reset == nil)
        #expect(answer.values("content-length") == [] && answer.values("x") == [[0x31]])
        // The connection goes on.
        #expect(try client.ask { $0.answer(Self.head(), [1]) }.body == [1])
    }

    @Test func `304 keeps the length that an answer with a body would have`() throws {
        var client = try Client()
        let answer = try client.ask { $0.answer(Self.head(304, [("content-length", "3")])) }
        #expect(answer.values("content-length") == [[0x33]] && answer.isWhole)
    }

    @Test func `the answer to HEAD keeps its length and has no body`() throws {
        var client = try Client()
        let answer = try client.ask("HEAD") { $0.answer(Self.head(200, [("content-length", "3")]), [1, 2, 3]) }
        #expect(answer.values("content-length") == [[0x33]] && answer.body.isEmpty && answer.isWhole)
    }

    @Test func `an informational head has no length`() throws {
        var client = try Client()
        let answer = try client.ask { server in
            server.inform(Self.head(103, [("content-length", "3")]))
            server.answer(Self.head(), [1])
        }
        #expect(answer.heads.first?.contains(Array("content-length".utf8)) == false && answer.body == [1])
    }
}
#endif
