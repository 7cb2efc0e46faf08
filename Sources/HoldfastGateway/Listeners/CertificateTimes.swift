#if Gateway
import NIOSSL
import Synchronization

/// Until when one file's certificates hold, of those that are in use: a file that has been renewed and not read changes
/// nothing here.
struct CertificateTimes: Sendable, Hashable {
    /// The raw values are those of the metric.
    enum Use: String, Sendable {
        /// What the gateway shows, with those that vouch for it: all of them are needed, so the first end counts.
        case shown
        /// Whom others are vouched for by: one of them is enough, so the last end counts.
        case trusted
    }

    let file: String
    let use: Use
    /// In seconds since 1970.
    let notAfter: Int

    /// - Returns: Nil where there are no certificates.
    init?(_ file: String, _ use: Use, _ certificates: [NIOSSLCertificate]) {
        let ends = certificates.map { Int($0.notValidAfter) }
        guard let end = use == .shown ? ends.min() : ends.max() else { return nil }
        self.init(file: file, use: use, notAfter: end)
    }

    init(file: String, use: Use, notAfter: Int) {
        (self.file, self.use, self.notAfter) = (file, use, notAfter)
    }
}

/// The certificates of each listener, for whoever shows until when they hold.
final class ListenerCertificates: Sendable {
    private let all = Mutex<[(name: String, certificates: Certificates)]>([])

    func add(_ certificates: Certificates, of name: String) { all.withLock { $0.append((name, certificates)) } }

    var times: [(name: String, times: CertificateTimes)] {
        all.withLock { $0 }.flatMap { name, certificates in certificates.times.map { (name, $0) } }
    }
}
#endif
