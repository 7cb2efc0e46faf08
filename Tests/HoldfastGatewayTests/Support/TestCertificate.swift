#if Gateway
import Foundation
import HoldfastGateway
import TestSupport

/// A certificate for `localhost`, in files of its own.
final class TestCertificate: Sendable {
    let certificate: String
    let key: String
    private let folder: URL

    private init(folder: URL) {
        self.folder = folder
        certificate = folder.appending(path: "certificate.pem").path
        key = folder.appending(path: "key.pem").path
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    static func make() async throws -> TestCertificate {
        let folder = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let made = TestCertificate(folder: folder)
        try await Shell.run(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
                + "-addext subjectAltName=DNS:localhost -keyout \(made.key) -out \(made.certificate) 2>/dev/null")
        return made
    }

    /// One that a client has reason not to trust.
    ///
    /// - Parameters:
    ///   - days: How long it is valid from now on. It has expired when they are less than none.
    ///   - issuer: Who vouches for it; nil when it does so itself.
    static func make(days: Int, issuer: TestCertificate? = nil) async throws -> TestCertificate {
        let made = try await make()
        let vouching = issuer.map { "-CA \($0.certificate) -CAkey \($0.key)" } ?? "-signkey \(made.key)"
        try await Shell.run(
            "cd \(made.folder.path) && echo subjectAltName=DNS:localhost > names && "
                + "openssl req -new -key \(made.key) -subj '/CN=a service' -out request 2>/dev/null && "
                + "openssl x509 -req -in request -days \(days) -extfile names \(vouching) -set_serial 2 "
                + "-out \(made.certificate) 2>/dev/null")
        return made
    }

    var files: ListenerConfiguration.TLS { .init(certificate: certificate, key: key) }

    /// Puts another certificate's files in the place of these.
    func become(_ other: TestCertificate) throws {
        for (here, there) in [(certificate, other.certificate), (key, other.key)] {
            try Data(contentsOf: URL(filePath: there)).write(to: URL(filePath: here))
        }
    }
}
#endif
