#if Gateway
import HoldfastTLS
import NIOCore
import NIOHTTP1
import Synchronization

/// One connection to the service. It serves one attempt at a time, and tells it what comes back.
final class UpstreamConnection: ChannelDuplexHandler, RemovableChannelHandler, Flushing {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = Never

    /// A response that nobody wants is read to its end up to this many bytes, to keep the connection; beyond it, the
    /// connection is cheaper to close.
    private static let drainBound = 64 << 10

    private enum Use {
        case idle
        case serving(UpstreamAttempt)
        case draining(bytes: Int)
        case closed
    }

    let channel: any Channel
    let endpoint: Endpoint
    private(set) var idleSince: NIODeadline
    /// Which reading of the service's certificates it was opened under.
    private let reading: Int
    /// Whether it has brought a byte of any answer.
    private var hasReceived = false
    private let pool: UpstreamPool
    private let decoder: HTTPResponseDecoder
    /// Bytes go out in front of the decoder, which passes nothing on but parts of requests.
    private let outlet: ChannelHandlerContext
    private var output = HTTP1Output()
    var isFlushAwaited = false
    private var use = Use.idle
    private var isKeepAlive = true
    private var isRequestSent = false
    /// Whether what comes after the response is not HTTP.
    private var isSwitched = false
    private var isReadHeld = false
    private var readsWait = false

    init(
        channel: any Channel, decoder: HTTPResponseDecoder, outlet: ChannelHandlerContext, endpoint: Endpoint,
        pool: UpstreamPool
    ) {
        self.channel = channel
        self.decoder = decoder
        self.outlet = outlet
        self.endpoint = endpoint
        self.pool = pool
        idleSince = pool.turn.now
        reading = endpoint.reading
    }

    /// Whether it may not serve another request: its endpoint is in no plan, or was given other certificates.
    var isOutdated: Bool { endpoint.isRetired.load(ordering: .relaxed) || reading != endpoint.reading }

    /// Whether the service takes what it is sent.
    private(set) var isWritable = true

    // MARK: What the attempt does

    func serve(_ attempt: UpstreamAttempt) {
        use = .serving(attempt)
        isKeepAlive = true
        isRequestSent = false
    }

    /// - Parameters:
    ///   - request: Whose method says how the answer is read.
    ///   - target: What is asked for.
    ///   - fields: Writes the fields of the head.
    func send(_ request: HTTPRequestHead, _ target: String, fields: (inout HTTP1Output) -> Void) {
        decoder.write(data: .head(request))
        output.begin(request.method, target)
        fields(&output)
        output.endHead()
    }

    func send(_ body: ByteBuffer) {
        for piece in output.append(body) { outlet.write(NIOAny(piece), promise: nil) }
    }

    func sendEnd() {
        isRequestSent = true
        output.end()
        flush()
    }

    /// Has what was sent go out when the loop has read what there was.
    func flush() { pool.turn.flush(self) }

    func flushNow() {
        guard let bytes = output.take() else { return outlet.flush() }
        outlet.writeAndFlush(NIOAny(bytes), promise: nil)
        output.reuse(bytes)
    }

    func holdReads(_ hold: Bool) {
        isReadHeld = hold
        if !hold, readsWait {
            readsWait = false
            channel.pipeline.syncOperations.read()
        }
    }

    /// Nobody wants the rest of the response.
    func drain() {
        use = .draining(bytes: 0)
        holdReads(false)
        if !isRequestSent { close() }
    }

    /// Serves nobody any longer, and stays open: it is another's from now on.
    func leave() { use = .closed }

    func close() {
        use = .closed
        channel.close(promise: nil)
    }

    // MARK: What the channel tells

    func read(context: ChannelHandlerContext) {
        if isReadHeld { readsWait = true } else { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        hasReceived = true
        switch use {
        case .serving(let attempt):
            received(unwrapInboundIn(data), for: attempt, context)
        case .draining(let bytes):
            drained(unwrapInboundIn(data), after: bytes)
        case .idle:
            // Nobody asked: what comes now could be taken for the next answer.
            pool.remove(self)
            close()
        case .closed:
            break
        }
    }

    private func received(
        _ part: HTTPClientResponsePart, for attempt: UpstreamAttempt, _ context: ChannelHandlerContext
    ) {
        switch part {
        case .head(let head):
            // The parser takes any three digits, and a client would get fewer.
            guard head.status.code >= 100 else { return refuse("its status is below 100", context) }
            guard !head.isInformational else { return attempt.receivedInformational(head) }
            guard !head.headers.haveOtherCoding else {
                return refuse("its transfer coding is not chunked, once", context)
            }
            isKeepAlive = head.isKeepAlive
            isSwitched = head.status == .switchingProtocols
            attempt.received(head)
        case .body(let body):
            attempt.received(body)
        case .end:
            if !isSwitched { finish() }
            attempt.receivedEnd()
        }
    }

    /// What comes is no answer. Whoever waits for one is told at once: under TLS, a close takes its time.
    private func refuse(_ reason: String, _ context: ChannelHandlerContext) {
        if case .serving(let attempt) = use {
            use = .closed
            attempt.serviceClosed(unreadable: reason)
        }
        context.close(promise: nil)
    }

    private func drained(_ part: HTTPClientResponsePart, after bytes: Int) {
        switch part {
        case .head: break
        case .body(let body):
            let total = bytes + body.readableBytes
            use = .draining(bytes: total)
            if total > Self.drainBound { close() }
        case .end: finish()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .serving(let attempt) = use { attempt.flush() }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if case .serving(let attempt) = use { attempt.serviceBecameWritable() }
        context.fireChannelWritabilityChanged()
    }

    func channelInactive(context: ChannelHandlerContext) {
        let former = use
        use = .closed
        switch former {
        case .serving(let attempt): attempt.serviceClosed()
        case .idle: pool.remove(self)
        case .draining, .closed: break
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if !hasReceived, let refusal = TLSFailure.refusal(error) {
            if case .serving(let attempt) = use {
                use = .closed
                attempt.serviceRefused(refusal)
            }
            return context.close(promise: nil)
        }
        // A reset, or bytes that are not HTTP: either way nothing more can be read here. An end within an answer is what
        // a connection's end looks like to the parser.
        guard let error = error as? HTTPParserError, error != .invalidEOFState else {
            return context.close(promise: nil)
        }
        // The parser has more names for errors than NIO. Of those without, this is the one that services make.
        let unnamed = "its head breaks HTTP's rules, as one with both a transfer coding and a length does"
        refuse(error == .unknown ? unnamed : String(reflecting: error), context)
    }

    /// The response is over: back to the pool, if both sides are at a message's end.
    private func finish() {
        guard isKeepAlive, isRequestSent else { return close() }
        use = .idle
        // The client may have been too slow for the end of its answer. The next one is not.
        holdReads(false)
        idleSince = pool.turn.now
        pool.put(self)
    }
}

extension HTTPHeaders {
    /// Whether a body is framed as this gateway neither undoes nor passes on (RFC 9112, section 6.1): the client would be
    /// told of `chunked` alone, and take what is still encoded for the body.
    fileprivate var haveOtherCoding: Bool {
        var codings = 0
        for (name, value) in self where name.is("transfer-encoding") {
            codings += 1
            if codings > 1 || !value.is("chunked") { return true }
        }
        return false
    }
}
#endif
