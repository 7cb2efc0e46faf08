#if Gateway
import Holdfast
import NIOCore
import NIOHTTP2

/// A connection that speaks HTTP/2: how many streams it has, how long it may have none, and how it ends.
///
/// To end, the client is told twice (RFC 9113, section 6.8): first that it is about to be, with a ping behind it, and
/// when that has come back, which stream is the last that is answered. So no request is lost on its way.
final class HTTP2Connection: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame
    typealias OutboundOut = HTTP2Frame

    private enum Phase {
        case open
        /// The client knows that the end is near.
        case announced
        /// No stream is taken any longer, and those that are open end.
        case ending
    }

    private static let farewell = HTTP2PingData(withInteger: 0x686F_6C64_6661_7374)
    /// GOAWAY, without an error, after a last stream that is beyond all.
    private static let announcement: [UInt8] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]

    private let configuration: GatewayConfiguration
    private let connections: LoopConnections
    private let timer: LazyTimer
    private let gate: HTTP2FrameGate
    private var context: ChannelHandlerContext?
    private var phase = Phase.open
    private var openStreams = 0
    private var lastStream = HTTP2StreamID.rootStream
    private var pace: AnswerPaceMachine?

    init(
        configuration: GatewayConfiguration, connections: LoopConnections, gate: HTTP2FrameGate,
        eventLoop: any EventLoop
    ) {
        self.configuration = configuration
        self.connections = connections
        self.gate = gate
        timer = LazyTimer(eventLoop: eventLoop)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        timer.onFire = { [unowned self] in timeIsUp() }
        timer.set(in: TimeAmount(configuration.headerTimeout))
        if connections.isQuiescing { announce() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        timer.cancel()
        // NIOHTTP2 holds the streams that a read has touched until the read's end, and whoever is closed in the middle of
        // a read is not told of its end: the connection would never be freed.
        let pipeline = context.pipeline
        context.eventLoop.assumeIsolated().execute { pipeline.fireChannelReadComplete() }
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .ping(Self.farewell, ack: true) = unwrapInboundIn(data).payload, phase == .announced { takeNoMore() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ChannelShouldQuiesceEvent { announce() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // NIOHTTP2 would still widen the window of a connection on which the last stream has just ended.
        if phase == .ending, error is NIOHTTP2Errors.IOOnClosedConnection { return }
        // It has reset the stream, or told the client why the connection ends.
        guard !Self.isOfOneStream(error) else { return }
        gate.end()
        context.close(promise: nil)
    }

    // MARK: Streams

    func streamCreated(_ id: HTTP2StreamID) {
        openStreams += 1
        lastStream = max(lastStream, id)
        timer.set(nil)
    }

    func streamClosed() {
        openStreams -= 1
        // Streams are told of a connection's end after the connection.
        guard openStreams == 0, context != nil else { return }
        switch phase {
        case .open: timer.set(in: TimeAmount(configuration.idleTimeout))
        case .announced: timer.set(in: DownstreamHandler.lastRequestTime)
        // The stream's last frame has not been flushed yet.
        case .ending: context?.eventLoop.assumeIsolated().execute { self.end() }
        }
    }

    // MARK: The end

    private func timeIsUp() {
        switch phase {
        case .open: announce()
        case .announced: takeNoMore()
        case .ending: if !isStillTaken() { context?.close(promise: nil) }
        }
    }

    /// Whether the client takes what is left of its answers, which are no streams any longer.
    private func isStillTaken() -> Bool {
        guard let channel = context?.channel, let eventLoop = context?.eventLoop,
            let waiting = try? channel.syncOptions?.getOption(.bufferedWritableBytes), waiting > 0
        else { return false }
        let limit = TimeAmount(configuration.clientTimeout)
        var pace = self.pace ?? AnswerPaceMachine(limit, waiting: waiting, at: eventLoop.now)
        guard pace.look(waiting: waiting, at: eventLoop.now) == .goesOn else { return false }
        self.pace = pace
        timer.set(pace.deadline)
        return true
    }

    private func announce() {
        guard phase == .open, let context else { return }
        phase = .announced
        writeAnnouncement(context)
        write(.ping(Self.farewell, ack: false), context)
        context.flush()
        if openStreams == 0 { timer.set(in: DownstreamHandler.lastRequestTime) }
    }

    private func takeNoMore() {
        // What comes behind it is read as far as the connection needs it: NIOHTTP2 ignores it then (RFC9113-6.8-7).
        guard phase == .announced, let context else { return }
        phase = .ending
        write(.goAway(lastStreamID: lastStream, errorCode: .noError, opaqueData: nil), context)
        context.flush()
        if openStreams == 0 { end() }
    }

    /// Closes the gateway's side when everything is written. The client closes its own, or is left.
    private func end() {
        guard let context else { return }
        context.flush()
        context.close(mode: .output, promise: nil)
        timer.set(in: DownstreamHandler.lastRequestTime)
    }

    /// The first farewell ends nothing, so NIOHTTP2 is not told of it. It takes a connection that has said GOAWAY, whatever
    /// the last stream, for closed as soon as it has no stream: it would refuse the requests that are on their way, and
    /// report an error at the end of the last answer, over which the connection would close with the answer unsent.
    private func writeAnnouncement(_ context: ChannelHandlerContext) {
        // NIOHTTP2 stands before this handler for as long as the connection is open.
        let http2 = try? context.pipeline.syncOperations.context(handlerType: NIOHTTP2Handler.self)
        http2?.write(NIOAny(IOData.byteBuffer(ByteBuffer(bytes: Self.announcement))), promise: nil)
    }

    private func write(_ payload: HTTP2Frame.FramePayload, _ context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(HTTP2Frame(streamID: .rootStream, payload: payload)), promise: nil)
    }

    /// NIOHTTP2 reports errors of a stream, which it has reset, in the same way as those that no connection survives.
    private static func isOfOneStream(_ error: any Error) -> Bool {
        switch error {
        case is NIOHTTP2Errors.StreamError, is NIOHTTP2Errors.StreamClosed,
            is NIOHTTP2Errors.ContentLengthViolated, is NIOHTTP2Errors.ContentLengthHeadersMismatch,
            is NIOHTTP2Errors.ContentLengthHeaderNegative, is NIOHTTP2Errors.ContentLengthHeaderMalformedValue,
            is NIOHTTP2Errors.ForbiddenHeaderField, is NIOHTTP2Errors.InvalidHTTP2HeaderFieldName,
            is NIOHTTP2Errors.InvalidHTTP2HeaderFieldValue, is NIOHTTP2Errors.InvalidPseudoHeaderValue,
            is NIOHTTP2Errors.InvalidPseudoHeaders, is NIOHTTP2Errors.DuplicatePseudoHeader,
            is NIOHTTP2Errors.UnknownPseudoHeader, is NIOHTTP2Errors.UnsupportedPseudoHeader,
            is NIOHTTP2Errors.PseudoHeaderAfterRegularHeader, is NIOHTTP2Errors.EmptyPathHeader,
            is NIOHTTP2Errors.MissingPseudoHeader, is NIOHTTP2Errors.TrailersWithoutEndStream:
            true
        default:
            false
        }
    }
}

/// Tells a connection of its streams.
struct HTTP2StreamWatch: NIOHTTP2StreamDelegate {
    let connection: NIOLoopBound<HTTP2Connection>

    func streamCreated(_ id: HTTP2StreamID, channel: any Channel) { connection.value.streamCreated(id) }
    func streamClosed(_ id: HTTP2StreamID, channel: any Channel) { connection.value.streamClosed() }
}
#endif
