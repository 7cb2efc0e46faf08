#if Gateway
import Holdfast
import NIOCore
import Testing

@testable import HoldfastGateway

/// Frames, in whatever pieces they come (RFC 9113, sections 4 to 6).
@Suite struct HTTP2FrameReaderTests {
    private static let magic = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    private static let block = HTTP2Frames.get

    private static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8] = []) -> [UInt8] {
        HTTP2Frames.frame(type, flags: flags, stream: stream, payload)
    }

    private static func refusal(_ body: () throws(HTTP2Refusal) -> Void) -> HTTP2Refusal.Code? {
        do throws(HTTP2Refusal) {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    /// What NIOHTTP2 is given, in its pieces.
    private struct Driver {
        var reader: HTTP2FrameReader
        var pieces: [ByteBuffer] = []
        /// The most that was kept.
        var most = 0
        var now = NIODeadline.uptimeNanoseconds(1)

        init(limit: Int = 65_536) { reader = HTTP2FrameReader(headerLimit: limit) }

        mutating func receive(_ bytes: some Collection<UInt8>) throws(HTTP2Refusal) {
            var input = ByteBuffer(bytes: bytes)
            let now = now
            while let piece = try reader.next(&input, at: { now }) {
                pieces.append(piece)
                if reader.frames >= HTTP2FrameReader.turnFrames { reader.beginTurn() }
            }
            reader.beginTurn()
            most = max(most, reader.keptBytes)
        }

        var all: [UInt8] { pieces.flatMap { Array($0.readableBytesView) } }
    }

    @Test func `windows are opened for what was sent, and no oftener, whatever streams they are of`() throws {
        for stream in [UInt32(0), 1, 3] {
            var driver = Driver()
            try driver.receive(Self.magic + Self.frame(4, 0, 0) + HTTP2Frames.get(on: 1))
            let update = Self.frame(8, 0, stream, [0, 0, 0, 1])
            let most = HTTP2Limits.windowUpdates + HTTP2Limits.windowUpdatesPerFrame
            for _ in 0..<most { try driver.receive(update) }
            driver.reader.sentData()
            for place in 0..<HTTP2Limits.windowUpdatesPerFrame {
                // In pieces as well as whole.
                try driver.receive(update.prefix(place))
                try driver.receive(update.dropFirst(place))
            }
            #expect(Self.refusal { () throws(HTTP2Refusal) in try driver.receive(update) } == .enhanceYourCalm)
        }
    }

    /// Each type that there is, and some that there are not, and what NIOHTTP2 gets of them.
    private static let frames: [(sent: [UInt8], given: [UInt8])] = {
        let long = [UInt8](repeating: 7, count: 16_384)
        let field: [UInt8] = [0x00, 0x01, 0x78, 0x1E] + [UInt8](repeating: 0x61, count: 30)
        let fields = block + (0..<1_000).flatMap { _ in field }
        let priority: [UInt8] = [0x80, 0, 0, 1, 16]
        let divided = priority + fields
        let same: [[UInt8]] = [
            frame(4, 0, 0), frame(4, 0, 0, [0, 3, 0, 0, 0, 100, 0, 4, 0, 1, 0, 0]), frame(4, 1, 0),
            frame(6, 0, 0, Array(1...8)), frame(6, 1, 0, Array(1...8)),
            frame(2, 0, 3, [0, 0, 0, 1, 16]), frame(8, 0, 0, [0, 0, 1, 0]), frame(8, 0, 1, [0, 0, 1, 0]),
            frame(1, 4, 1, block), frame(0, 0, 1, [1]), frame(0, 0, 1, long), frame(0, 8, 1, [3, 1, 2, 0, 0, 0]),
            frame(0, 8, 1, [255, 1] + [UInt8](repeating: 0, count: 255)), frame(0, 8, 1, [0]), frame(0, 1, 1),
            frame(1, 5, 3, block), frame(1, 0x2D, 5, [2, 0, 0, 0, 1, 16] + block + [0, 0]),
            frame(3, 0, 5, [0, 0, 0, 8]),
            frame(7, 0, 0, [0, 0, 0, 1, 0, 0, 0, 0]),
        ]
        let farewell: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0]
        var other: [(sent: [UInt8], given: [UInt8])] = [
            (frame(200, 0xFF, 9, Array(0...99)), []), (frame(10, 0, 0, long), []), (frame(12, 0, 1), []),
            (frame(7, 0, 0, farewell + long.prefix(9_000)), frame(7, 0, 0, farewell)),
        ]
        let cut = frame(1, 1, 7) + frame(9, 0, 7, Array(block.prefix(2))) + frame(9, 4, 7, Array(block.dropFirst(2)))
        other.append((cut, frame(1, 5, 7, block)))
        // Padding and priority stand in the first of several frames, and so much fits into two alone.
        let first = frame(1, 0x28, 11, [1] + priority + fields.prefix(10) + [0])
        let next = frame(9, 0, 11, Array(fields[10..<16_000])) + frame(9, 0, 11, Array(fields[16_000..<32_000]))
        let given = frame(1, 0x20, 11, Array(divided[..<16_384])) + frame(9, 0, 11, Array(divided[16_384..<32_768]))
        other.append(
            (
                first + next + frame(9, 4, 11, Array(fields[32_000...])),
                given + frame(9, 4, 11, Array(divided[32_768...]))
            ))
        return same.map { (sent: $0, given: $0) } + other
    }()

    private static let sent = magic + frames.flatMap(\.sent)
    private static let given = magic + frames.flatMap(\.given)

    /// Pieces may end at a frame's end, or among the bytes of DATA.
    private static func check(_ pieces: [ByteBuffer], _ name: String) {
        var (place, end) = (24, 0)
        let all = ByteBuffer(bytes: pieces.flatMap { Array($0.readableBytesView) })
        for piece in pieces {
            // A field block is handed on whole, and is as long as a head may be.
            let isBlock = HTTP2FrameHeader(piece, at: piece.readerIndex)?.kind == .headers
            #expect(
                piece.readableBytes > 0 && (isBlock || piece.readableBytes <= HTTP2FrameReader.pieceBytes), "\(name)")
            end += piece.readableBytes
            while end > place, let header = HTTP2FrameHeader(all, at: place) {
                let next = place + HTTP2FrameHeader.size + header.length
                let isWithinData = header.kind == .data && end >= place + HTTP2FrameHeader.size
                if next > end, isWithinData { break }
                place = next
            }
            #expect(end >= place, "\(name): a piece ends at \(end), a frame at \(place)")
        }
    }

    private static let cuts: [(String, [Int])] = {
        var starts = [24]
        for frame in frames { starts.append((starts.last ?? 0) + frame.sent.count) }
        let count = sent.count
        return [
            ("in one piece", []), ("a byte at a time", Array(1..<count)),
            ("at each end", starts), ("within the nine bytes", starts.map { $0 + 4 }),
            ("behind the nine bytes", starts.map { $0 + 9 }), ("within what follows", starts.map { $0 + 10 }),
            ("a byte before the end", starts.map { $0 - 1 }),
            ("every 512", Array(stride(from: 512, to: count, by: 512))),
            ("every 16,384", Array(stride(from: 16_384, to: count, by: 16_384))),
            ("every 65,536", Array(stride(from: 65_536, to: count, by: 65_536))),
        ]
    }()

    @Test func `every frame arrives, however it is cut, and none ends within a piece but DATA`() throws {
        for (name, places) in Self.cuts {
            var driver = Driver()
            let bounds = [0] + places.filter { $0 > 0 && $0 < Self.sent.count } + [Self.sent.count]
            for (start, end) in zip(bounds, bounds.dropFirst()) { try driver.receive(Self.sent[start..<end]) }
            #expect(driver.all == Self.given, "\(name)")
            Self.check(driver.pieces, name)
        }
    }

    @Test func `what is kept is bounded, and nothing is once all is there`() throws {
        for (name, places) in Self.cuts {
            var driver = Driver()
            let bounds = [0] + places.filter { $0 > 0 && $0 < Self.sent.count } + [Self.sent.count]
            for (start, end) in zip(bounds, bounds.dropFirst()) { try driver.receive(Self.sent[start..<end]) }
            // A frame, and a head, in buffers that grow to the next power of two.
            #expect(driver.most <= 32_768 + 65_536, "\(name): \(driver.most)")
            #expect(driver.reader.keptBytes == 0, "\(name)")
        }
    }

    @Test func `a million misaligned bytes of each type leave nothing behind`() throws {
        let repeated = Self.frames.filter { $0.sent == $0.given && ![1, 3, 7].contains($0.sent[3]) }
        for one in repeated {
            var driver = Driver()
            try driver.receive(Self.magic)
            // Each piece ends within a frame.
            let many = (0..<max(8, 65_536 / one.sent.count)).flatMap { _ in one.sent }
            var rest = many[...]
            let first = rest.prefix(one.sent.count / 2 + 1)
            rest = rest.dropFirst(first.count)
            try driver.receive(first)
            for _ in 0..<16 {
                driver.pieces = []
                // The client is sent as much as it opens windows for.
                for _ in 0..<1_000 { driver.reader.sentData() }
                try driver.receive(rest + first)
            }
            #expect(driver.most <= 32_768, "type \(one.sent[3]): \(driver.most)")
        }
    }

    @Test func `DATA is passed on as it comes, and not copied`() throws {
        var reader = HTTP2FrameReader(headerLimit: 65_536)
        var input = ByteBuffer(bytes: Self.magic)
        _ = try reader.next(&input, at: { .distantFuture })
        let bytes = Self.frame(0, 0, 1, [UInt8](repeating: 1, count: 10_000))
        input = ByteBuffer(bytes: bytes + bytes.prefix(100))
        let address = input.withUnsafeReadableBytes { $0.baseAddress }
        let piece = try #require(try reader.next(&input, at: { .distantFuture }))
        #expect(piece.withUnsafeReadableBytes { $0.baseAddress } == address)
        #expect(piece.readableBytes == bytes.count)
        let part = try #require(try reader.next(&input, at: { .distantFuture }))
        #expect(part.readableBytes == 100)
        #expect(reader.keptBytes == 0)
    }

    // MARK: What has no place

    private static let refused: [(name: String, frames: [UInt8], code: HTTP2Refusal.Code)] = [
        ("DATA longer than allowed", frame(0, 0, 1, [UInt8](repeating: 0, count: 16_385)), .frameSizeError),
        ("HEADERS longer than allowed", frame(1, 4, 1, [UInt8](repeating: 0, count: 16_385)), .frameSizeError),
        ("an unknown type longer than allowed", frame(77, 0, 0, [UInt8](repeating: 0, count: 16_385)), .frameSizeError),
        ("PRIORITY of 4 bytes", frame(2, 0, 1, [0, 0, 0, 0]), .frameSizeError),
        ("RST_STREAM of 5 bytes", frame(3, 0, 1, [0, 0, 0, 0, 0]), .frameSizeError),
        ("SETTINGS of 5 bytes", frame(4, 0, 0, [0, 0, 0, 0, 0]), .frameSizeError),
        ("SETTINGS that acknowledge and set", frame(4, 1, 0, [0, 3, 0, 0, 0, 1]), .frameSizeError),
        ("33 settings", frame(4, 0, 0, [UInt8](repeating: 0, count: 198)), .enhanceYourCalm),
        ("PUSH_PROMISE", frame(5, 4, 1, [0, 0, 0, 2]), .protocolError),
        ("PING of 9 bytes", frame(6, 0, 0, [UInt8](repeating: 0, count: 9)), .frameSizeError),
        ("GOAWAY of 7 bytes", frame(7, 0, 0, [UInt8](repeating: 0, count: 7)), .frameSizeError),
        ("WINDOW_UPDATE of 3 bytes", frame(8, 0, 0, [0, 0, 1]), .frameSizeError),
        ("CONTINUATION behind nothing", frame(9, 4, 1, [0x82]), .protocolError),
    ]

    @Test func `a frame that has no place is refused when its first nine bytes are there`() throws {
        for (name, frame, code) in Self.refused {
            for isByteByByte in [false, true] {
                var driver = Driver()
                try driver.receive(Self.magic)
                let head = frame.prefix(9)
                let refusal = Self.refusal { () throws(HTTP2Refusal) in
                    guard isByteByByte else { return try driver.receive(head) }
                    for byte in head { try driver.receive([byte]) }
                }
                #expect(refusal == code, "\(name)")
                #expect(driver.reader.keptBytes <= 16, "\(name)")
            }
        }
    }

    @Test func `nothing may stand between the frames of a field block`() throws {
        let between: [[UInt8]] = [
            Self.frame(0, 0, 1, [1]), Self.frame(6, 0, 0, Array(1...8)), Self.frame(8, 0, 0, [0, 0, 0, 1]),
            Self.frame(200, 0, 0), Self.frame(1, 4, 3, Self.block), Self.frame(9, 4, 3, Self.block),
        ]
        for frame in between {
            var driver = Driver()
            try driver.receive(Self.magic + Self.frame(1, 0, 1))
            #expect(Self.refusal { () throws(HTTP2Refusal) in try driver.receive(frame) } == .protocolError)
        }
    }

    private static let broken: [(String, [UInt8])] = [
        ("padding longer than the frame", frame(1, 12, 1, [7] + block)),
        ("padding without its length", frame(1, 12, 1)),
        ("a priority that is not there", frame(1, 0x24, 1, [0, 0, 0, 0])),
    ]

    @Test func `HEADERS that are not what they announce are a protocol error`() throws {
        for (name, frame) in Self.broken {
            var driver = Driver()
            try driver.receive(Self.magic)
            #expect(Self.refusal { () throws(HTTP2Refusal) in try driver.receive(frame) } == .protocolError)
            #expect(driver.pieces.count == 1, "\(name)")
        }
    }

    @Test func `a field block without end is cut, by its length and by its pieces`() throws {
        var driver = Driver(limit: 16_384)
        try driver.receive(Self.magic + Self.frame(1, 0, 1, Self.block))
        let long = Self.frame(9, 0, 1, [UInt8](repeating: 0, count: 16_384))
        try driver.receive(long)
        #expect(Self.refusal { () throws(HTTP2Refusal) in try driver.receive(long) } == .enhanceYourCalm)

        driver = Driver(limit: 16_384)
        try driver.receive(Self.magic + Self.frame(1, 0, 1, Self.block))
        for _ in 0..<5 { try driver.receive(Self.frame(9, 0, 1)) }
        #expect(Self.refusal { () throws(HTTP2Refusal) in try driver.receive(Self.frame(9, 0, 1)) } == .enhanceYourCalm)
    }

    @Test func `frames that mean nothing here are skipped, so many in a time`() throws {
        for frame in [Self.frame(77, 0, 1), Self.frame(7, 0, 0, [UInt8](repeating: 0, count: 8))] {
            var driver = Driver()
            try driver.receive(Self.magic)
            for _ in 0..<HTTP2Limits.controlFrames { try driver.receive(frame) }
            #expect(Self.refusal { () throws(HTTP2Refusal) in try driver.receive(frame) } == .enhanceYourCalm)
            driver.now = driver.now + HTTP2Limits.controlFramesTime + .nanoseconds(1)
            for _ in 0..<HTTP2Limits.controlFrames { try driver.receive(frame) }
        }
    }

    @Test func `a reader that is asked beyond its turn goes on, and comes to an end`() throws {
        let pings = (0..<200).flatMap { Self.frame(6, 0, 0, [UInt8](repeating: UInt8($0), count: 8)) }
        var reader = HTTP2FrameReader(headerLimit: 65_536)
        var (taken, input) = ([UInt8](), ByteBuffer(bytes: Self.magic + pings))
        // As many pieces as there are frames, and the preface.
        for _ in 0...201 {
            guard let piece = try reader.next(&input, at: { .uptimeNanoseconds(1) }) else { break }
            taken += piece.readableBytesView
        }
        #expect(taken == Self.magic + pings)
        #expect(input.readableBytes == 0 && reader.keptBytes < 1_024)
    }

    // MARK: Heads that are too large

    @Test func `a head that is too large has a stand-in, and trailers that are have nothing`() throws {
        var driver = Driver(limit: 1_024)
        try driver.receive(Self.magic)
        driver.pieces = []
        let long: [UInt8] = [0x00, 0x01, 0x78, 0x7F, 0x81, 0x08] + [UInt8](repeating: 0x61, count: 1_152)
        try driver.receive(Self.frame(1, 5, 1, Self.block + long))
        #expect(driver.all == Self.frame(1, 5, 1, Array(HTTP2StandIn.block(method: nil).readableBytesView)))
        driver.pieces = []
        try driver.receive(Self.frame(1, 4, 3, Self.block) + Self.frame(1, 5, 3, long))
        // NIOHTTP2 has not seen what the large one put into the table, so from now on it gets literals.
        let fields = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")]
        var literals = ByteBuffer()
        for (name, value) in fields { literals.writeLiteral(name: name.utf8, value: value.utf8) }
        #expect(driver.all == Self.frame(1, 4, 3, Array(literals.readableBytesView)) + Self.frame(1, 5, 3))
        #expect(driver.reader.lastStream == 3)
    }
}
#endif
