#if Gateway
import NIOCore
import NIOEmbedded
import Testing

@testable import HoldfastGateway

/// An answer that cannot be written has SwiftNIO read the connection to its end at once, within the read that is answered.
@Suite struct HTTP2ReentryTests {
    /// Takes the gate's pieces, and has more come from the network before each of them is taken.
    private final class Answering: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        var taken: [UInt8] = []
        var toCome: [ArraySlice<UInt8>]
        private let isEager: Bool
        private var isTaking = false
        /// Ends of reads that came while a piece was taken.
        var endsWithin = 0

        init(toCome: [ArraySlice<UInt8>], isEager: Bool) {
            self.toCome = toCome
            self.isEager = isEager
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            taken += unwrapInboundIn(data).readableBytesView
            isTaking = true
            defer { isTaking = false }
            repeat {
                guard !toCome.isEmpty else { return }
                context.pipeline.fireChannelRead(ByteBuffer(bytes: toCome.removeFirst()))
                context.pipeline.fireChannelReadComplete()
            } while isEager
        }

        func channelReadComplete(context: ChannelHandlerContext) { if isTaking { endsWithin += 1 } }
    }

    private static func chunks(_ bytes: [UInt8], _ size: Int) -> [ArraySlice<UInt8>] {
        stride(from: 0, to: bytes.count, by: size).map { bytes[$0..<min($0 + size, bytes.count)] }
    }

    /// More frames than are handed on in a turn, of each kind that is read in another way.
    private static let frames: [String: [UInt8]] = [
        "pings": (0..<300).flatMap {
            HTTP2Frames.frame(6, flags: 0, stream: 0, [UInt8](repeating: UInt8($0 & 255), count: 8))
        },
        "settings": (0..<300).flatMap { _ in HTTP2Frames.frame(4, flags: 0, stream: 0) },
        "data": (0..<90).flatMap {
            HTTP2Frames.frame(0, flags: 0, stream: 1, [UInt8](repeating: UInt8($0), count: 700))
        },
        "heads": (0..<90).flatMap { HTTP2Frames.frame(1, flags: 5, stream: UInt32($0 * 2 + 1), HTTP2Frames.get) },
        "windows": (0..<300).flatMap { HTTP2Frames.frame(8, flags: 0, stream: 0, [0, 0, 0, UInt8($0 & 127) | 1]) },
    ]

    @Test(arguments: [1, 7, 9, 17, 100, 1_088, 5_000, 20_000], [false, true])
    func `what comes while a read is handed on comes behind it, whole and in order`(size: Int, isEager: Bool) throws {
        for (name, frames) in Self.frames {
            let all = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frames
            let pieces = Self.chunks(all, size)
            let behind = Answering(toCome: Array(pieces.dropFirst()), isEager: isEager)
            let channel = EmbeddedChannel()
            try channel.pipeline.syncOperations.addHandlers(
                HTTP2FrameGate(headerLimit: 16_384, buffers: ReadBuffers()), behind)
            channel.pipeline.fireChannelRead(ByteBuffer(bytes: pieces[0]))
            // What is shorter than a frame leads to no piece, so nothing comes within it.
            while !behind.toCome.isEmpty {
                channel.pipeline.fireChannelRead(ByteBuffer(bytes: behind.toCome.removeFirst()))
            }
            #expect(behind.taken == all && behind.endsWithin == 0, "\(name)")
            _ = try channel.finish(acceptAlreadyClosed: true)
        }
    }

    /// The handlers that stand before the gate, and leave once they know who comes behind them.
    @Test(arguments: ["a choice of protocols", "the PROXY protocol"])
    func `what comes while somebody who leaves hands on comes behind it`(who: String) throws {
        let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        let behind = Answering(toCome: [ArraySlice("second".utf8), ArraySlice("third".utf8)], isEager: false)
        let channel = EmbeddedChannel()
        let bound = NIOLoopBound((behind, channel.pipeline.syncOperations), eventLoop: channel.eventLoop)
        let add = { try bound.value.1.addHandler(bound.value.0, position: .last) }
        let loop = channel.eventLoop
        if who == "a choice of protocols" {
            let choice = ProtocolChoice(isSecure: false, timeout: .seconds(1), eventLoop: loop) { _ in try add() }
            try channel.pipeline.syncOperations.addHandler(choice)
            channel.pipeline.fireChannelRead(ByteBuffer(string: preface))
        } else {
            let header = ProxyProtocolHandler(
                timeout: .seconds(1), eventLoop: loop, proceed: { _ in try add() }, refuse: { _ in })
            try channel.pipeline.syncOperations.addHandler(header)
            channel.pipeline.fireChannelRead(
                ByteBuffer(string: "PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n" + preface))
        }
        #expect(String(decoding: behind.taken, as: UTF8.self) == preface + "secondthird")
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    @Test func `of what comes while a read is handed on, no more is kept than the bound`() throws {
        let ping = HTTP2Frames.frame(6, flags: 0, stream: 0, Array(1...8))
        let flood = ArraySlice((0..<1_000).flatMap { _ in ping })
        let behind = Answering(toCome: Array(repeating: flood, count: 100), isEager: true)
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandlers(
            HTTP2FrameGate(headerLimit: 16_384, buffers: ReadBuffers()), behind)
        channel.pipeline.fireChannelRead(ByteBuffer(string: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
        #expect(behind.toCome.isEmpty)
        #expect(behind.taken.count < 300 << 10)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}
#endif
