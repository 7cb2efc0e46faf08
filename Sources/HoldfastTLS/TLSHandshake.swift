#if Valkey
package import NIOCore
import NIOSSL
import NIOTLS
import Synchronization

/// Tells when the TLS handshake of a connection is over, and the other side is who it has to be. Nothing is sent before, so
/// what fails until then was not sent.
///
/// One is for one try to connect. A name may lead to several addresses, and each has a channel of its own. What became of
/// a handshake is kept here and not in the pipeline: a channel that is closed has no handlers any more, and it may be
/// closed before whoever connects is told that it was open.
package final class TLSHandshake: Sendable {
    private let name: ServiceName?
    private let handlers = Mutex<[ObjectIdentifier: NIOLoopBound<TLSHandshakeHandler>]>([:])

    /// - Parameter name: Who the other side has to be; nil where that is not asked.
    package init(with name: ServiceName?) {
        self.name = name
    }

    /// Adds what listens for the end of the handshake. To be called behind the handler for TLS, before anything comes.
    package func add(to channel: any Channel) throws {
        let handler = TLSHandshakeHandler(with: name, on: channel.eventLoop)
        try channel.pipeline.syncOperations.addHandler(handler)
        let bound = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        handlers.withLock { $0[ObjectIdentifier(channel)] = bound }
    }

    /// Succeeds when both sides agree, and fails when they do not, or not in time; then the channel is closed.
    ///
    /// - Parameter channel: One that was added to. Ask on its loop, once.
    package func completed(on channel: any Channel, within limit: TimeAmount) -> EventLoopFuture<Void> {
        guard let handler = handlers.withLock({ $0[ObjectIdentifier(channel)] })?.value else {
            preconditionFailure("holdfast: nobody listens for this channel's handshake")
        }
        let done = handler.done
        done.futureResult.assumeIsolated().whenSuccess {
            channel.pipeline.syncOperations.removeHandler(handler, promise: nil)
        }
        let late = channel.eventLoop.scheduleTask(in: limit) { done.fail(ChannelError.connectTimeout(limit)) }
        done.futureResult.whenComplete { _ in late.cancel() }
        done.futureResult.whenFailure { _ in channel.close(promise: nil) }
        return done.futureResult
    }
}

/// Looks at how a handshake ends, and leaves when it has been completed.
///
/// NIOSSL and BoringSSL find out whether somebody trusted vouches for the certificate; whether it is the service's is
/// looked at here, on every connection, whether its handshake was a whole one or resumed another. NIOSSL's own check is
/// not used: it takes a certificate for the address that a look-up led to, whatever name was meant, and reads the common
/// name where there is no other (`Documentation/Decisions/0027-tls.md`).
private final class TLSHandshakeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    let done: EventLoopPromise<Void>
    private let name: ServiceName?

    init(with name: ServiceName?, on eventLoop: any EventLoop) {
        self.name = name
        done = eventLoop.makePromise(of: Void.self)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        do throws(TLSFailure) {
            if let name { try check(name, context.pipeline) }
        } catch {
            return done.fail(error)
        }
        done.succeed()
        context.fireUserInboundEventTriggered(event)
    }

    private func check(_ name: ServiceName, _ pipeline: ChannelPipeline) throws(TLSFailure) {
        guard let certificate = try? pipeline.syncOperations.nioSSL_peerCertificate() else {
            throw TLSFailure(words: "it has shown no certificate")
        }
        let names: CertificateNames
        do { names = try CertificateNames(certificate) } catch {
            throw TLSFailure(words: "its certificate cannot be read: \(error)")
        }
        guard name.isOne(of: names) else {
            throw TLSFailure(words: "its certificate is not for '\(name)', but for \(names)")
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        done.fail(TLSFailure(error, on: context.pipeline))
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        done.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { done.fail(ChannelError.alreadyClosed) }
}
#endif
