#if Gateway
import NIOCore

/// Two connections that have left HTTP behind: what comes on one goes out on the other, as it is.
///
/// No more is read on one side than the other takes, an end on one side is an end on the other, and neither may be silent
/// for longer than the limit when the other is too. Whoever is closed for that, or because the gateway ends, is told by a
/// close frame, where one can go: between two frames, to a side that takes what it is sent.
enum Tunnel {
    struct Limits {
        /// How long both may be silent.
        let silence: TimeAmount
        /// The same while one of them does not take what waits for it.
        let behind: TimeAmount
    }

    /// How long one side may take to end when the other has.
    private static let lingerTime = TimeAmount.seconds(2)

    /// - Parameters:
    ///   - client: A connection with the handlers that ``Listener`` gives to HTTP/1, and an answer of 101 sent.
    ///   - service: A connection of the pool, which has answered 101.
    static func join(_ client: any Channel, _ service: UpstreamConnection, _ limits: Limits) {
        let timer = LazyTimer(eventLoop: client.eventLoop)
        let (near, far) = (Side(timer, limits, isMasking: false), Side(timer, limits, isMasking: true))
        (near.other, far.other) = (far, near)
        timer.onFire = { [unowned near, unowned far] in
            guard !near.isEnding, near.isOpen, far.isOpen else {
                near.close()
                return far.close()
            }
            near.end("silent for too long")
            far.end("silent for too long")
            timer.set(in: lingerTime)
        }
        timer.set(in: limits.silence)
        do {
            let requests = try client.pipeline.syncOperations.handler(type: HTTP1RequestHandler.self)
            let (asked, answered) = (requests.takeUnread(), service.leave())
            try strip(service.channel, [service], far)
            try strip(client, [client.pipeline.syncOperations.handler(type: DownstreamHandler.self), requests], near)
            // What had come beyond the request and the answer is the tunnel's.
            if let asked { far.send(asked) }
            if let answered { near.send(answered) }
            client.eventLoop.assumeIsolated().execute {
                far.flush()
                near.flush()
            }
        } catch {
            client.close(promise: nil)
            service.close()
        }
    }

    /// Puts a side of the tunnel in the place of HTTP's handlers. The last of them goes first.
    private static func strip(
        _ channel: any Channel, _ handlers: [any RemovableChannelHandler], _ side: Side
    ) throws {
        try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(side)
        for handler in handlers { pipeline.removeHandler(handler, promise: nil) }
        pipeline.read()
    }

    private final class Side: ChannelDuplexHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        /// Held until one of the two has closed.
        var other: Side?
        private let timer: LazyTimer
        private let limits: Limits
        /// Whether what goes out here goes to a service, which takes masked frames alone (RFC 6455, section 5.1).
        private let isMasking: Bool
        private var context: ChannelHandlerContext?
        private var readsWait = false
        /// What has gone out here.
        private var frames = WebSocketFrames()
        /// Whether this side was told to go: what still comes is not passed on.
        private(set) var isEnding = false

        init(_ timer: LazyTimer, _ limits: Limits, isMasking: Bool) {
            self.timer = timer
            self.limits = limits
            self.isMasking = isMasking
        }

        var isOpen: Bool { context != nil }

        func flush() { context?.flush() }

        func send(_ bytes: ByteBuffer) {
            frames.passed(bytes)
            context?.write(NIOAny(bytes), promise: nil)
        }

        func close() { context?.close(promise: nil) }

        /// Says that this is the end, and leaves the other side a moment to say so too (RFC 6455, section 7.1.1).
        func end(_ reason: StaticString) {
            guard let context else { return }
            sayGoodbye(reason, context)
            context.close(mode: .output, promise: nil)
        }

        private func sayGoodbye(_ reason: StaticString, _ context: ChannelHandlerContext) {
            guard !isEnding else { return }
            isEnding = true
            guard frames.mayClose, context.channel.isWritable else { return }
            let mask = isMasking ? UInt32.random(in: 0 ... .max) : nil
            context.writeAndFlush(NIOAny(WebSocketFrames.goingAway(reason, mask: mask)), promise: nil)
        }

        /// When a side begins to be behind, or is not any longer, time counts anew.
        private func arm() {
            guard !isEnding, let here = context?.channel, let there = other?.context?.channel else { return }
            let isBehind = !here.isWritable || !there.isWritable
            timer.set(in: isBehind ? min(limits.behind, limits.silence) : limits.silence)
        }

        /// The gateway ends, and does not wait.
        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            if mode == .all {
                sayGoodbye("the gateway ends", context)
                if let other, let context = other.context { other.sayGoodbye("the gateway ends", context) }
            }
            context.close(mode: mode, promise: promise)
        }

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !isEnding, let other, other.isOpen else { return }
            other.send(unwrapInboundIn(data))
            arm()
        }

        func channelReadComplete(context: ChannelHandlerContext) { other?.context?.flush() }

        func read(context: ChannelHandlerContext) {
            if other?.context?.channel.isWritable ?? true { context.read() } else { readsWait = true }
        }

        func channelWritabilityChanged(context: ChannelHandlerContext) {
            arm()
            guard context.channel.isWritable, let other, other.readsWait else { return }
            other.readsWait = false
            other.context?.read()
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .inputClosed? = event as? ChannelEvent { other?.context?.close(mode: .output, promise: nil) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        func channelInactive(context: ChannelHandlerContext) {
            self.context = nil
            if let other = other?.context {
                // What is on its way there arrives, and then it ends.
                other.close(mode: .output, promise: nil)
                timer.set(in: Tunnel.lingerTime)
            } else {
                timer.cancel()
                other?.other = nil
                other = nil
            }
        }
    }
}
#endif
