#if Gateway
import NIOCore
import Testing

@testable import HoldfastGateway

/// Where one frame of a WebSocket ends and the next begins (RFC 6455, section 5.2).
@Suite struct WebSocketFramesTests {
    private static func frame(_ opcode: UInt8, _ payload: Int, isMasked: Bool) -> [UInt8] {
        let mask: UInt8 = isMasked ? 0x80 : 0
        var bytes: [UInt8] = [0x80 | opcode]
        switch payload {
        case ..<126: bytes.append(mask | UInt8(payload))
        case ..<65_536: bytes += [mask | 126, UInt8(payload >> 8), UInt8(payload & 0xFF)]
        default: bytes += [mask | 127] + (0..<8).map { UInt8(payload >> (8 * (7 - $0)) & 0xFF) }
        }
        // Payloads look like heads of frames, of a close frame above all.
        return bytes + [UInt8](repeating: 0x88, count: (isMasked ? 4 : 0) + payload)
    }

    private static let frames: [[UInt8]] = [0, 1, 125, 126, 127, 65_535, 65_536].flatMap { payload in
        [1, 2, 9, 10].flatMap { opcode in [false, true].map { frame(UInt8(opcode), payload, isMasked: $0) } }
    }

    @Test(arguments: [1, 2, 3, 7, 4_096, 1 << 20])
    func `a close frame may go at the end of each frame and nowhere else, however the bytes come`(step: Int) {
        var frames = WebSocketFrames()
        #expect(frames.mayClose)
        for frame in Self.frames {
            for start in stride(from: 0, to: frame.count, by: step) {
                let end = min(start + step, frame.count)
                frames.passed(ByteBuffer(bytes: frame[start..<end]))
                #expect(frames.mayClose == (end == frame.count), "after \(end) of \(frame.count)")
            }
        }
    }

    @Test func `several frames in one piece, and the half of another`() {
        var frames = WebSocketFrames()
        let whole = Self.frames.flatMap(\.self)
        frames.passed(ByteBuffer(bytes: whole))
        #expect(frames.mayClose)
        frames.passed(ByteBuffer(bytes: whole + [0x81]))
        #expect(!frames.mayClose)
    }

    @Test(arguments: [0, 2, 40], [false, true])
    func `after a close frame none may go`(payload: Int, isMasked: Bool) {
        var frames = WebSocketFrames()
        let close = Self.frame(8, payload, isMasked: isMasked)
        frames.passed(ByteBuffer(bytes: close.dropLast()))
        #expect(!frames.mayClose)
        frames.passed(ByteBuffer(bytes: close.suffix(1)))
        #expect(!frames.mayClose && frames.hasClosed)
    }

    @Test func `a piece of more frames than are followed loses the close frame, and no time`() {
        var frames = WebSocketFrames()
        frames.passed(ByteBuffer(repeating: 0, count: 2 * WebSocketFrames.bound))
        #expect(frames.mayClose)
        frames.passed(ByteBuffer(repeating: 0, count: 2 * WebSocketFrames.bound + 2))
        #expect(!frames.mayClose)
        frames.passed(ByteBuffer(bytes: Self.frames[0]))
        #expect(!frames.mayClose)
    }

    @Test func `a length that no frame may have ends nowhere`() {
        var frames = WebSocketFrames()
        frames.passed(ByteBuffer(bytes: [0x82, 0xFF] + [UInt8](repeating: 0xFF, count: 8)))
        frames.passed(ByteBuffer(repeating: 0, count: 1 << 20))
        #expect(!frames.mayClose)
    }

    @Test func `the gateway's own close frame says 1001, masked towards a service alone`() {
        let toClient = WebSocketFrames.goingAway("bye", mask: nil)
        #expect(Array(toClient.readableBytesView) == [0x88, 5, 0x03, 0xE9] + Array("bye".utf8))
        var toService = WebSocketFrames.goingAway("bye", mask: 0x0102_0304)
        #expect(toService.readBytes(length: 6) == [0x88, 0x85, 1, 2, 3, 4])
        let unmasked = zip(toService.readableBytesView, [1, 2, 3, 4, 1]).map { $0 ^ UInt8($1) }
        #expect(unmasked == [0x03, 0xE9] + Array("bye".utf8))
    }
}
#endif
