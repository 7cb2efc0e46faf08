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
            guard let fault = certificate.fault(at: Int(CertificateIdentity.now)) else { continue }
            return report.warning(mark(of: "tls"), "the certificate of \(path) \(fault)")
        }
    }

    /// Of those that vouch for others, one that is over beside one that is not is a change of authorities.
    private func tellOfTimes(ofTrusted path: String) {
        let faults = certificates(path).map { $0.fault(at: Int(CertificateIdentity.now)) }
        guard let first = faults.first, let fault = first, faults.allSatisfy({ $0 != nil }) else { return }
        report.warning(mark(of: "tls"), "nobody can be trusted by \(path): its certificate \(fault)")
    }

    private func certificates(_ path: String) -> [NIOSSLCertificate] {
        isDescribing ? [] : (try? NIOSSLCertificate.fromPEMFile(path)) ?? []
    }
}

extension NIOSSLCertificate {
    /// - Parameter now: In seconds since 1970.
    /// - Returns: Nil where its time is now.
    fileprivate func fault(at now: Int) -> String? {
        func words(_ time: Int) -> String { Date(timeIntervalSince1970: Double(time)).formatted(.iso8601) }
        if Int(notValidAfter) < now { return "has expired: it was valid until \(words(Int(notValidAfter)))" }
        if Int(notValidBefore) > now { return "is not valid before \(words(Int(notValidBefore)))" }
        return nil
    }
}
#endif
