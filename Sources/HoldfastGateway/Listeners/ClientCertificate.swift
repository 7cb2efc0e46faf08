#if Gateway
import HoldfastTLS
import Logging
import NIOCore
import Synchronization

extension ListenerConfiguration {
    /// Whether clients may show certificates.
    var asksForCertificate: Bool { (tls?.clients.verify ?? .off) != .off }
}

extension CertificateIdentity {
    /// The longest that is waited for: the connection of somebody whose certificate is for longer ends then, too.
    private static let longest = 365 * 86_400

    /// Has a connection take no request any more when the certificate's time is over: as when the gateway drains, what is
    /// in flight ends, and a client of HTTP/2 is told which requests were not taken. It comes back with a certificate that
    /// was renewed, or not at all.
    func endConnection(_ channel: any Channel, now: Int = CertificateIdentity.now) {
        let left = max(0, min(notValidAfter - now, Self.longest))
        let end = channel.eventLoop.assumeIsolated().scheduleTask(in: .seconds(Int64(left) + 1)) {
            channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        }
        channel.closeFuture.whenComplete { _ in end.cancel() }
    }
}

extension DataPlaneContext {
    /// A handshake has failed: counted for operators, and told to whoever looks for the reason. Strangers can make any
    /// number of these.
    func refused(_ channel: any Channel, _ error: any Error) {
        counters.handshakeFailures.add(1, ordering: .relaxed)
        logger.debug(
            "a client's TLS handshake failed",
            metadata: [
                "client": "\(channel.remoteAddress?.ipAddress ?? "unknown")",
                "reason": "\(TLSFailure.codes(of: error).first ?? "\(error)")",
            ])
    }
}
#endif
