#if Gateway
import Holdfast
import HoldfastGateway
import TestSupport
import Testing

@Suite struct UpstreamTLSTests {
    /// A gateway in front of another one, which speaks TLS under a certificate for `localhost`.
    private func withTLS(
        _ configure: @escaping (inout ServiceConfiguration, TestCertificate) -> Void,
        _ body: (RunningGateway, TestService) async throws -> Void
    ) async throws {
        let certificate = try await TestCertificate.make()
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

    @Test func `certificates are not checked where that is said`() async throws {
        try await withTLS({ service, _ in service.tls.verifies = false }) { gateway, _ in
            try await expectEqual(gateway.get().text, "behind two gateways")
        }
    }
}
#endif
