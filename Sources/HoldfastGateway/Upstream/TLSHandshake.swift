#if Gateway
import NIOCore
import NIOSSL
import NIOTLS

/// Tells when a connection's TLS handshake is over. Nothing is sent before, so what fails until then was not sent.
final class TLSHandshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let done: EventLoopPromise<Void>
    private let endpoint: Endpoint

    init(with endpoint: Endpoint, on eventLoop: any EventLoop) {
        self.endpoint = endpoint
        done = eventLoop.makePromise(of: Void.self)
    }

    /// Succeeds when both sides agree, and fails when they do not, or not in time.
    func completed(within limit: TimeAmount, on eventLoop: any EventLoop) -> EventLoopFuture<Void> {
        let done = done
        let late = eventLoop.scheduleTask(in: limit) { done.fail(ChannelError.connectTimeout(limit)) }
        done.futureResult.whenComplete { _ in late.cancel() }
        return done.futureResult
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent {
            done.succeed()
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        done.fail(TLSFailure(error, of: endpoint, on: context.pipeline))
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        done.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { done.fail(ChannelError.alreadyClosed) }
}
#endif
