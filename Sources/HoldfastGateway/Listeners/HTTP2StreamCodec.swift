#if Gateway
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2

/// Makes one stream of HTTP/2 look like one request of HTTP/1, and its response.
///
/// What HTTP/1 could read in another way than HTTP/2 is refused here, because the service speaks HTTP/1 (RFC 9113,
/// section 10.3). Most of it NIOHTTP2 has refused already: names and values that break a line, fields that belong to a
/// connection, a body that is not as long as announced. The rest is ``HTTP2RequestHead``'s.
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

    private var state = State.awaitingHead
    /// The latest frame of the response, held until it is known whether it is the last.
    private var heldFrame: HTTP2Frame.FramePayload?
    /// Of the frame that is held.
    private var heldPromise: EventLoopPromise<Void>?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let frame): received(frame, context)
        case .data(let frame): received(frame, context)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        state = .ended
        dropFrame()
        context.fireChannelInactive()
    }

    private func received(_ frame: HTTP2Frame.FramePayload.Headers, _ context: ChannelHandlerContext) {
        guard case .awaitingHead = state else {
            // Trailers, which end the request. Their fields do not cross.
            return receivedEnd(context)
        }
        guard let head = HTTP2RequestHead.make(frame.headers) else {
            state = .ended
            return reset(.protocolError, context)
        }
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

    private func received(_ frame: HTTP2Frame.FramePayload.Data, _ context: ChannelHandlerContext) {
        guard case .byteBuffer(let body) = frame.data else { return }
        if body.readableBytes > 0 {
            releaseHead(context)
            if case .inBody = state { context.fireChannelRead(wrapInboundOut(.body(body))) }
        }
        if frame.endStream { receivedEnd(context) }
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

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(let head):
            releaseFrame(context)
            (heldFrame, heldPromise) = (.headers(.init(headers: Self.fields(of: head))), promise)
        case .body(let body):
            releaseFrame(context)
            (heldFrame, heldPromise) = (.data(.init(data: body)), promise)
        case .end:
            let held = heldPromise.take()
            if let promise { held?.futureResult.cascade(to: promise) }
            context.write(wrapOutboundOut(lastFrame(context)), promise: held ?? promise)
        }
    }

    func flush(context: ChannelHandlerContext) {
        releaseFrame(context)
        context.flush()
    }

    private func releaseFrame(_ context: ChannelHandlerContext) {
        guard let frame = heldFrame.take() else { return }
        context.write(wrapOutboundOut(frame), promise: heldPromise.take())
    }

    private func dropFrame() {
        heldFrame = nil
        heldPromise.take()?.fail(ChannelError.ioOnClosedChannel)
    }

    private func lastFrame(_ context: ChannelHandlerContext) -> HTTP2Frame.FramePayload {
        switch heldFrame.take() {
        case .headers(var frame):
            frame.endStream = true
            return .headers(frame)
        case .data(var frame):
            frame.endStream = true
            return .data(frame)
        default:
            return .data(.init(data: .byteBuffer(context.channel.allocator.buffer(capacity: 0)), endStream: true))
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

    private static func fields(of head: HTTPResponseHead) -> HPACKHeaders {
        var fields = HPACKHeaders()
        fields.reserveCapacity(head.headers.count + 1)
        fields.add(name: ":status", value: "\(head.status.code)")
        for (name, value) in head.headers {
            let name = name.lowercased()
            switch name {
            // They are about a connection, which streams share.
            case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade": continue
            default: fields.add(name: name, value: value)
            }
        }
        return fields
    }
}
#endif
