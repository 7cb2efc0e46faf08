#if Gateway
import Foundation
import NIOHTTP1
import NIOSSL
import TestSupport
import Testing

@testable import HoldfastGateway

/// Until when certificates hold, as metrics tell it, and what became of the last reading of the configuration.
@Suite struct CertificateTimesTests {
    @Test func `of what is shown the first end counts, and of what is trusted the last`() async throws {
        let (long, short) = (try await TestCertificate.make(days: 40), try await TestCertificate.make(days: 3))
        let both = try [long, short].flatMap { try NIOSSLCertificate.fromPEMFile($0.certificate) }
        let shown = try #require(CertificateTimes("f", .shown, both))
        let trusted = try #require(CertificateTimes("f", .trusted, both))
        #expect(trusted.notAfter - shown.notAfter > 36 * 86_400)
        #expect(CertificateTimes("f", .shown, []) == nil)
    }

    private func expiry(_ gateway: RunningGateway, _ labels: String) async throws -> Int? {
        let text = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
        let line = text.split(separator: "\n").first {
            $0.hasPrefix("holdfast_certificate_expiry_timestamp_seconds{") && $0.contains(labels)
        }
        return line?.split(separator: " ").last.flatMap { Int($0) }
    }

    private func days(_ expiry: Int?) -> Int? {
        expiry.map { (Double($0) - Date().timeIntervalSince1970) / 86_400 }.map { Int($0.rounded()) }
    }

    @Test func `metrics tell of each certificate that is in use, and of a renewed one when it has been read`()
        async throws
    {
        let service = try await TestService.start { _, _ in .ok() }
        let own = try await TestCertificate.make(days: 3)
        let (renewed, vouching) = (try await TestCertificate.make(days: 40), try await TestCertificate.make(days: 9))
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.listeners[0].tls = .init(certificate: own.certificate, key: own.key)
                configuration.services[0].endpoints[0].usesTLS = true
                configuration.services[0].tls.name = "localhost"
                configuration.services[0].tls.trust = vouching.certificate
            }
        ) { running in
            let listener =
                "owner=\"listener\",name=\"\(running.gateway.address)\",use=\"shown\",file=\"\(own.certificate)\""
            try await expectEqual(days(expiry(running, listener)), 3)
            try await expectEqual(days(expiry(running, "owner=\"service\",name=\"service\",use=\"trusted\"")), 9)
            try await Shell.run("cp \(renewed.certificate) \(own.certificate); cp \(renewed.key) \(own.key)")
            // What lies on the disk is not what is shown.
            try await expectEqual(days(expiry(running, listener)), 3)
            try await running.gateway.reload(running.configuration)
            try await expectEqual(days(expiry(running, listener)), 40)
        }
    }

    @Test func `a reload that is refused is told until one succeeds`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { running in
            func metrics() async throws -> String {
                try await TestClient.send(.GET, "/metrics", to: running.admin).text
            }
            func holds(_ lines: String...) async throws {
                let text = try await metrics()
                for line in lines { #expect(text.contains(line + "\n"), "\(line)") }
            }
            try await holds("holdfast_config_last_reload_successful 1", "holdfast_ready 1")
            var wrong = running.configuration
            wrong.threads = 7
            await #expect(throws: (any Error).self) { try await running.gateway.reload(wrong) }
            try await holds(
                "holdfast_config_last_reload_successful 0", "holdfast_config_reloads_total{result=\"refused\"} 1")
            running.gateway.refusedToReload()
            try await holds("holdfast_config_reloads_total{result=\"refused\"} 2")
            try await running.gateway.reload(running.configuration)
            try await holds(
                "holdfast_config_last_reload_successful 1", "holdfast_config_reloads_total{result=\"succeeded\"} 1")
            let text = try await metrics()
            let time = text.split(separator: "\n").first {
                $0.hasPrefix("holdfast_config_last_reload_success_timestamp_seconds ")
            }
            let seconds = time?.split(separator: " ").last.flatMap { Double($0) } ?? 0
            #expect(abs(seconds - Date().timeIntervalSince1970) < 600)
        }
    }
}
#endif
