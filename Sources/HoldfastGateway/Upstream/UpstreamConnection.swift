#if Gateway
import NIOCore
import NIOHTTP1

/// One connection to the service. It serves one attempt at a time, and tells it what comes back.
final class UpstreamConnection: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

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
    private(set) var idleSince = NIODeadline.now()
    private let pool: UpstreamPool
    private var use = Use.idle
    private var isKeepAlive = true
    private var isRequestSent = false
    /// Whether what comes after the response is not HTTP.
    private var isSwitched = false
    private var isReadHeld = false
    private var readsWait = false

    init(channel: any Channel, endpoint: Endpoint, pool: UpstreamPool) {
        self.channel = channel
        self.endpoint = endpoint
        self.pool = pool
    }

    var isActive: Bool { channel.isActive }
    var isWritable: Bool { channel.isWritable }

    // MARK: What the attempt does

    func serve(_ attempt: UpstreamAttempt) {
        use = .serving(attempt)
        isKeepAlive = true
        isRequestSent = false
    }

    func send(_ part: HTTPClientRequestPart, flush: Bool) {
        if case .end = part { isRequestSent = true }
        if flush {
            channel.pipeline.syncOperations.writeAndFlush(NIOAny(part), promise: nil)
        } else {
            channel.pipeline.syncOperations.write(NIOAny(part), promise: nil)
        }
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
        switch (unwrapInboundIn(data), use) {
        case (.head(let head), .serving) where head.status.code < 100:
            // The parser takes any three digits, and a client would get fewer.
            context.close(promise: nil)
        case (.head(let head), .serving(let attempt)):
            isKeepAlive = head.isKeepAlive
            isSwitched = head.status == .switchingProtocols
            attempt.received(head)
        case (.body(let body), .serving(let attempt)):
            attempt.received(body)
        case (.end, .serving(let attempt)):
            if !isSwitched { finish() }
            attempt.receivedEnd()
        case (.head, .draining):
            break
        case (.body(let body), .draining(let bytes)):
            let total = bytes + body.readableBytes
            use = .draining(bytes: total)
            if total > Self.drainBound { close() }
        case (.end, .draining):
            finish()
        case (_, .idle):
            // Nobody asked: what comes now could be taken for the next answer.
            pool.remove(self)
            close()
        case (_, .closed):
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .serving(let attempt) = use { attempt.flush() }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
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
        // A reset, or bytes that are not HTTP: either way nothing more can be read here.
        context.close(promise: nil)
    }

    /// The response is over: back to the pool, if both sides are at a message's end.
    private func finish() {
        guard isKeepAlive, isRequestSent, channel.isActive else { return close() }
        use = .idle
        // The client may have been too slow for the end of its answer. The next one is not.
        holdReads(false)
        idleSince = .now()
        pool.put(self)
    }
}
#endif
