#if Valkey
package import NIOCore
import NIOSSL
import NIOTLS

/// Tells when a connection's TLS handshake is over, and the other side is who it has to be. Nothing is sent before, so
/// what fails until then was not sent.
///
/// NIOSSL and BoringSSL find out whether somebody trusted vouches for the certificate; whether it is the service's is
/// looked at here, on every connection, whether its handshake was a whole one or resumed another. NIOSSL's own check is
/// not used: it takes a certificate for the address that a look-up led to, whatever name was meant, and reads the common
/// name where there is no other (`Documentation/Decisions/0027-tls.md`).
package final class TLSHandshake: ChannelInboundHandler, RemovableChannelHandler {
    package typealias InboundIn = ByteBuffer

    private let done: EventLoopPromise<Void>
    private let name: ServiceName?

    /// - Parameter name: Who the other side has to be; nil where that is not asked.
    package init(with name: ServiceName?, on eventLoop: any EventLoop) {
        self.name = name
        done = eventLoop.makePromise(of: Void.self)
    }

    /// Succeeds when both sides agree, and fails when they do not, or not in time; then the channel is closed.
    ///
    /// - Parameter channel: One that has this handler. Ask on its loop, once: the handler leaves when the handshake is
    ///   completed and somebody has asked, whichever comes first.
    package static func completed(on channel: any Channel, within limit: TimeAmount) -> EventLoopFuture<Void> {
        let handler: TLSHandshake
        do { handler = try channel.pipeline.syncOperations.handler(type: TLSHandshake.self) } catch {
            channel.close(promise: nil)
            return channel.eventLoop.makeFailedFuture(error)
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

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
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

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        done.fail(TLSFailure(error, on: context.pipeline))
        context.fireErrorCaught(error)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        done.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    package func handlerRemoved(context: ChannelHandlerContext) { done.fail(ChannelError.alreadyClosed) }
}
#endif
