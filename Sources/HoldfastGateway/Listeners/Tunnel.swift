#if Gateway
import NIOCore

/// Two connections that have left HTTP behind: what comes on one goes out on the other, as it is.
///
/// No more is read on one side than the other takes, an end on one side is an end on the other, and neither may be silent
/// for longer than the limit when the other is too.
enum Tunnel {
    /// How long one side may take to end when the other has.
    private static let lingerTime = TimeAmount.seconds(2)

    /// - Parameters:
    ///   - client: A connection with the handlers that ``Listener`` gives to HTTP/1, and an answer of 101 sent.
    ///   - service: A connection of the pool, which has answered 101.
    static func join(_ client: any Channel, _ service: UpstreamConnection, idleLimit: TimeAmount) {
        let timer = LazyTimer(eventLoop: client.eventLoop)
        let (near, far) = (Side(timer, idleLimit), Side(timer, idleLimit))
        (near.other, far.other) = (far, near)
        timer.onFire = { [unowned near, unowned far] in
            near.close()
            far.close()
        }
        timer.set(in: idleLimit)
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
        private let idleLimit: TimeAmount
        private var context: ChannelHandlerContext?
        private var readsWait = false

        init(_ timer: LazyTimer, _ idleLimit: TimeAmount) {
            self.timer = timer
            self.idleLimit = idleLimit
        }

        func flush() { context?.flush() }

        func send(_ bytes: ByteBuffer) { context?.write(NIOAny(bytes), promise: nil) }

        func close() { context?.close(promise: nil) }

        func handlerAdded(context: ChannelHandlerContext) { self.context = context }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let other = other?.context else { return }
            timer.set(in: idleLimit)
            other.write(data, promise: nil)
        }

        func channelReadComplete(context: ChannelHandlerContext) { other?.context?.flush() }

        func read(context: ChannelHandlerContext) {
            if other?.context?.channel.isWritable ?? true { context.read() } else { readsWait = true }
        }

        func channelWritabilityChanged(context: ChannelHandlerContext) {
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
