#if Gateway
import HoldfastTLS
import NIOCore
import NIOHTTP1
import Synchronization

/// One connection to the service. It serves one attempt at a time, and tells it what comes back.
final class UpstreamConnection: ChannelDuplexHandler, RemovableChannelHandler, Flushing {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never

    /// A response that nobody wants is read to its end up to this many bytes, to keep the connection; beyond it, the
    /// connection is cheaper to close.
    private static let drainBound = 64 << 10

    private enum Use {
        case idle
        case serving(UpstreamAttempt)
        case draining(bytes: Int)
        /// Idle, for its owner alone.
        case personal
        case closed
    }

    /// Who else may be served when a connection has been authenticated (``ConnectionCredentials``).
    private enum Sharing {
        case everybody
        /// Nobody: a request brought credentials, and the service has not said what it makes of them.
        case nobody
        /// The client that it was authenticated for: the service has said that it does such a thing.
        case owner
    }

    let channel: any Channel
    let endpoint: Endpoint
    private(set) var idleSince: NIODeadline
    /// Which reading of the service's certificates it was opened under.
    private let reading: Int
    /// Whether it has brought a byte of any answer.
    private var hasReceived = false
    private let pool: UpstreamPool
    private var context: ChannelHandlerContext?
    private var reader = HTTP1ResponseReader()
    private var isReading = false
    /// Whether the connection was cut, and not closed in order: then nobody knows whether what came is all.
    private var isCut = false
    private var output = HTTP1Output()
    var isFlushAwaited = false
    private var use = Use.idle
    private var isKeepAlive = true
    private var isRequestSent = false
    /// Whether what comes after the response is not HTTP.
    private var isSwitched = false
    private var sharing = Sharing.everybody
    private var isReadHeld = false
    private var readsWait = false

    init(channel: any Channel, endpoint: Endpoint, pool: UpstreamPool) {
        self.channel = channel
        self.endpoint = endpoint
        self.pool = pool
        idleSince = pool.turn.now
        reading = endpoint.reading
    }

    /// Whether it may not serve another request: its endpoint is in no plan, is drained, or was given other certificates.
    var isOutdated: Bool { endpoint.isLeft || reading != endpoint.reading }

    /// Whether the service takes what it is sent.
    private(set) var isWritable = true

    // MARK: What the attempt does

    func serve(_ attempt: UpstreamAttempt) {
        use = .serving(attempt)
        isKeepAlive = true
        isRequestSent = false
    }

    /// What is sent next may authenticate the connection.
    func carryCredentials() {
        if sharing == .everybody { sharing = .nobody }
    }

    /// - Parameters:
    ///   - request: Whose method says how the answer is read.
    ///   - target: What is asked for.
    ///   - fields: Writes the fields of the head.
    func send(_ request: HTTPRequestHead, _ target: String, fields: (inout HTTP1Output) -> Void) {
        reader.expect(request.method)
        output.begin(request.method, target)
        fields(&output)
        output.endHead()
    }

    func send(_ body: ByteBuffer) {
        for piece in output.append(body) { context?.write(NIOAny(piece), promise: nil) }
    }

    func sendEnd() {
        isRequestSent = true
        output.end()
        flush()
    }

    /// Has what was sent go out when the loop has read what there was.
    func flush() { pool.turn.flush(self) }

    func flushNow() {
        guard let bytes = output.take() else { return context?.flush() ?? () }
        context?.writeAndFlush(NIOAny(bytes), promise: nil)
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
    ///
    /// - Returns: What has come behind the last answer.
    func leave() -> ByteBuffer? {
        use = .closed
        return reader.takeUnread()
    }

    func close() {
        use = .closed
        channel.close(promise: nil)
    }

    // MARK: What the channel tells

    func read(context: ChannelHandlerContext) {
        if isReadHeld { readsWait = true } else { context.read() }
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .closed = use { return }
        hasReceived = true
        reader.append(unwrapInboundIn(data))
        // A part that is handed on may lead back here.
        guard !isReading else { return }
        isReading = true
        defer { isReading = false }
        do throws(HTTP1Error) {
            while let part = try reader.next() { received(part) }
            reader.settle()
        } catch {
            refuse(error.description, context)
        }
    }

    private func received(_ part: HTTP1ResponseReader.Part) {
        switch use {
        case .serving(let attempt): received(part, for: attempt)
        case .draining(let bytes): drained(part, after: bytes)
        case .idle, .personal, .closed: break
        }
    }

    private func received(_ part: HTTP1ResponseReader.Part, for attempt: UpstreamAttempt) {
        switch part {
        case .head(let head, let persists):
            guard !head.isInformational else { return attempt.receivedInformational(head) }
            isKeepAlive = persists
            if head.headers.authenticateConnection { sharing = .owner }
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
        switch use {
        case .serving(let attempt):
            use = .closed
            attempt.serviceClosed(unreadable: reason)
        case .idle, .personal: pool.remove(self)
        case .draining, .closed: break
        }
        use = .closed
        context.close(promise: nil)
    }

    private func drained(_ part: HTTP1ResponseReader.Part, after bytes: Int) {
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

    // An idle connection is read as well, so that its end is noticed (RFC9112-9.5-2).
    func channelInactive(context: ChannelHandlerContext) {
        // An answer without a length ends with the connection, if that was closed in order (RFC 9112, section 8).
        let isWhole = reader.endsWithConnection && !isCut
        let former = use
        use = .closed
        switch former {
        case .serving(let attempt): if isWhole { attempt.receivedEnd() } else { attempt.serviceClosed() }
        case .idle, .personal: pool.remove(self)
        case .draining, .closed: break
        }
        context.fireChannelInactive()
    }

    /// A reset, or under TLS an end that was not announced, which anybody on the way can make (RFC 9112, section 9.8).
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        isCut = true
        if !hasReceived, let refusal = TLSFailure.refusal(error), case .serving(let attempt) = use {
            use = .closed
            attempt.serviceRefused(refusal)
        }
        context.close(promise: nil)
    }

    /// The response is over: back to the pool, if both sides are at a message's end.
    /// Only an answer that was read to its end gets here (RFC9112-9.3-5).
    private func finish() {
        // What it has sent behind its answer would be taken for the next one.
        guard isKeepAlive, isRequestSent, !reader.hasUnread else { return close() }
        let owner: PersonalConnections.Owner? = if case .serving(let attempt) = use { attempt.owner } else { nil }
        guard sharing == .everybody || (sharing == .owner && owner != nil) else { return close() }
        use = sharing == .everybody ? .idle : .personal
        // The client may have been too slow for the end of its answer. The next one is not.
        holdReads(false)
        idleSince = pool.turn.now
        if let owner, sharing == .owner { pool.keep(self, for: owner) } else { pool.put(self) }
    }
}
#endif
