#if Valkey
import Foundation
package import NIOCore
package import NIOSSL
import SwiftASN1
import X509

/// Why TLS with a service failed, in words for operators.
///
/// BoringSSL says only that a certificate was not verified, and NIOSSL does not pass on why. So what can be wrong with a
/// certificate is looked for in it, in the order in which it is most certain to be the reason.
package struct TLSFailure: Error, CustomStringConvertible {
    package let words: String
    package var description: String { words }

    package init(words: String) { self.words = words }

    /// - Parameter pipeline: Where the handshake failed.
    package init(_ error: any Error, on pipeline: ChannelPipeline) {
        self.init(
            error, certificate: try? pipeline.syncOperations.nioSSL_peerCertificate(), now: CertificateIdentity.now)
    }

    /// - Parameters:
    ///   - certificate: The service's, if it has shown one.
    ///   - now: Seconds since 1970.
    init(_ error: any Error, certificate: NIOSSLCertificate?, now: Int) {
        switch error {
        case NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])):
            words = "it closed the connection during the handshake"
        case NIOSSLError.handshakeFailed(let failure):
            let codes = Self.codes(of: failure)
            if codes.contains("CERTIFICATE_VERIFY_FAILED") {
                words = Self.words(for: certificate, now: now)
            } else {
                words = (["the handshake failed"] + codes).joined(separator: ": ")
            }
        case let error as IOError:
            words = "the handshake broke off: \(String(cString: strerror(error.errnoCode)))"
        default:
            words = "the handshake failed"
        }
    }

    /// The other side's word that it does not take our certificate, or wants one, if that is what ended a connection.
    package static func refusal(_ error: any Error) -> TLSFailure? {
        codes(of: error).first(where: refusals.contains).map {
            TLSFailure(words: "it does not take our certificate, or wants one: \($0)")
        }
    }

    /// Alerts about a client's certificate (RFC 8446, section 6.2), as BoringSSL calls them.
    private static let refusals: Set = [
        "SSLV3_ALERT_HANDSHAKE_FAILURE", "SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_REVOKED", "SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "TLSV1_ALERT_UNKNOWN_CA", "TLSV1_ALERT_ACCESS_DENIED", "TLSV1_ALERT_CERTIFICATE_REQUIRED",
    ]

    /// BoringSSL's own names, without the files of the machine that it was built on.
    package static func codes(of error: any Error) -> [String] {
        "\(error)".split(separator: "OPENSSL_internal:").dropFirst().map {
            String($0.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
        }
    }

    package static func words(for certificate: NIOSSLCertificate?, now: Int) -> String {
        guard let certificate else { return "its certificate is not verified" }
        if certificate.notValidAfter < now {
            return "its certificate expired on \(day(certificate.notValidAfter))"
        }
        if certificate.notValidBefore > now {
            return "its certificate is not valid before \(day(certificate.notValidBefore))"
        }
        if let read = try? Certificate(derEncoded: certificate.toDERBytes()), read.issuer == read.subject {
            return "its certificate is self-signed, and not among those that are trusted"
        }
        return "its certificate is of an issuer that is not trusted, or one between them is missing or wrong"
    }

    private static func day(_ seconds: time_t) -> String {
        Date(timeIntervalSince1970: Double(seconds)).ISO8601Format()
    }
}
#endif
