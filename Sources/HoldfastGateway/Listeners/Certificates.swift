#if Gateway
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// A listener's certificate and key: what new connections are encrypted with, until the files are read again.
final class Certificates: Sendable {
    private let files: ListenerConfiguration.TLS
    private let protocols: [String]
    private let current: Mutex<NIOSSLContext>

    /// - Throws: ``GatewayError`` when the files cannot be used.
    init(_ files: ListenerConfiguration.TLS, http2: Bool) throws {
        self.files = files
        protocols = http2 ? ["h2", "http/1.1"] : ["http/1.1"]
        current = Mutex(try Self.read(files, protocols: protocols))
    }

    /// For one connection.
    func makeHandler() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: current.withLock { $0 })
    }

    /// Reads the files again.
    ///
    /// - Returns: What has new connections use them.
    /// - Throws: ``GatewayError`` when they cannot be used; then what was read before stays.
    func reload() throws -> () -> Void {
        let context = try Self.read(files, protocols: protocols)
        return { self.current.withLock { $0 = context } }
    }

    private static func read(_ files: ListenerConfiguration.TLS, protocols: [String]) throws -> NIOSSLContext {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(files.certificate)
            guard !chain.isEmpty else { throw GatewayError.unusableCertificate(files, because: "it holds none") }
            let key = try NIOSSLPrivateKey(file: files.key, format: .pem)
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            // Server names are taken, nothing is compressed or negotiated anew, no certificate is asked for later, and keys are
            // exchanged over elliptic curves, as BoringSSL has it (RFC9113-9.2-2, RFC9113-9.2-3, RFC9113-9.2.1-1,
            // RFC9113-9.2.1-2, RFC9113-9.2.1-3, RFC9113-9.2.1-6, RFC9113-9.2.2-3, RFC9113-9.2.3-1, RFC9113-10.6-3).
            configuration.minimumTLSVersion = .tlsv12
            configuration.applicationProtocols = protocols
            do {
                return try NIOSSLContext(configuration: configuration)
            } catch NIOSSLError.failedToLoadPrivateKey {
                // It has been read: what fails here is the pair.
                throw GatewayError.unusableCertificate(files, because: "the key is not that of the certificate")
            }
        } catch let error as GatewayError {
            throw error
        } catch {
            throw GatewayError.unusableCertificate(files, because: "\(error)")
        }
    }
}
#endif
