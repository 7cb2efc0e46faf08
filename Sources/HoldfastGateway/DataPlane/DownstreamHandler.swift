#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import NIOCore
import NIOHTTP1
import Synchronization

/// A client's connection, or one stream of it: checks each request, hands it to an exchange, and writes what the
/// exchange answers.
///
/// A connection of HTTP/1 serves one request after another. What comes of the next one before the last is answered is
/// kept, up to a bound, and no more is read. A stream of HTTP/2 serves one request.
final class DownstreamHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = Never
    typealias OutboundOut = HTTPServerResponsePart

    /// How long, and for how many bytes, a client that was refused is listened to, so that it can read why.
    static let lingerTime = TimeAmount.seconds(2)
    private static let lingerBytes = 4 << 20
    /// How long a connection waits for a request that may be on its way when the gateway begins to drain.
    static let lastRequestTime = TimeAmount.seconds(1)

    enum State {
        /// Waiting for a request.
        case idle
        case exchanging(Exchange)
        /// The last answer is out; what still comes is thrown away.
        case lingering(bytes: Int)
    }

    let loop: LoopContext
    let timer: LazyTimer
    let transport: Transport
    private let origin: ConnectionOrigin
    var context: ChannelHandlerContext?
    var state = State.idle
    /// What is ready to be sent over HTTP/1. A stream's codec takes parts of responses instead.
    var output = HTTP1Output()
    var isFlushAwaited = false
    var pipelined = PipelinedParts()
    /// What is wrong with what came after the request that is being answered.
    private var pipelinedProblem: Problem?
    private var isDelivering = false
    private var isReadHeld = false
    private var readsWait = false
    /// Whether the end of the latest request is still to come.
    private var isEndAwaited = false
    /// The same, for a request that announced a body.
    var isRequestOpen = false
    /// Whether no request has come yet.
    private var isNew = true
    /// Whether a part of the next request's head has come.
    private var hasNextBegun = false
    var isQuiescing: Bool
    /// Whether the request asks to leave HTTP behind. What comes after it is not read as HTTP, whatever the answer.
    var asksForUpgrade = false
    /// Whether the client was told that no other request will be answered.
    var isLastAnswer = false

    /// - Parameters:
    ///   - origin: Where the connection comes from.
    ///   - isQuiescing: Whether the gateway drains already.
    init(loop: LoopContext, transport: Transport, origin: ConnectionOrigin, isQuiescing: Bool) {
        self.loop = loop
        self.transport = transport
        self.origin = origin
        self.isQuiescing = isQuiescing
        timer = LazyTimer(eventLoop: loop.eventLoop)
    }

    /// Whether the client takes what it is sent.
    private(set) var isWritable = true
    /// Whether it takes what waits for it, while something does.
    private(set) var pace: AnswerPaceMachine?
    /// The frames of a stream's answer that have been written and not gone yet, in bytes.
    var unsentBytes = 0
    /// How much of a stream's answer has been written.
    var writtenBytes = 0

    /// Whether a request has arrived whole and is not answered yet.
    private var isBusy: Bool {
        guard case .exchanging = state else { return false }
        return !isEndAwaited
    }

    /// Whether the client has not taken the answers that it has. Until it does, none of its requests is begun: it could
    /// have the gateway keep any number of answers otherwise. A stream has one answer.
    private var isBehind: Bool {
        guard case .idle = state, !transport.isHTTP2 else { return false }
        return !isWritable
    }

    /// Whose are the connections that a service authenticates for one of its requests; nil where it may carry requests of
    /// several clients, and where it is a stream: then they serve nobody else, and are closed.
    var owner: PersonalConnections.Owner? {
        transport.isHTTP2 || origin.speaksForOthers ? nil : ObjectIdentifier(self)
    }

    // MARK: What the channel tells

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if transport.isHTTP2 { loop.shared.counters.streams.add(1, ordering: .relaxed) }
        timer.onFire = { [unowned self] in timeIsUp() }
        awaitRequest(within: loop.plan.headerTimeout)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if transport.isHTTP2 { loop.shared.counters.streams.subtract(1, ordering: .relaxed) }
        let former = state
        state = .lingering(bytes: 0)
        if !transport.isHTTP2 { loop.pool.closeAll(of: ObjectIdentifier(self)) }
        pipelined.removeAll()
        self.context = nil
        isWritable = false
        if case .exchanging(let exchange) = former {
            exchange.clientClosed()
        } else {
            timer.cancel()
        }
        context.fireChannelInactive()
    }

    func read(context: ChannelHandlerContext) {
        // While a request is answered, what comes is the next one, or the news that the client has left. Reading goes on
        // until something has come: to stop and to begin again would cost two calls into the kernel for each request.
        if isReadHeld || isBehind || (isBusy && !pipelined.isEmpty) { readsWait = true } else { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if isBusy || !pipelined.isEmpty { pipelined.append(part) } else { take(part) }
    }

    private func take(_ part: HTTPServerRequestPart) {
        switch part {
        case .head(var head):
            guard case .idle = state else { return }
            isNew = false
            isEndAwaited = true
            var fields = RequestFields(head, deciding: loop.plan.table.deciding)
            isRequestOpen = fields.announcesBody
            asksForUpgrade = fields.hasUpgrade
            let origin = origin.origin(
                of: &head, &fields, over: transport, namesRequests: loop.plan.configuration.requestID)
            begin(head, fields, from: origin)
        case .body(let body):
            loop.readBuffers.keep(body)
            switch state {
            case .exchanging(let exchange): exchange.receivedRequest(body)
            case .lingering(let bytes): linger(bytes: bytes + body.readableBytes)
            case .idle: break
            }
        case .end:
            isEndAwaited = false
            isRequestOpen = false
            if case .exchanging(let exchange) = state { exchange.receivedRequestEnd() }
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .exchanging(let exchange) = state { exchange.flushRequest() }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable {
            pace = nil
            if case .exchanging(let exchange) = state { exchange.clientBecameWritable() }
            if case .idle = state { next() }
        } else {
            pace = AnswerPaceMachine(loop.plan.clientTimeout, waiting: waitingBytes, at: loop.now)
            if case .exchanging(let exchange) = state { exchange.clientFellBehind() }
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A stream is not told: its connection is, and lets it end.
        if event is ChannelShouldQuiesceEvent, !transport.isHTTP2 {
            isQuiescing = true
            // A connection that is new has something to say. One that has said it may have more on its way, or nothing.
            if case .idle = state, !isEndAwaited, !isNew { awaitRequest(within: loop.plan.idleTimeout) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    /// Told when what has come over HTTP/1 was read. From a head's first byte on, a client has the time of a head for it, and
    /// not that of a connection on which nothing is asked.
    func nextRequest(hasBegun: Bool) {
        let isFirstByte = hasBegun && !hasNextBegun
        hasNextBegun = hasBegun
        // The first head's time began with the connection.
        guard isFirstByte, !isNew, case .idle = state else { return }
        awaitRequest(within: loop.plan.headerTimeout)
    }

    /// What comes over HTTP/1 is no request, and nothing more is read as one.
    ///
    /// - Parameter rest: How many bytes have come of it.
    func requestIsUnreadable(_ problem: Problem, _ rest: Int) {
        if isBusy || !pipelined.isEmpty {
            pipelinedProblem = problem
            return
        }
        switch state {
        case .idle:
            refuseUnread(problem)
        case .exchanging(let exchange) where isRequestOpen:
            exchange.requestBroke(problem)
        case .exchanging, .lingering:
            context?.close(promise: nil)
        }
        receivedUnreadable(rest)
    }

    /// More of what is no request.
    func receivedUnreadable(_ count: Int) {
        if case .lingering(let bytes) = state { return linger(bytes: bytes + count) }
        if pipelinedProblem == nil { context?.close(promise: nil) }
    }

    /// Answers what is not HTTP, of which more may be on its way.
    private func refuseUnread(_ problem: Problem) {
        isRequestOpen = true
        loop.shared.counters.unrouted.refused(problem.kind)
        write(named(problem), for: nil, keepAlive: false)
    }

    // MARK: Requests

    private func begin(_ head: HTTPRequestHead, _ fields: RequestFields, from origin: RequestOrigin) {
        do throws(Problem) {
            var head = head
            let plan = loop.plan
            let target = try RequestRules.read(
                &head, fields, headerLimit: plan.configuration.headerLimit,
                fieldLimit: plan.configuration.fieldLimit, for: plan.table)
            if fields.maxForwards == .ends { return answerOptions(head) }
            let route = try plan.table.route(for: target, head.headers)
            let exchange = Exchange(
                request: head, target, fields, from: origin, route: route, client: self, loop: loop, timer: timer)
            state = .exchanging(exchange)
            exchange.begin()
        } catch {
            loop.shared.counters.unrouted.refused(error.kind)
            write(named(error, origin.requestID), for: head, keepAlive: false)
        }
    }

    /// The same with a name for the request that no exchange has named.
    private func named(_ problem: Problem, _ given: RequestID? = nil) -> Problem {
        guard loop.plan.configuration.requestID else { return problem }
        var problem = problem
        problem.request = (given ?? RequestID(using: &loop.names)).description
        return problem
    }

    private func awaitRequest(within limit: TimeAmount) {
        timer.set(loop.turn.now + (isQuiescing && !isNew ? min(limit, Self.lastRequestTime) : limit))
    }

    // What was sent before arrives: the socket is closed, and not reset (RFC9112-9.5-1).
    private func timeIsUp() {
        if case .exchanging(let exchange) = state { return exchange.timeIsUp() }
        // What is left of an answer goes out at the client's pace, whatever else it may be idle in.
        guard !isNew, waitingBytes > 0 else { return context?.close(promise: nil) ?? () }
        if pace == nil { pace = AnswerPaceMachine(loop.plan.clientTimeout, waiting: waitingBytes, at: loop.now) }
        guard goesOnTaking, let pace else { return context?.close(promise: nil) ?? () }
        timer.set(pace.deadline)
    }

    /// What waits for the client: of a connection, what the kernel has not taken yet; of a stream, at least its end.
    private var waitingBytes: Int {
        guard let context else { return 0 }
        // A stream has no such option.
        guard !transport.isHTTP2 else { return unsentBytes + 1 }
        return (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    /// Whether the client takes what waits for it.
    var goesOnTaking: Bool { pace?.look(waiting: waitingBytes, at: loop.now) != .stuck }

    /// Goes on to what the client sent meanwhile, and then to reading more.
    func next() {
        guard !isDelivering else { return }
        if !pipelined.isEmpty {
            // What is taken may be answered at once, which leads here again.
            isDelivering = true
            while !isBusy, !isBehind, let part = pipelined.popFirst() { take(part) }
            isDelivering = false
            if case .exchanging(let exchange) = state { exchange.flushRequest() }
        }
        if case .idle = state, pipelined.isEmpty, let problem = pipelinedProblem {
            pipelinedProblem = nil
            return refuseUnread(problem)
        }
        resumeReads()
    }

    private func resumeReads() {
        guard readsWait, !isReadHeld, !isBusy, !isBehind else { return }
        readsWait = false
        context?.read()
    }

    // MARK: What the exchange does

    func holdReads(_ hold: Bool) {
        isReadHeld = hold
        if !hold { resumeReads() }
    }

    /// The answer cannot be brought to its end, and the client has to see that.
    func abort() {
        guard let context else { return }
        if transport.isHTTP2 {
            context.triggerUserOutboundEvent(HTTP2StreamCodec.Reset.broken, promise: nil)
        } else {
            flushNow()
            guard output.isDelimited else { return AbruptEnd.close(context) }
        }
        context.close(promise: nil)
    }

    /// The answer's end follows, or the connection's. Until then nothing more is taken.
    func exchangeEnded() {
        if case .exchanging = state { state = .idle }
        isReadHeld = false
        awaitRequest(within: hasNextBegun ? loop.plan.headerTimeout : loop.plan.idleTimeout)
    }

    private func linger(bytes: Int) {
        state = .lingering(bytes: bytes)
        if bytes > Self.lingerBytes { context?.close(promise: nil) }
    }
}
#endif
