#if Gateway
import NIOCore
import NIOHTTP1

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
    static func join(_ client: any Channel, _ service: any Channel, idleLimit: TimeAmount) {
        let timer = LazyTimer(eventLoop: client.eventLoop)
        let (near, far) = (Side(timer, idleLimit), Side(timer, idleLimit))
        (near.other, far.other) = (far, near)
        timer.onFire = { [unowned near, unowned far] in
            near.close()
            far.close()
        }
        timer.set(in: idleLimit)
        do {
            // The decoder of responses wants to see what is written, until it has left: before the client's next bytes.
            try strip(service, of: UpstreamConnection.self, ByteToMessageHandler<HTTPResponseDecoder>.self, far)
            try strip(client, of: DownstreamHandler.self, ByteToMessageHandler<HTTPRequestDecoder>.self, near)
            // What the decoders had not read goes through when they leave, which is before this.
            client.eventLoop.assumeIsolated().execute {
                far.flush()
                near.flush()
            }
        } catch {
            client.close(promise: nil)
            service.close(promise: nil)
        }
    }

    /// Puts a side of the tunnel in the place of HTTP's handlers. The last of them goes first, so that bytes which the
    /// decoder has not read reach nobody but the tunnel.
    private static func strip<Last: RemovableChannelHandler, Decoder: RemovableChannelHandler>(
        _ channel: any Channel, of last: Last.Type, _ decoder: Decoder.Type, _ side: Side
    ) throws {
        try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        let pipeline = channel.pipeline.syncOperations
        let decoder = try pipeline.context(handlerType: decoder)
        try pipeline.addHandler(side)
        pipeline.removeHandler(context: try pipeline.context(handlerType: last), promise: nil)
        pipeline.removeHandler(context: decoder, promise: nil)
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
