#if Gateway
import HoldfastTLS
import NIOSSL
import Synchronization

/// How a service's endpoints are spoken to under TLS: who vouches for them, and what certificate they are shown. New
/// connections use what was read last; those before it are not used for another request.
final class ServiceCredentials: Sendable {
    private let configuration: ServiceConfiguration.TLS
    private struct Reading {
        let context: NIOSSLContext
        let times: [CertificateTimes]
    }

    private let current: Mutex<Reading>
    /// Counts the readings.
    private let readings = Atomic<Int>(0)

    /// - Throws: ``GatewayError`` when the files cannot be used.
    init(_ configuration: ServiceConfiguration.TLS) throws {
        self.configuration = configuration
        current = Mutex(try Self.read(configuration))
    }

    /// Which reading counts: a connection that is of another is of the past.
    var reading: Int { readings.load(ordering: .relaxed) }

    /// For one connection.
    func makeHandler(for name: ServiceName?) throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(context: current.withLock { $0.context }, serverHostname: name?.indication)
    }

    /// Until when those hold that were read last. What the system trusts is the system's.
    var times: [CertificateTimes] { current.withLock { $0.times } }

    /// Reads the files again.
    ///
    /// - Returns: What has new connections use them.
    /// - Throws: ``GatewayError`` when they cannot be used; then what was read before stays.
    func reload() throws -> () -> Void {
        let reading = try Self.read(configuration)
        return {
            self.current.withLock { $0 = reading }
            self.readings.add(1, ordering: .relaxed)
        }
    }

    private static func read(_ files: ServiceConfiguration.TLS) throws -> Reading {
        let trusted = try files.trust.map { ($0, try PEMFile.trusted($0)) }
        var times = [trusted.flatMap { CertificateTimes($0.0, .trusted, $0.1) }]
        var configuration = TLSConfiguration.connecting(
            trusting: trusted.map { .certificates($0.1) } ?? .default, verifies: files.verifies)
        if files.ciphers == .compatible { configuration.cipherSuites = defaultCipherSuites }
        configuration.applicationProtocols = ["http/1.1"]
        if let certificate = files.certificate, let key = files.key {
            let (chain, privateKey) = try PEMFile.shown(certificate, key)
            configuration.certificateChain = chain.map { .certificate($0) }
            configuration.privateKey = privateKey
            times.append(CertificateTimes(certificate, .shown, chain))
            return Reading(
                context: try NIOSSLContext(showing: certificate, key, configuration), times: times.compactMap { $0 })
        }
        do {
            return Reading(context: try NIOSSLContext(configuration: configuration), times: times.compactMap { $0 })
        } catch {
            throw GatewayError.unusableTrust(files.trust ?? "of the system", because: "\(error)")
        }
    }
}
#endif
