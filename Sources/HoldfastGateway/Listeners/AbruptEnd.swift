#if Gateway
import NIOCore
import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Ends a connection as no answer ends. A client that was told no length takes an end in order for the answer's (RFC 9112,
/// section 8), so an answer that has broken off must not end in order.
enum AbruptEnd {
    static func close(_ context: ChannelHandlerContext) {
        reset(context.channel)
        // Whoever closes under TLS announces it. So what is below is closed.
        let below = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
        (below ?? context).close(promise: nil)
    }

    /// Has the kernel reset the connection when it is closed: with nothing to linger for, it does.
    static func reset(_ channel: any Channel) {
        _ = (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
    }
}
#endif
