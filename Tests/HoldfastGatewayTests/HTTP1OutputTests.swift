#if Gateway
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import Testing

@testable import HoldfastGateway

/// What goes out over HTTP/1, byte by byte.
@Suite struct HTTP1OutputTests {
    private static func text(_ bytes: ByteBuffer?) -> String { bytes.map { String(buffer: $0) } ?? "" }

    @Test("a head and a short body leave in one piece")
    func joined() {
        var output = HTTP1Output()
        output.begin(.ok)
        output.add(name: "content-length", value: "5")
        output.endHead()
        #expect(output.append(ByteBuffer(string: "hello")).isEmpty)
        output.end()
        #expect(Self.text(output.take()) == "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
        #expect(output.take() == nil)
    }

    @Test("a request is written as it is asked for, whatever its method")
    func request() {
        var output = HTTP1Output()
        output.begin(.RAW(value: "PURGE"), "/a?b=ü")
        output.add(name: "host", value: "")
        output.endHead()
        output.end()
        #expect(Self.text(output.take()) == "PURGE /a?b=ü HTTP/1.1\r\nhost: \r\n\r\n")
    }

    @Test("nothing breaks a line, whoever gave it", arguments: ["\r\n", "\r", "\n", "\0", "\u{B}", "\u{7F}"])
    func lines(control: String) {
        for padding in ["", "padding of more than a word, "] {
            var output = HTTP1Output()
            output.begin(.GET, "/a\(control)b")
            output.add(name: "x", value: "\(padding)a\(control)b: c")
            output.add(name: "x\(control)y", value: "1")
            output.add(name: "", value: "1")
            output.endHead()
            let blanks = String(repeating: " ", count: control.utf8.count)
            let escaped = control.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
            let expected = "GET /a\(escaped.joined())b HTTP/1.1\r\nx: \(padding)a\(blanks)b: c\r\n\r\n"
            #expect(Self.text(output.take()) == expected)
        }
    }

    @Test("a body of unknown length goes in chunks, the empty ones left out, and the next message without")
    func chunked() {
        var output = HTTP1Output()
        output.begin(.created)
        output.add(name: "Transfer-Encoding", value: "chunked")
        output.endHead()
        for piece in ["hello", "", "0123456789abcdef"] { #expect(output.append(ByteBuffer(string: piece)).isEmpty) }
        output.end()
        let head = "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(Self.text(output.take()) == head + "5\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n")
        output.begin(.noContent)
        output.endHead()
        output.end()
        #expect(Self.text(output.take()) == "HTTP/1.1 204 No Content\r\n\r\n")
    }

    @Test("a long piece of a body is not copied, and keeps its place", arguments: [false, true])
    func long(isChunked: Bool) throws {
        var output = HTTP1Output()
        output.begin(.ok)
        if isChunked { output.add(name: "transfer-encoding", value: "chunked") }
        output.endHead()
        let body = ByteBuffer(repeating: UInt8(ascii: "x"), count: 10_000)
        let sent = output.append(body)
        output.end()
        try #require(sent.count == 2)
        #expect(Self.text(sent[0]).hasSuffix(isChunked ? "\r\n\r\n2710\r\n" : "\r\n\r\n"))
        #expect(sent[1] == body)
        #expect(Self.text(output.take()) == (isChunked ? "\r\n0\r\n\r\n" : ""))
    }

    @Test("short pieces are sent before they become many")
    func bound() {
        var output = HTTP1Output()
        var (sent, most) = (0, 0)
        for _ in 0..<1_000 {
            let pieces = output.append(ByteBuffer(repeating: UInt8(ascii: "x"), count: 1_000))
            most = max(most, pieces.map(\.readableBytes).max() ?? 0)
            sent += pieces.reduce(0) { $0 + $1.readableBytes }
        }
        sent += output.take()?.readableBytes ?? 0
        #expect(sent == 1_000_000)
        #expect(most > 0 && most < 34 << 10)
    }

    @Test("what is sent next takes the room of what was sent, and nothing of what is still on its way")
    func reuse() throws {
        var output = HTTP1Output()
        output.begin(.ok)
        let taken = output.take()
        let first = try #require(taken)
        let held = first
        output.reuse(first)
        output.begin(.notFound)
        #expect(Self.text(held) == "HTTP/1.1 200 OK\r\n")
        #expect(Self.text(output.take()) == "HTTP/1.1 404 Not Found\r\n")
    }
}

/// What a connection keeps of it while nothing is sent.
@Suite struct HTTP1OutputRoomTests {
    @Test("the room of a short answer is kept for the next, and that of a long one let go", arguments: [10, 30_000])
    func room(length: Int) throws {
        var output = HTTP1Output()
        output.begin(.ok)
        output.endHead()
        for _ in 0..<length / 10 { _ = output.append(ByteBuffer(repeating: UInt8(ascii: "x"), count: 10)) }
        // Nobody else holds it, as when it has been sent.
        output.reuse(output.take() ?? ByteBuffer())
        output.begin(.ok)
        let next = output.take()
        #expect(try #require(next).storageCapacity <= 4_096)
    }
}

/// When it goes out.
@Suite struct LoopTurnTests {
    private final class Connection: Flushing {
        var isFlushAwaited = false
        var flushed = 0
        var whenFlushed: () -> Void = {}

        func flushNow() {
            flushed += 1
            whenFlushed()
        }
    }

    @Test("what is ready is sent once, when the loop has read what there was, and what that leads to right after")
    func turn() {
        let loop = EmbeddedEventLoop()
        let turn = LoopTurn(eventLoop: loop)
        let (one, other) = (Connection(), Connection())
        // One that waits already goes with what it waits for; one that was sent waits anew.
        one.whenFlushed = { turn.flush(other) }
        other.whenFlushed = { if other.flushed < 2 { turn.flush(other) } }
        turn.flush(one)
        turn.flush(other)
        turn.flush(one)
        #expect(one.flushed == 0 && other.flushed == 0)
        loop.run()
        #expect(one.flushed == 1 && other.flushed == 2)
    }

    @Test("no more connections wait for one another than the bound")
    func bound() {
        let turn = LoopTurn(eventLoop: EmbeddedEventLoop())
        let connections = (0..<LoopTurn.bound + 1).map { _ in Connection() }
        for connection in connections { turn.flush(connection) }
        #expect(connections.map(\.flushed) == Array(repeating: 1, count: LoopTurn.bound) + [0])
    }

    @Test("the time stands still within a turn, and no longer")
    func time() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let turn = try await loop.submit { NIOLoopBound(LoopTurn(eventLoop: loop), eventLoop: loop) }.get()
        let start = try await loop.submit {
            let start = turn.value.now
            while loop.now == start {}
            #expect(turn.value.now == start)
            return start
        }.get()
        try await loop.submit { #expect(turn.value.now > start) }.get()
    }
}
#endif
