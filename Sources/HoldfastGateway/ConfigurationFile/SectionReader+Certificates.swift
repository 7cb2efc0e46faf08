#if Gateway
import Foundation
import Holdfast
import HoldfastTLS
import NIOSSL

// Whether certificates and keys can be used, found as the start finds it: by making of them what connections are made of.

extension SectionReader {
    /// Tries a listener's.
    func tryCertificates(_ tls: ListenerConfiguration.TLS, http2: Bool) {
        attempt { _ = try Certificates(tls, http2: http2) }
        tellOfTimes(ofShown: tls.certificate)
        if let trust = tls.clients.trust { tellOfTimes(ofTrusted: trust) }
    }

    /// Tries a service's.
    func tryCertificates(_ tls: ServiceConfiguration.TLS) {
        guard tls.certificate != nil || tls.trust != nil else { return }
        attempt { _ = try ServiceCredentials(tls) }
        if let certificate = tls.certificate { tellOfTimes(ofShown: certificate) }
        if let trust = tls.trust { tellOfTimes(ofTrusted: trust) }
    }

    private func attempt(_ use: () throws -> Void) {
        // What cannot be read has been told.
        guard !isDescribing, report.mistakes.count == mistakesBefore else { return }
        do { try use() } catch { mistake("tls", "\(fullName("tls")): \(error)") }
    }

    /// Nobody takes a certificate whose time is over, or has not come; but a file may be renewed while the gateway runs.
    private func tellOfTimes(ofShown path: String) {
        for certificate in certificates(path) {
            guard let fault = certificate.fault(soon: true) else { continue }
            return report.warning(mark(of: "tls"), "the certificate of \(path) \(fault)")
        }
    }

    /// Of those that vouch for others, one that is over beside one that is not is a change of authorities.
    private func tellOfTimes(ofTrusted path: String) {
        let faults = certificates(path).map { $0.fault() }
        guard let first = faults.first, let fault = first, faults.allSatisfy({ $0 != nil }) else { return }
        report.warning(mark(of: "tls"), "nobody can be trusted by \(path): its certificate \(fault)")
    }

    private func certificates(_ path: String) -> [NIOSSLCertificate] {
        isDescribing ? [] : (try? NIOSSLCertificate.fromPEMFile(path)) ?? []
    }
}

/// When a certificate's time begins and ends, in seconds since 1970.
struct CertificateEnd {
    let notBefore: Int
    let notAfter: Int

    /// How near an end is told of at the most.
    private static let near = 14 * 86_400

    /// - Parameter soon: Whether an end that is near is one: within two weeks, and within the last third of its time, so
    ///   that one which lives for a day is not told of for all of its life.
    /// - Returns: Nil where its time is now.
    func fault(at now: Int, soon: Bool = true) -> String? {
        func words(_ time: Int) -> String { Date(timeIntervalSince1970: Double(time)).formatted(.iso8601) }
        if notAfter < now { return "has expired: it was valid until \(words(notAfter))" }
        if notBefore > now { return "is not valid before \(words(notBefore))" }
        let left = notAfter - now
        guard soon, left < Self.near, left < (notAfter - notBefore) / 3 else { return nil }
        return "expires soon: it is valid until \(words(notAfter))"
    }
}

extension NIOSSLCertificate {
    fileprivate func fault(soon: Bool = false) -> String? {
        CertificateEnd(notBefore: Int(notValidBefore), notAfter: Int(notValidAfter))
            .fault(at: Int(CertificateIdentity.now), soon: soon)
    }
}
#endif
