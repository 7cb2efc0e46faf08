#if Gateway
import NIOCore
import NIOHTTP1

/// Sees what host the target of a request names, before Hummingbird leaves it out: a target may be a whole URI, and then
/// the host counts that it names, whatever `Host` says (RFC 9112, section 3.2.2). One that says another than `Host` does
/// names no host at all, and is refused where that is looked at (``SameOriginMiddleware``).
final class TargetHost: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data), head.uri.utf8.first != UInt8(ascii: "/") else {
            return context.fireChannelRead(data)
        }
        let hosts = head.headers["host"]
        if hosts.count != 1 || Self.authority(of: head.uri) != hosts[0] { head.headers.remove(name: "host") }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    /// - Returns: Nil for what is no whole URI, or names a user.
    static func authority(of target: String) -> String? {
        let rest = target.drop { $0 != ":" }
        guard rest.hasPrefix("://") else { return nil }
        let authority = rest.dropFirst(3).prefix { !"/?#\\".contains($0) }
        return authority.isEmpty ? nil : String(authority)
    }

    /// Puts it where requests are heads of HTTP/1 still. Hummingbird adds handlers behind its own alone.
    final class Installer: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = Never

        func handlerAdded(context: ChannelHandlerContext) {
            do {
                let pipeline = context.pipeline.syncOperations
                let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
                try pipeline.addHandler(TargetHost(), position: .after(decoder))
            } catch {
                context.close(promise: nil)
            }
        }
    }
}
#endif
