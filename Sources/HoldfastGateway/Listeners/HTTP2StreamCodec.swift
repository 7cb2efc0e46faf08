#if Gateway
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2

/// Makes one stream of HTTP/2 look like one request of HTTP/1, and its response.
///
/// What HTTP/1 could read in another way than HTTP/2 is refused here, because the service speaks HTTP/1 (RFC 9113,
/// section 10.3). Most of it NIOHTTP2 has refused already: names and values that break a line, fields that belong to a
/// connection, a body that is not as long as announced. The rest is ``HTTP2RequestHead``'s. What must not go out is
/// ``HTTP2AnswerHead``'s.
///
/// NIOHTTP2 is asked for all that has come, whether somebody wants it or not: it would hold each frame in a buffer of up
/// to 32 KiB, be it a byte long. What nobody wants yet is kept here, and the stream's window is held meanwhile.
final class HTTP2StreamCodec: ChannelDuplexHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// An outbound event: the stream is to end at once.
    enum Reset: Sendable {
        /// The answer is out, and the rest of the request is not wanted.
        case answered
        /// The answer cannot be brought to its end.
        case broken
    }

    private enum State {
        case awaitingHead
        /// Whether it has a body is not known before the next frame: a client may say that there is none after the head.
        case holdingHead(HTTPRequestHead)
        case inBody
        case ended
    }

    private let gate: HTTP2FrameGate
    private let refuseTooLarge: () -> Void
    private var state = State.awaitingHead
    private var isHead = false
    private var unread: HTTP2UnreadBody?
    /// Whether somebody has asked for what comes next.
    private var isWanted = true
    /// The stream's number; nil before it was needed.
    private var number: UInt32?

    /// The latest frame of the response, held until it is known whether it is the last.
    private var heldFrame: HeldFrame?
    /// Of the frame that is held.
    private var heldPromise: EventLoopPromise<Void>?
    private var hasBody = true
    /// Whether the answer is one that must not go out.
    private var isRefused = false

    private enum HeldFrame {
        case head(HTTP2AnswerHead)
        case body(IOData)
    }

    /// - Parameters:
    ///   - gate: The connection's.
    ///   - refuseTooLarge: Answers a head that is too large to be read.
    init(gate: HTTP2FrameGate, refuseTooLarge: @escaping () -> Void) {
        self.gate = gate
        self.refuseTooLarge = refuseTooLarge
    }

    // MARK: The request

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let frame): received(frame, context)
        case .data(let frame): received(frame, context)
        default: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isWanted = false
        context.fireChannelReadComplete()
        context.read()
    }

    func read(context: ChannelHandlerContext) {
        isWanted = true
        guard let body = unread.take() else { return context.read() }
        if let number { gate.releaseWindow(of: number) }
        receivedBody(body.bytes, isLast: body.isLast, context)
        isWanted = false
        context.fireChannelReadComplete()
        context.channel.read()
    }

    func channelInactive(context: ChannelHandlerContext) {
        state = .ended
        unread = nil
        dropFrame()
        if let number { gate.forget(number) }
        context.fireChannelInactive()
    }

    private func received(_ frame: HTTP2Frame.FramePayload.Headers, _ context: ChannelHandlerContext) {
        guard case .awaitingHead = state else { return receivedTrailers(frame.headers, context) }
        guard !HTTP2StandIn.stands(in: frame.headers) else {
            state = .ended
            isHead = frame.headers.first(name: ":method") == "HEAD"
            return refuseTooLarge()
        }
        guard let head = HTTP2RequestHead.make(frame.headers) else {
            state = .ended
            return reset(.protocolError, context)
        }
        isHead = head.method == .HEAD
        if frame.endStream {
            state = .ended
            context.fireChannelRead(wrapInboundOut(.head(head)))
            context.fireChannelRead(wrapInboundOut(.end(nil)))
        } else if head.headers.contains(name: "content-length") {
            state = .inBody
            context.fireChannelRead(wrapInboundOut(.head(head)))
        } else {
            state = .holdingHead(head)
            // A stream is given each frame as soon as it is read. What came with it is read before the loop's next turn.
            context.eventLoop.assumeIsolated().execute { self.releaseHead(context) }
        }
    }

    /// Trailers end the request. Their fields do not cross.
    private func receivedTrailers(_ fields: HPACKHeaders, _ context: ChannelHandlerContext) {
        if case .ended = state { return }
        // NIOHTTP2 has seen that none breaks a line. RFC 9113, section 8.2.1: nor may any begin or end with whitespace.
        let isSpace = { (byte: UInt8?) in byte == 0x20 || byte == 0x09 }
        let isSound = fields.allSatisfy { !isSpace($0.value.utf8.first) && !isSpace($0.value.utf8.last) }
        guard isSound else {
            state = .ended
            return reset(.protocolError, context)
        }
        received(ByteBuffer(), isLast: true, context)
    }

    private func received(_ frame: HTTP2Frame.FramePayload.Data, _ context: ChannelHandlerContext) {
        guard case .byteBuffer(let body) = frame.data else { return }
        received(body, isLast: frame.endStream, context)
    }

    private func received(_ body: ByteBuffer, isLast: Bool, _ context: ChannelHandlerContext) {
        if case .ended = state { return }
        if isWanted, unread == nil {
            receivedBody(body, isLast: isLast, context)
        } else {
            keep(body, isLast: isLast, context)
        }
    }

    private func keep(_ body: ByteBuffer, isLast: Bool, _ context: ChannelHandlerContext) {
        var kept = unread.take() ?? HTTP2UnreadBody()
        let fits = kept.append(body, isLast: isLast)
        guard fits else {
            state = .ended
            return reset(.flowControlError, context)
        }
        unread = kept
        if let number = streamNumber(context) { gate.holdWindow(of: number) }
    }

    private func receivedBody(_ body: ByteBuffer, isLast: Bool, _ context: ChannelHandlerContext) {
        if body.readableBytes > 0 {
            releaseHead(context)
            if case .inBody = state { context.fireChannelRead(wrapInboundOut(.body(body))) }
        }
        if isLast { receivedEnd(context) }
    }

    private func receivedEnd(_ context: ChannelHandlerContext) {
        switch state {
        case .holdingHead(let head):
            state = .ended
            context.fireChannelRead(wrapInboundOut(.head(head)))
            context.fireChannelRead(wrapInboundOut(.end(nil)))
        case .inBody:
            state = .ended
            context.fireChannelRead(wrapInboundOut(.end(nil)))
        case .awaitingHead, .ended:
            break
        }
    }

    /// A body of a length that is not known goes to the service in chunks.
    private func releaseHead(_ context: ChannelHandlerContext) {
        guard case .holdingHead(var head) = state else { return }
        state = .inBody
        head.headers.add(name: "transfer-encoding", value: "chunked")
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    private func streamNumber(_ context: ChannelHandlerContext) -> UInt32? {
        if let number { return number }
        let id = try? context.channel.syncOptions?.getOption(HTTP2StreamChannelOptions.streamID)
        number = id.map { UInt32(Int32($0)) }
        return number
    }

    // MARK: The answer

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isRefused else { return promise?.fail(ChannelError.ioOnClosedChannel) ?? () }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            writeHead(head, promise, context)
        case .body(let body):
            writeBody(body, promise, context)
        case .end:
            let held = heldPromise.take()
            if let promise { held?.futureResult.cascade(to: promise) }
            context.write(wrapOutboundOut(lastFrame(context)), promise: held ?? promise)
        }
    }

    private func writeHead(
        _ head: HTTPResponseHead, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext
    ) {
        releaseFrame(context)
        guard let fields = HTTP2AnswerHead(head) else {
            // Whoever made it: no line break goes out (RFC 9113, section 8.2.1).
            isRefused = true
            promise?.fail(ChannelError.ioOnClosedChannel)
            return reset(.internalError, context)
        }
        // RFC 9110, sections 6.4.1, 9.3.2 and 15.
        let code = head.status.code
        hasBody = !isHead && code >= 200 && code != 204 && code != 304
        (heldFrame, heldPromise) = (.head(fields), promise)
    }

    private func writeBody(
        _ body: IOData, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext
    ) {
        guard hasBody else {
            // The length is false that was announced with what is not sent.
            if case .head(var head) = heldFrame, !isHead, body.readableBytes > 0 {
                head.dropLength()
                heldFrame = .head(head)
            }
            promise?.succeed()
            return
        }
        releaseFrame(context)
        (heldFrame, heldPromise) = (.body(body), promise)
    }

    func flush(context: ChannelHandlerContext) {
        releaseFrame(context)
        context.flush()
    }

    private func releaseFrame(_ context: ChannelHandlerContext) {
        guard let frame = heldFrame.take() else { return }
        context.write(wrapOutboundOut(payload(frame, isLast: false, context)), promise: heldPromise.take())
    }

    private func dropFrame() {
        heldFrame = nil
        heldPromise.take()?.fail(ChannelError.ioOnClosedChannel)
    }

    private func lastFrame(_ context: ChannelHandlerContext) -> HTTP2Frame.FramePayload {
        let frame = heldFrame.take() ?? .body(.byteBuffer(context.channel.allocator.buffer(capacity: 0)))
        return payload(frame, isLast: true, context)
    }

    private func payload(
        _ frame: HeldFrame, isLast: Bool, _ context: ChannelHandlerContext
    ) -> HTTP2Frame.FramePayload {
        switch frame {
        case .head(let head):
            if let beside = head.beside, let number = streamNumber(context) {
                gate.add(beside, toNextHeadOf: number)
            }
            return .headers(.init(headers: head.fields, endStream: isLast))
        case .body(let body):
            return .data(.init(data: body, endStream: isLast))
        }
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard let event = event as? Reset else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        reset(event == .answered ? .noError : .internalError, context)
        promise?.succeed()
    }

    private func reset(_ code: HTTP2ErrorCode, _ context: ChannelHandlerContext) {
        dropFrame()
        context.writeAndFlush(wrapOutboundOut(.rstStream(code)), promise: nil)
    }
}

/// What has come of a request's body, and is not wanted yet: in one piece, of not more than a stream's window.
struct HTTP2UnreadBody {
    private(set) var bytes = ByteBuffer()
    private(set) var isLast = false

    /// - Returns: Whether the client may have sent so much.
    mutating func append(_ more: ByteBuffer, isLast: Bool) -> Bool {
        guard bytes.readableBytes + more.readableBytes <= HTTP2Limits.streamWindow else { return false }
        bytes.writeImmutableBuffer(more)
        self.isLast = isLast
        return true
    }
}
#endif
