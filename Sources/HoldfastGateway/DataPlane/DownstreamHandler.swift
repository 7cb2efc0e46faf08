#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import NIOCore
import NIOHTTP1
import Synchronization

/// A client's connection: checks each request, hands it to an exchange, and writes what the exchange answers.
final class DownstreamHandler: ChannelDuplexHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// How long, and for how many bytes, a client that was refused is listened to, so that it can read why.
    private static let lingerTime = TimeAmount.seconds(2)
    private static let lingerBytes = 4 << 20

    private enum State {
        /// Waiting for a request.
        case idle
        case exchanging(Exchange)
        /// The last answer is out; what still comes is thrown away.
        case lingering(bytes: Int)
    }

    private let loop: LoopContext
    private let timer: LazyTimer
    private var context: ChannelHandlerContext?
    private var state = State.idle
    private var isReadHeld = false
    private var readsWait = false
    private var isRequestOpen = false
    private(set) var clientAddress: String?

    init(loop: LoopContext) {
        self.loop = loop
        timer = LazyTimer(eventLoop: loop.eventLoop)
    }

    let scheme = "http"

    var isWritable: Bool { context?.channel.isWritable ?? false }

    // MARK: What the channel tells

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        clientAddress = context.channel.remoteAddress?.ipAddress
        loop.shared.counters.connections.add(1, ordering: .relaxed)
        awaitRequest(within: loop.plan.configuration.headerTimeout)
    }

    func channelInactive(context: ChannelHandlerContext) {
        loop.shared.counters.connections.subtract(1, ordering: .relaxed)
        let former = state
        state = .lingering(bytes: 0)
        self.context = nil
        if case .exchanging(let exchange) = former {
            exchange.clientClosed()
        } else {
            timer.cancel()
        }
        context.fireChannelInactive()
    }

    func read(context: ChannelHandlerContext) {
        if isReadHeld { readsWait = true } else { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), state) {
        case (.head(let head), .idle):
            isRequestOpen = head.announcesBody
            begin(head)
        case (.body(let body), .exchanging(let exchange)):
            exchange.receivedRequest(body)
        case (.end, .exchanging(let exchange)):
            isRequestOpen = false
            exchange.receivedRequestEnd()
        case (.body(let body), .lingering(let bytes)):
            linger(bytes: bytes + body.readableBytes)
        case (.end, .idle):
            isRequestOpen = false
        case (.head, _), (.body, .idle), (.end, .lingering):
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .exchanging(let exchange) = state { exchange.flushRequest() }
        context.fireChannelReadComplete()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .exchanging(let exchange) = state, context.channel.isWritable { exchange.clientBecameWritable() }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let parserError = error as? HTTPParserError else { return context.close(promise: nil) }
        // The decoder closes the connection when this returns, so the answer has to be on its way by then.
        let problem =
            switch parserError {
            case .headerOverflow:
                Problem(
                    .headersTooLarge, "at most \(loop.plan.configuration.headerLimit) bytes of header fields are read"
                )
            default:
                Problem(.badRequest, "the request cannot be read: \(parserError)")
            }
        switch state {
        case .idle:
            loop.shared.counters.count(problem.kind, isRouted: false)
            write(problem, for: nil, keepAlive: false)
        case .exchanging(let exchange) where isRequestOpen:
            exchange.requestBroke(problem)
        case .exchanging, .lingering:
            context.close(promise: nil)
        }
    }

    // MARK: Requests

    private func begin(_ head: HTTPRequestHead) {
        do throws(Problem) {
            let configuration = loop.plan.configuration
            try RequestRules.check(head, headerLimit: configuration.headerLimit)
            guard let route = loop.plan.table.route(for: head) else {
                throw Problem(.noRoute, "\(head.method.rawValue) \(head.path) has no route here")
            }
            let key = try Self.key(of: head, route.configuration)
            let kept = route.configuration.keptBytes
            if key != nil, let length = head.contentLength, length > kept {
                throw Problem(.bodyTooLarge, "with an Idempotency-Key, at most \(kept) bytes can be sent")
            }
            if head.version == .http1_1, head.headers.first(name: "expect")?.lowercased() == "100-continue" {
                context?.writeAndFlush(
                    wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: .continue))), promise: nil)
            }
            let exchange = Exchange(request: head, route: route, key: key, client: self, loop: loop, timer: timer)
            state = .exchanging(exchange)
            exchange.begin()
        } catch {
            loop.shared.counters.count(error.kind, isRouted: false)
            write(error, for: head, keepAlive: false)
        }
    }

    /// The key of a request that needs one: POST and PATCH, which do not repeat by their method.
    private static func key(
        of head: HTTPRequestHead, _ route: RouteConfiguration
    ) throws(Problem) -> IdempotencyKey? {
        let configuration = route.idempotency
        guard configuration.keys != .off, head.method == .POST || head.method == .PATCH else {
            return nil
        }
        let values = head.headers["idempotency-key"]
        guard let value = values.first else {
            guard configuration.keys == .optional || route.isShadow else {
                throw Problem(.keyMissing, "\(head.method.rawValue) needs an Idempotency-Key here")
            }
            return nil
        }
        do throws(ConfigurationError) {
            guard values.count == 1 else {
                throw ConfigurationError(
                    option: "Idempotency-Key", value: "there more than once", allowed: "there once")
            }
            let key = try IdempotencyKey(fieldValue: value)
            try (configuration.rules ?? configuration.profile.keys).check(key)
            return key
        } catch {
            guard !route.isShadow else { return nil }
            throw Problem(.keyInvalid, "\(error)")
        }
    }

    private func awaitRequest(within limit: Duration) {
        timer.onFire = { [unowned self] in context?.close(promise: nil) }
        timer.set(.now() + TimeAmount(limit))
    }

    // MARK: What the exchange does

    func holdReads(_ hold: Bool) {
        isReadHeld = hold
        if !hold, readsWait {
            readsWait = false
            context?.read()
        }
    }

    func write(_ part: HTTPServerResponsePart) {
        context?.write(wrapOutboundOut(part), promise: nil)
    }

    func flush() {
        context?.flush()
    }

    func writeEnd(keepAlive: Bool) {
        guard let context else { return }
        if keepAlive {
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        } else {
            write(.end(nil))
            closeAfterFlush()
        }
    }

    /// Answers in the gateway's own name.
    func write(_ problem: Problem, for request: HTTPRequestHead?, keepAlive: Bool) {
        let body = problem.body
        var headers = HTTPHeaders([
            ("content-type", "application/problem+json"), ("content-length", "\(body.count)"),
            ("cache-control", "no-store"),
        ])
        if let retryAfter = problem.retryAfter {
            headers.add(name: "retry-after", value: RetryAfter.format(retryAfter))
        }
        if let request = problem.request { headers.add(name: RequestID.field, value: request) }
        HeaderRules.addConnection(to: &headers, for: request, keepAlive: keepAlive)
        let status = HTTPResponseStatus(statusCode: problem.kind.status)
        write(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers)))
        if request?.method != .HEAD { write(.body(.byteBuffer(ByteBuffer(bytes: body)))) }
        writeEnd(keepAlive: keepAlive)
    }

    /// The answer cannot be brought to its end, and the client has to see that.
    func abort() {
        context?.close(promise: nil)
    }

    func exchangeEnded() {
        if case .exchanging = state { state = .idle }
        holdReads(false)
        awaitRequest(within: loop.plan.configuration.idleTimeout)
    }

    // MARK: The last answer

    /// Closing at once would reset the connection if the client is still sending, and the answer would be lost. So our
    /// side is closed, and the client's is read for a moment.
    private func closeAfterFlush() {
        guard let context else { return }
        state = .lingering(bytes: 0)
        if isRequestOpen {
            holdReads(false)
            context.flush()
            context.close(mode: .output, promise: nil)
            timer.onFire = { [unowned self] in self.context?.close(promise: nil) }
            timer.set(.now() + Self.lingerTime)
        } else {
            context.flush()
            context.close(promise: nil)
        }
    }

    private func linger(bytes: Int) {
        state = .lingering(bytes: bytes)
        if bytes > Self.lingerBytes { context?.close(promise: nil) }
    }
}
#endif
