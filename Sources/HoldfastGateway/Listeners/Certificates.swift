#if Gateway
import HoldfastTLS
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// A listener's certificate and key, and whose clients' certificates are taken: what new connections are encrypted with,
/// until the files are read again.
///
/// Each reading makes a context of its own, with keys of its own for what clients resume sessions by. So a session is
/// resumed under the trust that it began under, and by no other listener.
final class Certificates: Sendable {
    private let files: ListenerConfiguration.TLS
    private let protocols: [String]
    private struct Reading {
        let context: NIOSSLContext
        let times: [CertificateTimes]
    }

    private let current: Mutex<Reading>

    /// - Throws: ``GatewayError`` when the files cannot be used.
    init(_ files: ListenerConfiguration.TLS, http2: Bool) throws {
        self.files = files
        protocols = http2 ? ["h2", "http/1.1"] : ["http/1.1"]
        current = Mutex(try Self.read(files, protocols: protocols))
    }

    /// For one connection.
    func makeHandler() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: current.withLock { $0.context })
    }

    /// Until when those hold that were read last.
    var times: [CertificateTimes] { current.withLock { $0.times } }

    /// Reads the files again.
    ///
    /// - Returns: What has new connections use them.
    /// - Throws: ``GatewayError`` when they cannot be used; then what was read before stays.
    func reload() throws -> () -> Void {
        let reading = try Self.read(files, protocols: protocols)
        return { self.current.withLock { $0 = reading } }
    }

    private static func read(_ files: ListenerConfiguration.TLS, protocols: [String]) throws -> Reading {
        let (chain, key) = try PEMFile.shown(files.certificate, files.key)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: key)
        var times = [CertificateTimes(files.certificate, .shown, chain)]
        // Server names are taken, nothing is compressed or negotiated anew, no certificate is asked for later, and keys are
        // exchanged over elliptic curves, as BoringSSL has it (RFC9113-9.2-2, RFC9113-9.2-3, RFC9113-9.2.1-1,
        // RFC9113-9.2.1-2, RFC9113-9.2.1-3, RFC9113-9.2.1-6, RFC9113-9.2.2-3, RFC9113-9.2.3-1, RFC9113-10.6-3).
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = TLSConfiguration.forwardSecretCiphers
        configuration.applicationProtocols = protocols
        if files.clients.verify != .off {
            let trusted = try PEMFile.trusted(files.clients.trust ?? "")
            configuration.trustRoots = .certificates(trusted)
            times.append(CertificateTimes(files.clients.trust ?? "", .trusted, trusted))
            configuration.certificateVerification =
                files.clients.verify == .required ? .noHostnameVerification : .optionalVerification
            // So that a client with several certificates knows which to show.
            configuration.sendCANameList = true
        }
        return Reading(
            context: try NIOSSLContext(showing: files.certificate, files.key, configuration),
            times: times.compactMap { $0 })
    }
}

extension NIOSSLContext {
    /// - Throws: ``GatewayError`` when the certificate and the key are not a pair.
    convenience init(showing certificate: String, _ key: String, _ configuration: TLSConfiguration) throws {
        do {
            try self.init(configuration: configuration)
        } catch NIOSSLError.failedToLoadPrivateKey {
            // It has been read: what fails here is the pair.
            throw GatewayError.unusableCertificate(
                certificate, key, because: "the key is not that of the certificate")
        } catch {
            throw GatewayError.unusableCertificate(certificate, key, because: "\(error)")
        }
    }
}

enum PEMFile {
    /// A certificate with those that vouch for it, and its key.
    ///
    /// - Throws: ``GatewayError`` when the files cannot be used.
    static func shown(
        _ certificate: String, _ key: String
    ) throws -> (chain: [NIOSSLCertificate], key: NIOSSLPrivateKeySource) {
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(certificate)
            guard !chain.isEmpty else {
                throw GatewayError.unusableCertificate(certificate, key, because: "it holds none")
            }
            return (chain, .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
        } catch let error as GatewayError {
            throw error
        } catch {
            throw GatewayError.unusableCertificate(certificate, key, because: "\(error)")
        }
    }

    /// Certificates that others are trusted by: all that the file holds, or none.
    ///
    /// - Throws: ``GatewayError`` when the file cannot be used.
    static func trusted(_ path: String) throws -> [NIOSSLCertificate] {
        do {
            let all = try NIOSSLCertificate.fromPEMFile(path)
            guard !all.isEmpty else { throw GatewayError.unusableTrust(path, because: "it holds none") }
            return all
        } catch let error as GatewayError {
            throw error
        } catch {
            throw GatewayError.unusableTrust(path, because: "\(error)")
        }
    }
}
#endif
