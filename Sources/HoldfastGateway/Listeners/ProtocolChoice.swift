#if Gateway
import HoldfastTLS
import NIOCore
import NIOSSL
import NIOTLS

/// Finds out what a client speaks, builds the rest of the pipeline for it, and leaves: by what was agreed on in the TLS
/// handshake, or else by the first bytes, which are HTTP/2's preface or are not (RFC 9113, section 3.4).
final class ProtocolChoice: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    private let isSecure: Bool
    private let asksForCertificate: Bool
    private let refused: (any Error) -> Void
    private let timer: LazyTimer
    private let build: (Transport) throws -> Void
    private var context: ChannelHandlerContext?
    private var bytes: ByteBuffer?
    private var isChosen = false

    /// - Parameters:
    ///   - isSecure: Whether the handshake tells.
    ///   - asksForCertificate: Whether clients may have shown one.
    ///   - timeout: For the handshake, or the first bytes.
    ///   - refused: Called when the handshake has failed.
    ///   - build: Adds the handlers that come after this one.
    init(
        isSecure: Bool, asksForCertificate: Bool = false, timeout: TimeAmount, eventLoop: any EventLoop,
        refused: @escaping (any Error) -> Void = { _ in }, build: @escaping (Transport) throws -> Void
    ) {
        self.isSecure = isSecure
        self.asksForCertificate = asksForCertificate
        self.refused = refused
        self.build = build
        timer = LazyTimer(eventLoop: eventLoop)
        timer.set(in: timeout)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        timer.onFire = { [unowned self] in self.context?.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        timer.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer.cancel()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let agreed)? = event as? TLSUserEvent, isSecure, !isChosen {
            choose(isHTTP2: agreed == "h2", context)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // While what came is handed on, more may come.
        guard !isChosen else { return context.fireChannelRead(data) }
        var buffer = unwrapInboundIn(data)
        if bytes == nil { bytes = buffer } else { bytes?.writeBuffer(&buffer) }
        guard !isSecure, let bytes else { return }
        let isPreface = bytes.readableBytesView.starts(with: Self.preface.prefix(bytes.readableBytes))
        guard !isPreface || bytes.readableBytes >= Self.preface.count else { return }
        choose(isHTTP2: isPreface, context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A handshake that failed, or a connection that broke.
        if isSecure, !isChosen { refused(error) }
        context.close(promise: nil)
    }

    private func choose(isHTTP2: Bool, _ context: ChannelHandlerContext) {
        let transport: Transport
        do {
            transport = Transport(
                isSecure: isSecure, isHTTP2: isHTTP2, certificate: try certificate(context.pipeline))
        } catch {
            refused(error)
            return context.close(promise: nil)
        }
        isChosen = true
        do { try build(transport) } catch { return context.close(promise: nil) }
        if let bytes = bytes.take() {
            context.fireChannelRead(wrapInboundOut(bytes))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    /// Who the client has shown to be. Somebody trusted vouches for it by now, or did when the session began that this
    /// connection resumes: so its time is looked at again.
    private func certificate(_ pipeline: ChannelPipeline) throws -> CertificateIdentity? {
        guard asksForCertificate, let shown = try pipeline.syncOperations.nioSSL_peerCertificate() else { return nil }
        let identity = try CertificateIdentity(shown)
        guard identity.isValid(at: CertificateIdentity.now) else {
            throw TLSFailure(words: "the client's certificate has expired")
        }
        return identity
    }
}
#endif
