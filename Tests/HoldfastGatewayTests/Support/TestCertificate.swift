#if Gateway
import Foundation
import HoldfastGateway
import TestSupport

/// A certificate for `localhost` that vouches for itself, in files of its own.
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

    var files: ListenerConfiguration.TLS { .init(certificate: certificate, key: key) }

    /// Puts another certificate's files in the place of these.
    func become(_ other: TestCertificate) throws {
        for (here, there) in [(certificate, other.certificate), (key, other.key)] {
            try Data(contentsOf: URL(filePath: there)).write(to: URL(filePath: here))
        }
    }
}
#endif
