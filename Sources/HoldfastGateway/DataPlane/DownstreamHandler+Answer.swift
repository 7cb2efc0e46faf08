#if Gateway
import HoldfastHTTP
import NIOCore
import NIOHTTP1

/// How an answer leaves: over HTTP/1 as bytes, over HTTP/2 as parts for the stream's codec.
extension DownstreamHandler: Flushing {
    /// Begins to pass on an answer of the service.
    ///
    /// - Parameters:
    ///   - requestID: What the request is called, for an answer that does not say it.
    ///   - own: What the gateway adds.
    /// - Returns: Whether the connection can serve another request after it.
    func relay(
        _ head: HTTPResponseHead, for request: HTTPRequestHead, named requestID: RequestID?, keepAlive: Bool,
        adding own: HTTPHeaders
    ) -> Bool {
        guard !transport.isHTTP2 else {
            var fields = own
            let keepAlive = HeaderRules.toClient(
                head, for: request, named: requestID, keepAlive: keepAlive, date: loop.date, into: &fields)
            writePart(.head(HTTPResponseHead(version: .http1_1, status: head.status, headers: fields)))
            return keepAlive
        }
        isLastAnswer = isLastAnswer || mustBeLast
        output.begin(head.status)
        for (name, value) in own { output.add(name: name, value: value) }
        let keepAlive = HeaderRules.toClient(
            head, for: request, named: requestID, keepAlive: keepAlive && !isLastAnswer, date: loop.date, into: &output)
        output.endHead()
        return keepAlive
    }

    /// Begins an answer of the gateway.
    ///
    /// - Parameter isFinal: Whether it is the answer; otherwise another follows, and nothing is said of the connection.
    func write(_ head: HTTPResponseHead, isFinal: Bool = true) {
        guard !transport.isHTTP2 else {
            var head = head
            if isFinal { head.headers.add(name: "date", value: loop.date) }
            return writePart(.head(head))
        }
        isLastAnswer = isLastAnswer || (isFinal && mustBeLast)
        output.begin(head.status)
        for (name, value) in head.headers where !isLastAnswer || !name.is("connection") {
            output.add(name: name, value: value)
        }
        if isFinal { output.add(name: "date", value: loop.date) }
        if isLastAnswer { output.add(name: "connection", value: "close") }
        output.endHead()
    }

    /// Whether no request is answered after this one, whatever this one says.
    private var mustBeLast: Bool { isQuiescing || asksForUpgrade || pipelined.endsHere }

    func write(_ body: ByteBuffer) {
        guard !transport.isHTTP2 else { return writeFrames(body) }
        for piece in output.append(body) { context?.write(NIOAny(piece), promise: nil) }
    }

    /// What goes at once, in most answers all there is, is not looked after.
    private static let unwatchedBytes = 32 << 10
    /// What a frame takes (RFC 9113, section 4.2), as long as no client has agreed to more.
    private static let frameBytes = 16 << 10

    /// Of a long answer, each frame says when it has gone: a stream does not tell what waits on it.
    private func writeFrames(_ body: ByteBuffer) {
        writtenBytes += body.readableBytes
        guard writtenBytes > Self.unwatchedBytes, let context else { return writePart(.body(.byteBuffer(body))) }
        var body = body
        while let frame = body.readSlice(length: min(Self.frameBytes, body.readableBytes)), frame.readableBytes > 0 {
            let (count, gone) = (frame.readableBytes, context.eventLoop.makePromise(of: Void.self))
            unsentBytes += count
            gone.futureResult.assumeIsolated().whenComplete { _ in self.unsentBytes -= count }
            context.write(wrapOutboundOut(.body(.byteBuffer(frame))), promise: gone)
        }
    }

    private func writePart(_ part: HTTPServerResponsePart) {
        context?.write(wrapOutboundOut(part), promise: nil)
    }

    /// Tells a client that waits for it to send its body.
    func writeContinue() {
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        write(head, isFinal: false)
        flushNow()
    }

    /// Has what was written go out when the loop has read what there was.
    func flush() { loop.turn.flush(self) }

    func flushNow() { send(promise: nil) }

