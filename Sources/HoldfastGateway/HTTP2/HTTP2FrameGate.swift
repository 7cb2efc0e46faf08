#if Gateway
import NIOCore

/// Stands between a client and NIOHTTP2, and sees that each gets what it can be given.
///
/// Inbound it gives NIOHTTP2 what ``HTTP2FrameReader`` makes of the client's bytes, or ends the connection. Outbound it
/// does what NIOHTTP2 cannot: it adds fields whose bytes no `String` of HPACK would keep, divides heads that fit into no
/// frame, and holds back the windows of streams that nobody reads.
final class HTTP2FrameGate: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// The most that is kept of what comes while a read is handed on, in bytes: four of the largest reads.
    private static let backlogBound = 4 * ReadBuffers.size

    private let buffers: ReadBuffers
    private var reader: HTTP2FrameReader
    private var context: ChannelHandlerContext?
    /// Whether a read is handed on at the moment.
    private var isReading = false
    /// What came meanwhile.
    private var backlog: ByteBuffer?
    /// Whether the connection ends, and nothing that comes is read any longer.
    private var isEnded = false
    /// Whether the next write is what a DATA frame carries.
    private var isPayloadNext = false
    /// By how much the window of each stream would have been opened that is held.
    private var heldWindows: [UInt32: Int] = [:]
    /// The fields of each stream's next heads that NIOHTTP2 is not given, compressed.
    private var fields: [UInt32: [ByteBuffer]] = [:]

    /// - Parameters:
    ///   - headerLimit: The most bytes of one head's fields.
    ///   - buffers: Those that the connection reads into.
    init(headerLimit: Int, buffers: ReadBuffers) {
        reader = HTTP2FrameReader(headerLimit: headerLimit)
        self.buffers = buffers
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelInactive(context: ChannelHandlerContext) {
        isEnded = true
        context.fireChannelInactive()
    }

    // MARK: What comes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let input = unwrapInboundIn(data)
        // What is handed on is answered, and an answer that cannot be written has SwiftNIO read the connection to its end
        // at once: before the read that is handed on is over. Its bytes come after those.
        guard !isReading else { return putOff(input) }
        isReading = true
        read(input, context)
        while let more = backlog.take() { read(more, context) }
        isReading = false
        // NIOHTTP2 has copied it.
        buffers.keep(input)
    }

    private func putOff(_ input: ByteBuffer) {
        guard !isEnded else { return }
        if backlog?.writeImmutableBuffer(input) == nil { backlog = input }
        guard let kept = backlog, kept.readableBytes > Self.backlogBound else { return }
        // Nobody can be answered over a connection that breaks, so none of it is needed.
        backlog = nil
        end()
    }

    private func read(_ input: ByteBuffer, _ context: ChannelHandlerContext) {
        var rest = input
        do throws(HTTP2Refusal) {
            while !isEnded, let piece = try reader.next(&rest, at: NIODeadline.now) {
                context.fireChannelRead(wrapInboundOut(piece))
                guard reader.frames >= HTTP2FrameReader.turnFrames else { continue }
                reader.beginTurn()
                context.fireChannelReadComplete()
            }
        } catch {
            refuse(error, context)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // That of the read that is handed on is still to come.
        guard !isReading else { return }
        reader.beginTurn()
        context.fireChannelReadComplete()
    }

    private func refuse(_ refusal: HTTP2Refusal, _ context: ChannelHandlerContext) {
        isEnded = true
        var frame = ByteBuffer()
        frame.writeFrameHeader(HTTP2FrameHeader(.goAway, stream: 0, length: 8))
        frame.writeMultipleIntegers(reader.lastStream, refusal.code.rawValue)
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(frame)), promise: nil)
        // The connection closes.
        context.fireErrorCaught(refusal)
    }

    /// Reads nothing any longer. NIOHTTP2 would keep what comes behind its own GOAWAY, while the connection closes.
    func end() { isEnded = true }

    // MARK: What goes

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isPayloadNext, case .byteBuffer(let frame) = unwrapOutboundIn(data),
            let header = HTTP2FrameHeader(frame, at: frame.readerIndex)
        else {
            isPayloadNext = false
            return context.write(data, promise: promise)
        }
        switch header.kind {
        case .data:
            isPayloadNext = true
            reader.sentData()
        case .headers where !fields.isEmpty:
            if let whole = addFields(to: frame, header) {
                return context.write(wrapOutboundOut(.byteBuffer(whole)), promise: promise)
            }
        case .windowUpdate where heldWindows[header.stream] != nil:
            let more = frame.getInteger(at: frame.readerIndex + HTTP2FrameHeader.size, as: UInt32.self) ?? 0
            heldWindows[header.stream, default: 0] += Int(more)
            promise?.succeed()
            return
        default:
            break
        }
        context.write(data, promise: promise)
    }

    /// Gives a stream's next head fields that NIOHTTP2 is not given. The head that it is given ends with
    /// ``HTTP2AnswerHead/mark``.
    func add(_ more: ByteBuffer, toNextHeadOf stream: UInt32) { fields[stream, default: []].append(more) }

    private func addFields(to frame: ByteBuffer, _ header: HTTP2FrameHeader) -> ByteBuffer? {
        var block = frame
        block.moveReaderIndex(forwardBy: HTTP2FrameHeader.size)
        let mark = HTTP2AnswerHead.encodedMark
        guard let more = fields[header.stream]?.first, block.readableBytesView.suffix(mark.count).elementsEqual(mark)
        else { return nil }
        if fields[header.stream]?.count == 1 {
            fields[header.stream] = nil
        } else {
            fields[header.stream]?.removeFirst()
        }
        block.moveWriterIndex(to: block.writerIndex - mark.count)
        block.writeImmutableBuffer(more)
        return HTTP2FieldBlock.frames(
            block, stream: header.stream, flags: header.flags & HTTP2FrameHeader.Flag.endStream)
    }

    // MARK: Windows

    /// From here on the client is not told that a stream's window opens: what it has sent is not read.
    func holdWindow(of stream: UInt32) {
        if heldWindows[stream] == nil { heldWindows[stream] = 0 }
    }

    /// Opens it by all that was held.
    func releaseWindow(of stream: UInt32) {
        guard let held = heldWindows.removeValue(forKey: stream), held > 0, !isEnded, let context else { return }
        var frame = ByteBuffer()
        frame.writeFrameHeader(HTTP2FrameHeader(.windowUpdate, stream: stream, length: 4))
        frame.writeInteger(UInt32(held))
        context.writeAndFlush(wrapOutboundOut(.byteBuffer(frame)), promise: nil)
    }

    /// A stream that ends needs nothing of it any longer.
    func forget(_ stream: UInt32) {
        heldWindows[stream] = nil
        fields[stream] = nil
    }
}
#endif
