#if Gateway
import NIOCore

/// Reads the header of the PROXY protocol, hands over what it says, and leaves. It stands before TLS and HTTP, and nothing
/// reaches them before.
final class ProxyProtocolHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let timer: LazyTimer
    private let proceed: (ProxyHeader) throws -> Void
    private let refuse: (String) -> Void
    private var context: ChannelHandlerContext?
    private var bytes: [UInt8] = []
    private var phase = Phase.reading

    private enum Phase {
        case reading
        /// The header is whole, and what comes behind it goes on.
        case passed
        /// The connection closes.
        case refused
    }

    /// - Parameters:
    ///   - timeout: For the header to come whole.
    ///   - proceed: Adds the handlers that come after this one.
    ///   - refuse: Is told why there is no header. The connection is closed then.
    init(
        timeout: TimeAmount, eventLoop: any EventLoop, proceed: @escaping (ProxyHeader) throws -> Void,
        refuse: @escaping (String) -> Void
    ) {
        self.proceed = proceed
        self.refuse = refuse
        timer = LazyTimer(eventLoop: eventLoop)
        timer.set(in: timeout)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        timer.onFire = { [unowned self] in end("it has not come in time") }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        timer.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch phase {
        case .reading: break
        // While what came behind the header is handed on, more may come.
        case .passed: return context.fireChannelRead(data)
        case .refused: return
        }
        // A header comes in one piece, as good as always.
        bytes += unwrapInboundIn(data).readableBytesView
        switch ProxyHeader.read(bytes[...]) {
        case .incomplete: break
        case .malformed(let reason): end(reason)
        case .whole(let header, let length): pass(header, bytes[length...], context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func pass(_ header: ProxyHeader, _ rest: ArraySlice<UInt8>, _ context: ChannelHandlerContext) {
        // From here on its time limit does not count.
        phase = .refused
        do {
            try proceed(header)
        } catch {
            return context.close(promise: nil)
        }
        phase = .passed
        if !rest.isEmpty {
            context.fireChannelRead(wrapInboundOut(ByteBuffer(bytes: rest)))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    private func end(_ reason: String) {
        guard phase == .reading else { return }
        phase = .refused
        refuse(reason)
        context?.close(promise: nil)
    }
}
#endif