    private func send(promise: EventLoopPromise<Void>?) {
        guard let context else { return promise?.fail(ChannelError.ioOnClosedChannel) ?? () }
        guard !transport.isHTTP2 else { return context.flush() }
        guard let bytes = output.take() else {
            // What is promised is that the pieces before have gone.
            return promise == nil ? context.flush() : context.writeAndFlush(NIOAny(ByteBuffer()), promise: promise)
        }
        context.writeAndFlush(NIOAny(bytes), promise: promise)
        output.reuse(bytes)
    }

    func writeEnd(keepAlive: Bool) {
        guard let context else { return }
        guard !transport.isHTTP2 else { return endStream(context) }
        output.end()
        if keepAlive, !isLastAnswer, !pipelined.endsHere {
            flush()
            next()
        } else {
            closeAfterEnd(context)
        }
    }

    /// A stream ends by itself when both sides have sent their end. A client that has not is told that nothing more is
    /// wanted, once it has the answer (RFC 9113, section 8.1).
    private func endStream(_ context: ChannelHandlerContext) {
        guard isRequestOpen else {
            writePart(.end(nil))
            return flush()
        }
        state = .lingering(bytes: 0)
        let ended = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: ended)
        ended.futureResult.assumeIsolated().whenSuccess { [weak self] in
            guard let self, isRequestOpen else { return }
            self.context?.triggerUserOutboundEvent(HTTP2StreamCodec.Reset.answered, promise: nil)
        }
    }

    /// Answers in the gateway's own name.
    ///
    /// - Parameters:
    ///   - body: The problem's, where it is known.
    ///   - own: What the answer has besides.
    func write(
        _ problem: Problem, _ body: [UInt8]? = nil, for request: HTTPRequestHead?, keepAlive: Bool,
        adding own: [(String, String)] = []
    ) {
        let body = body ?? problem.body
        var headers = HTTPHeaders([
            ("content-type", "application/problem+json"), ("content-length", "\(body.count)"),
            ("cache-control", "no-store"),
        ])
        if let retryAfter = problem.retryAfter {
            headers.add(name: "retry-after", value: RetryAfter.format(retryAfter))
        }
        if let challenge = problem.challenge { headers.add(name: "www-authenticate", value: challenge) }
        if let request = problem.request, loop.plan.configuration.requestID {
            headers.add(name: RequestID.field, value: request)
        }
        for (name, value) in own { headers.add(name: name, value: value) }
        HeaderRules.addConnection(to: &headers, for: request, keepAlive: keepAlive)
        let status = HTTPResponseStatus(statusCode: problem.status)
        write(HTTPResponseHead(version: .http1_1, status: status, headers: headers))
        if request?.method != .HEAD { write(ByteBuffer(bytes: body)) }
        writeEnd(keepAlive: keepAlive)
    }

    /// Answers as whoever is asked, where nobody further on may be (RFC 9110, sections 7.6.2 and 9.3.7).
    func answerOptions(_ request: HTTPRequestHead) {
        var headers = HTTPHeaders()
        HeaderRules.addConnection(to: &headers, for: request, keepAlive: false)
        write(HTTPResponseHead(version: .http1_1, status: .noContent, headers: headers))
        writeEnd(keepAlive: false)
    }

    /// Leaves the connection to what is not HTTP.
    func switchProtocols(_ head: HTTPResponseHead, with connection: UpstreamConnection, _ limits: Tunnel.Limits) {
        guard let context else { return connection.close() }
        write(head, isFinal: false)
        flushNow()
        timer.cancel()
        state = .lingering(bytes: 0)
        self.context = nil
        loop.pool.closeAll(of: ObjectIdentifier(self))
        Tunnel.join(context.channel, connection, limits)
    }

    /// Closing at once would lose what the client has not taken yet, and reset the connection if it is still sending. So
    /// the end is written first, and a client that is still sending is read for a moment.
    private func closeAfterEnd(_ context: ChannelHandlerContext) {
        state = .lingering(bytes: 0)
        if isRequestOpen {
            holdReads(false)
            flushNow()
            context.close(mode: .output, promise: nil)
            timer.set(loop.turn.now + Self.lingerTime)
        } else {
            let ended = context.eventLoop.makePromise(of: Void.self)
            ended.futureResult.assumeIsolated().whenComplete { [weak self] _ in self?.context?.close(promise: nil) }
            send(promise: ended)
        }
    }
}
#endif
