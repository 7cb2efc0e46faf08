#if Gateway
import Holdfast
import NIOSSL
import TestSupport
import Testing

@testable import HoldfastGateway

@Suite struct UpstreamTLSTests {
    /// A gateway in front of another one, which speaks TLS under a certificate for `localhost`.
    private func withTLS(
        under certificate: TestCertificate? = nil,
        _ configure: @escaping (inout ServiceConfiguration, TestCertificate) -> Void,
        _ body: (RunningGateway, TestService) async throws -> Void
    ) async throws {
        let certificate = if let certificate { certificate } else { try await TestCertificate.make() }
        let service = try await TestService.start { _, _ in .ok("behind two gateways") }
        try await withGateway(to: service, configure: { $0.listeners[0].tls = certificate.files }) { behind in
            try await withGateway(configure: { configuration in
                let address = GatewayConfiguration.Address(host: "127.0.0.1", port: behind.port)
                configuration.services[0].endpoints = [.init(address: address, usesTLS: true)]
                configuration.services[0].tls.name = "localhost"
                configure(&configuration.services[0], certificate)
            }) { try await body($0, service) }
        }
    }

    @Test func `a service under TLS is spoken to when its certificate is trusted and for its name`() async throws {
        try await withTLS({ $0.tls.trust = $1.certificate }) { gateway, _ in
            for _ in 0..<3 { try await expectEqual(gateway.get().text, "behind two gateways") }
            try await expectEqual(gateway.post(key: "one").text, "behind two gateways")
        }
    }

    // RFC9110-4.3.4-1, RFC9110-4.3.4-2
    @Test func `a certificate that nobody vouches for, or of another name, is refused, and nothing was sent`()
        async throws
    {
        for name in ["localhost", "other.example"] {
            try await withTLS({ service, certificate in
                if name != "localhost" { service.tls.trust = certificate.certificate }
                service.tls.name = name
            }) { gateway, service in
                try await expectEqual(gateway.get().problem, "upstream-unreachable")
                // It is certain that nothing was sent, so the key is free and the next may use it.
                for _ in 0..<2 { try await expectEqual(gateway.post(key: "one").status == 409, false) }
                #expect(service.requests.isEmpty)
            }
        }
    }

    private func why(_ answer: TestClient.Answer, _ gateway: RunningGateway) async throws -> String {
        (try await gateway.explained(answer)["why"] as? [String])?.joined(separator: " ") ?? ""
    }

    // RFC9110-4.3.4-6
    @Test func `operators are told what is wrong with a certificate, and callers that TLS was not agreed on`()
        async throws
    {
        let own = try await TestCertificate.make()
        let cases: [(TestCertificate, isTrusted: Bool, name: String, reason: String)] = [
            (own, false, "localhost", "its certificate is self-signed, and not among those that are trusted"),
            (own, true, "other.example", "its certificate is not for 'other.example'"),
            (try await .make(days: -1), true, "localhost", "its certificate expired on 20"),
            (try await .make(days: 2, issuer: own), false, "localhost", "its certificate is of an issuer that is not"),
        ]
        for (certificate, isTrusted, name, reason) in cases {
            try await withTLS(
                under: certificate,
                { service, certificate in
                    if isTrusted { service.tls.trust = certificate.certificate }
                    service.tls.name = name
                }
            ) { gateway, _ in
                let answer = try await gateway.get()
                #expect(answer.text.contains("cannot be reached: TLS was not agreed on\""), "\(answer.text)")
                let why = try await why(answer, gateway)
                #expect(why.contains(reason) && !why.contains("swift-nio"), "\(why)")
            }
        }
    }

    @Test func `a certificate whose time is to come is told as such, and another failure by its name`() async throws {
        let files = try await TestCertificate.make()
        let certificate = try withExtendedLifetime(files) {
            try #require(try NIOSSLCertificate.fromPEMFile(files.certificate).first)
        }
        #expect(TLSFailure.words(for: certificate, now: 0).hasPrefix("its certificate is not valid before 20"))
        #expect(TLSFailure.words(for: nil, now: 0) == "its certificate is not verified")
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.services[0].endpoints[0].usesTLS = true }) { gateway in
            let why = try await why(gateway.get(), gateway)
            #expect(why.contains("the handshake failed: WRONG_VERSION_NUMBER"), "\(why)")
        }
    }

    // RFC9110-4.3.4-7
    @Test func `certificates are not checked where that is said`() async throws {
        try await withTLS({ service, _ in service.tls.verifies = false }) { gateway, _ in
            try await expectEqual(gateway.get().text, "behind two gateways")
        }
    }
}
#endif
