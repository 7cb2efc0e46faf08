#if Gateway
import Foundation
import NIOCore
import NIOSSL

/// Why TLS with an endpoint failed, in words for operators.
///
/// BoringSSL says only that a certificate was not verified, and NIOSSL does not pass on why. So what can be wrong with a
/// certificate is looked for in it, in the order in which it is most certain to be the reason.
struct TLSFailure: Error {
    let words: String

    /// - Parameter pipeline: Where the handshake failed.
    init(_ error: any Error, of endpoint: Endpoint, on pipeline: ChannelPipeline) {
        let name = endpoint.identity.tls.name ?? endpoint.identity.place.address.host
        self.init(error, certificate: try? pipeline.syncOperations.nioSSL_peerCertificate(), name: name, now: time(nil))
    }

    /// - Parameters:
    ///   - certificate: The endpoint's, if it has shown one.
    ///   - name: What it has to be for.
    ///   - now: Seconds since 1970.
    init(_ error: any Error, certificate: NIOSSLCertificate?, name: String, now: time_t) {
        switch error {
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            words = "its certificate is not for '\(name)'"
        case NIOSSLError.handshakeFailed(.sslError([.eofDuringHandshake])):
            words = "it closed the connection during the handshake"
        case NIOSSLError.handshakeFailed(let failure):
            // BoringSSL's own names, without the files of the machine that it was built on.
            let codes = "\(failure)".split(separator: "OPENSSL_internal:").dropFirst().map {
                String($0.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
            }
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

    static func words(for certificate: NIOSSLCertificate?, now: time_t) -> String {
        guard let certificate else { return "its certificate is not verified" }
        if certificate.notValidAfter < now {
            return "its certificate expired on \(day(certificate.notValidAfter))"
        }
        if certificate.notValidBefore > now {
            return "its certificate is not valid before \(day(certificate.notValidBefore))"
        }
        if let bytes = try? certificate.toDERBytes(), isSelfIssued(bytes) {
            return "its certificate is self-signed, and not among those that are trusted"
        }
        return "its certificate is of an issuer that is not trusted, or one between them is missing or wrong"
    }

    private static func day(_ seconds: time_t) -> String {
        Date(timeIntervalSince1970: Double(seconds)).ISO8601Format()
    }

    /// Whether a certificate names itself as its issuer (RFC 5280, section 4.1).
    private static func isSelfIssued(_ bytes: [UInt8]) -> Bool {
        var whole = Elements(bytes[...])
        var certificate = Elements(whole.next()?.value ?? [])
        var signed = Elements(certificate.next()?.value ?? [])
        guard var element = signed.next() else { return false }
        // The version, which the oldest certificates have not; then the serial number and the algorithm.
        if element.tag == 0xA0, let serial = signed.next() { element = serial }
        guard signed.next() != nil, let issuer = signed.next(), signed.next() != nil, let subject = signed.next()
        else { return false }
        return issuer.value == subject.value
    }

    /// The elements of DER, one after the other, until there is none or it is not one.
    private struct Elements {
        private var rest: ArraySlice<UInt8>

        init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

        mutating func next() -> (tag: UInt8, value: ArraySlice<UInt8>)? {
            guard let tag = rest.popFirst(), let first = rest.popFirst() else { return nil }
            var length = Int(first)
            if first > 0x80 {
                let bytes = rest.prefix(length - 0x80)
                guard bytes.count == length - 0x80, bytes.count <= 4 else { return nil }
                length = bytes.reduce(0) { $0 << 8 | Int($1) }
                rest = rest.dropFirst(bytes.count)
            }
            guard first != 0x80, length <= rest.count else { return nil }
            defer { rest = rest.dropFirst(length) }
            return (tag, rest.prefix(length))
        }
    }
}
#endif
