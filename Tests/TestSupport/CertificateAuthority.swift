import Foundation
import Synchronization

/// Somebody who vouches for certificates, in a folder of its own, made by `openssl`.
public final class CertificateAuthority: Sendable {
    /// A certificate and its key, in PEM files that live as long as the authority.
    public struct Issued: Sendable {
        public let certificate: String
        public let key: String

        /// Puts another's files in the place of these.
        public func become(_ other: Issued) throws {
            for (here, there) in [(certificate, other.certificate), (key, other.key)] {
                try Data(contentsOf: URL(filePath: there)).write(to: URL(filePath: here))
            }
        }
    }

    /// The authority's own, which others trust.
    public let certificate: String
    private let folder: URL
    private let issued = Mutex(0)

    private init(folder: URL) {
        self.folder = folder
        certificate = folder.appending(path: "authority.pem").path
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// - Parameter subject: Its name.
    public static func make(_ subject: String = "/CN=a test's authority") async throws -> CertificateAuthority {
        let folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let made = CertificateAuthority(folder: folder)
        try await made.run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj \"\(subject)\" "
                + "-addext basicConstraints=critical,CA:TRUE -keyout authority-key.pem -out authority.pem")
        return made
    }

    /// - Parameters:
    ///   - names: As a subjectAltName in a configuration of openssl: `DNS:localhost,IP:127.0.0.1`; nil for none.
    ///   - subject: Its name for people; `/` is none.
    ///   - usage: An extended key usage, such as `clientAuth`; nil for none.
    ///   - days: How long it is valid from now on. It has expired when they are less than none.
    ///   - key: What kind of key it has, as `openssl req -newkey` is told.
    public func issue(
        _ names: String?, subject: String = "/CN=a service", usage: String? = nil, days: Int = 2,
        key: String = "ec -pkeyopt ec_paramgen_curve:prime256v1"
    ) async throws -> Issued {
        let name = issued.withLock { count in
            count += 1
            return "issued-\(count)"
        }
        var extensions = names.map { "subjectAltName=\($0)\n" } ?? ""
        if let usage { extensions += "extendedKeyUsage=\(usage)\n" }
        try Data(("[v3]\nbasicConstraints=CA:FALSE\n" + extensions).utf8).write(
            to: folder.appending(path: "\(name).ext"))
        try await run(
            "openssl req -new -utf8 -newkey \(key) -nodes -subj \"\(subject)\" "
                + "-keyout \(name)-key.pem -out \(name).csr && openssl x509 -req -in \(name).csr -days \(days) "
                + "-CA authority.pem -CAkey authority-key.pem -set_serial 0x$(openssl rand -hex 8) "
                + "-extfile \(name).ext -extensions v3 -out \(name).pem")
        return Issued(
            certificate: folder.appending(path: "\(name).pem").path,
            key: folder.appending(path: "\(name)-key.pem").path)
    }

    private func run(_ line: String) async throws {
        try await Shell.run("cd \(folder.path) && umask 077 && \(line)")
    }
}
