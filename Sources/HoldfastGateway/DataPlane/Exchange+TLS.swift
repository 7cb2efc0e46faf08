#if Gateway
import Holdfast
import HoldfastHTTP
import HoldfastTLS

extension Exchange {
    /// The service has ended the handshake with a word about our certificate, after the request had been sent.
    ///
    /// In TLS 1.3 the side that connects may send as soon as it has shown its certificate, before it can know whether that
    /// is taken; the other reads nothing of it before (RFC 8446, sections 2 and 4.4.2.4). So the request has not run, and
    /// a key that it had is free.
    func serviceRefused(_ attempt: UpstreamAttempt, _ failure: TLSFailure) {
        guard phase == .attempting else { return serviceClosed(attempt, nil) }
        failed(
            attempt, .notSent(), .failed,
            problem(
                .upstreamUnreachable, "cannot be reached: TLS was not agreed on", at: attempt.endpoint,
                because: "cannot be reached: \(failure.words)"))
    }
}
#endif
