#if Gateway
import Foundation
import HoldfastGateway
import NIOCore
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import NIOPosix
import NIOSSL
import TestSupport
import Testing

@Suite struct TLSTests {
    private func withTLS(
        _ certificate: TestCertificate, configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (RunningGateway, TestService) async throws -> Void
    ) async throws {
        let service = try await TestService.start { request, _ in .answer(.ok, [:], request.body) }
        let limits = { (configuration: inout GatewayConfiguration) in
            configuration.listeners[0].tls = certificate.files
            configure(&configuration)
        }
        try await withGateway(to: service, configure: limits) { try await body($0, service) }
    }

    /// One GET over HTTP/1.1 under TLS.
    private func status(
        _ port: Int, trusting certificate: TestCertificate, change: (inout TLSConfiguration) -> Void = { _ in }
    ) async throws -> Int {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .file(certificate.certificate)
        change(&configuration)
        let context = try NIOSSLContext(configuration: configuration)
        let answer = try await TestClient.send(.GET, "/", to: port, over: context)
        return answer.status
    }

    // RFC9113-3.2-1, RFC9113-3.3-1
    @Test func `HTTP 2 is spoken with those who offer it and HTTP 1 with the others`() async throws {
        let certificate = try await TestCertificate.make()
        try await withTLS(certificate) { gateway, service in
            let client = try await HTTP2Client.connect(to: gateway.port, trusting: certificate)
            let body = [UInt8](repeating: 3, count: 200_000)
            let answer = try await client.send("PUT", "/", body: [body])
            #expect(isSame(answer.body, body))
            await client.close()
            try await expectEqual(status(gateway.port, trusting: certificate), 200)
            try await expectEqual(
                status(gateway.port, trusting: certificate) { $0.applicationProtocols = ["http/1.1"] }, 200)
            #expect(service.requests.map { $0.headers["via"] } == [["2 holdfast"], ["1.1 holdfast"], ["1.1 holdfast"]])
            for request in service.requests { #expect(request.headers["x-forwarded-proto"] == ["https"]) }
        }
    }

    // RFC9113-9.2-1
    @Test func `no version before 1 2 is spoken`() async throws {
        let certificate = try await TestCertificate.make()
        try await withTLS(certificate) { gateway, service in
            await #expect(throws: (any Error).self) {
                try await status(gateway.port, trusting: certificate) {
                    $0.minimumTLSVersion = .tlsv1
                    $0.maximumTLSVersion = .tlsv11
                }
            }
            try await expectEqual(
                status(gateway.port, trusting: certificate) { $0.maximumTLSVersion = .tlsv12 }, 200)
            #expect(service.requests.count == 1)
        }
    }

    @Test func `certificates that were read again are shown to new connections and open ones go on`() async throws {
        let (first, second) = (try await TestCertificate.make(), try await TestCertificate.make())
        let shown = try await TestCertificate.make()
        try shown.become(first)
        try await withTLS(shown) { gateway, _ in
            let client = try await HTTP2Client.connect(to: gateway.port, trusting: first)
            try await expectEqual(client.send("GET").status, 200)
            try shown.become(second)
            try await expectEqual(status(gateway.port, trusting: first), 200)
            try gateway.gateway.reloadCertificates()
            try await expectEqual(status(gateway.port, trusting: second), 200)
            await #expect(throws: (any Error).self) { try await status(gateway.port, trusting: first) }
            try await expectEqual(client.send("GET").status, 200)
            await client.close()
        }
    }

    @Test(arguments: ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
    func `a certificate that cannot be used leaves the one before it`(text: String) async throws {
        let certificate = try await TestCertificate.make()
        let shown = try await TestCertificate.make()
        try shown.become(certificate)
        try await withTLS(shown) { gateway, _ in
            try Data(text.utf8).write(to: URL(filePath: shown.certificate))
            let error = #expect(throws: GatewayError.self) { try gateway.gateway.reloadCertificates() }
            #expect(error?.code == .unusableCertificate)
            #expect(error?.description.contains(shown.certificate) == true)
            try await expectEqual(status(gateway.port, trusting: certificate), 200)
        }
    }

    @Test func `when one listener's certificate cannot be used no listener's is changed`() async throws {
        let (first, second) = (try await TestCertificate.make(), try await TestCertificate.make())
        let (good, bad) = (try await TestCertificate.make(), try await TestCertificate.make())
        try good.become(first)
        let both = { (configuration: inout GatewayConfiguration) in
            var other = ListenerConfiguration(address: .init(host: "127.0.0.1", port: 0))
            other.tls = bad.files
            configuration.listeners.append(other)
        }
        try await withTLS(good, configure: both) { gateway, _ in
            try good.become(second)
            try Data().write(to: URL(filePath: bad.key))
            #expect(throws: GatewayError.self) { try gateway.gateway.reloadCertificates() }
            try await expectEqual(status(gateway.port, trusting: first), 200)
        }
    }

    @Test func `a key that is not the certificate's is refused at the start`() async throws {
        let (one, other) = (try await TestCertificate.make(), try await TestCertificate.make())
        let mixed = ListenerConfiguration.TLS(certificate: one.certificate, key: other.key)
        let service = try await TestService.start { _, _ in .ok() }
        let error = await #expect(throws: GatewayError.self) {
            try await withGateway(to: service, configure: { $0.listeners[0].tls = mixed }) { _ in }
        }
        #expect(error?.code == .unusableCertificate)
        #expect(error?.description.contains("the key is not that of the certificate") == true)
        await service.stop()
    }

    @Test func `a handshake that does not come is cut`() async throws {
        let certificate = try await TestCertificate.make()
        try await withTLS(certificate, configure: { $0.headerTimeout = .milliseconds(50) }) { gateway, _ in
            try await expectEqual(TestClient.raw("", to: gateway.port), "")
            try await expectEqual(TestClient.raw("\u{16}\u{3}\u{1}", to: gateway.port), "")
        }
    }

    @Test func `a client that does not speak TLS reaches nothing`() async throws {
        let certificate = try await TestCertificate.make()
        try await withTLS(certificate) { gateway, service in
            let text = try await TestClient.raw("GET / HTTP/1.1\r\nHost: a\r\n\r\n", to: gateway.port)
            #expect(!text.contains("HTTP/1.1"))
            #expect(service.requests.isEmpty)
        }
    }
}
#endif
