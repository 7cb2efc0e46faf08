#if Gateway
import NIOCore
import NIOHTTP1
import Testing

@testable import HoldfastGateway

/// What a client has sent and nobody has read: how much that may be, and what it takes (RFC 9113, section 5.2).
@Suite struct HTTP2UnreadTests {
    private static func data(_ bytes: [UInt8], on stream: UInt32 = 1, ends: Bool = false) -> [UInt8] {
        HTTP2Frames.frame(0, flags: ends ? 1 : 0, stream: stream, bytes)
    }

    private static func opened(_ stream: UInt32 = 1) -> [UInt8] {
        HTTP2Frames.frame(1, flags: 4, stream: stream, HTTP2Frames.get)
    }

    /// By how much the windows were opened, of a stream or of the connection.
    private static func opened(_ frames: [HTTP2Frames.Frame], of stream: UInt32) -> Int {
        frames.filter { $0.kind == .windowUpdate && $0.stream == stream }.reduce(0) { sum, frame in
            sum + Int(frame.payload.reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
        }
    }

    @Test func `what is not read waits, byte by byte, in no more room than it needs, and opens no window`() throws {
        let pipe = try HTTP2Pipe()
        defer { pipe.end() }
        try pipe.receive(Self.opened())
        let server = try #require(pipe.servers.first)
        server.isHeld = true
        // The read that was asked for before.
        try pipe.receive(Self.data([0]))
        #expect(server.body == [0])
        let sent = (0..<40_000).map { UInt8(truncatingIfNeeded: $0) }
        // Each in a read of its own, as one who writes them one by one has it.
        for byte in sent { try pipe.receive(Self.data([byte])) }
        #expect(server.body.count == 1)
        let frames = try pipe.frames()
        #expect(Self.opened(frames, of: 1) == 0)
        server.goOn()
        #expect(server.body == [0] + sent)
        // NIOHTTP2 opens a window by what was read once it is half closed; what it owed was held.
        let later = try pipe.frames()
        #expect(Self.opened(later, of: 1) >= 32_768 && Self.opened(later, of: 1) <= 40_001)
        try pipe.receive(Self.data([9], ends: true))
        #expect(server.body.last == 9 && server.ends == 1)
    }

    @Test func `what waits takes one buffer of a window's size`() {
        var unread = HTTP2UnreadBody()
        for _ in 0..<HTTP2Limits.streamWindow {
            let isTaken = unread.append(ByteBuffer(integer: UInt8(1)), isLast: false)
            #expect(isTaken)
        }
        #expect(unread.bytes.storageCapacity <= 65_536)
        let isTaken = unread.append(ByteBuffer(integer: UInt8(1)), isLast: false)
        #expect(!isTaken)
    }

    @Test func `a client that sends more than its window has its stream reset`() throws {
        let pipe = try HTTP2Pipe()
        defer { pipe.end() }
        try pipe.receive(Self.opened() + Self.opened(3))
        pipe.servers[0].isHeld = true
        try pipe.receive(Self.data([0]))
        // NIOHTTP2 believes that it has opened the window again and again.
        for _ in 0..<8 { try pipe.receive(Self.data([UInt8](repeating: 0, count: 16_000))) }
        let frames = try pipe.frames()
        #expect(frames.contains { $0.kind == .rstStream && $0.stream == 1 && $0.payload == [0, 0, 0, 3] })
        #expect(Self.opened(frames, of: 1) == 0)
        // The connection goes on.
        try pipe.receive(Self.data([1], on: 3, ends: true))
        #expect(pipe.servers[1].body == [1] && pipe.servers[1].ends == 1)
    }

    @Test(arguments: [true, false])
    func `the end waits for what is before it, be it DATA or trailers`(isData: Bool) throws {
        let pipe = try HTTP2Pipe()
        defer { pipe.end() }
        try pipe.receive(Self.opened())
        let server = try #require(pipe.servers.first)
        server.isHeld = true
        try pipe.receive(Self.data([1]))
        try pipe.receive(Self.data([2]))
        try pipe.receive(isData ? Self.data([], ends: true) : HTTP2Frames.frame(1, flags: 5, stream: 1))
        #expect(server.body == [1] && server.ends == 0)
        server.goOn()
        #expect(server.body == [1, 2] && server.ends == 1)
    }

    @Test func `a stream that is reset while its body waits leaves nothing behind`() throws {
        let pipe = try HTTP2Pipe()
        defer { pipe.end() }
        try pipe.receive(Self.opened())
        let server = try #require(pipe.servers.first)
        server.isHeld = true
        for _ in 0..<3 { try pipe.receive(Self.data([UInt8](repeating: 0, count: 16_000))) }
        try pipe.receive(HTTP2Frames.frame(3, flags: 0, stream: 1, [0, 0, 0, 8]))
        server.goOn()
        #expect(try Self.opened(pipe.frames(), of: 1) == 0)
        #expect(server.ends == 0)
    }

    @Test func `a stream that is read goes on beside one that is not`() throws {
        let pipe = try HTTP2Pipe()
        defer { pipe.end() }
        try pipe.receive(Self.opened() + Self.opened(3))
        pipe.servers[0].isHeld = true
        for _ in 0..<20 {
            try pipe.receive(Self.data([UInt8](repeating: 3, count: 16_000), on: 3))
            try pipe.receive(Self.data([1], on: 1))
        }
        #expect(pipe.servers[1].body.count == 320_000)
        let frames = try pipe.frames()
        #expect(Self.opened(frames, of: 1) == 0)
        #expect(Self.opened(frames, of: 3) > 240_000)
    }

    @Test func `many small frames in one read are handed on in turns`() throws {
        let pipe = try HTTP2Pipe()
        defer { pipe.end() }
        try pipe.receive(Self.opened())
        let sent = (0..<6_000).map { UInt8(truncatingIfNeeded: $0) }
        try pipe.receive(sent.flatMap { Self.data([$0]) })
        #expect(pipe.servers[0].body == sent)
    }
}
#endif
