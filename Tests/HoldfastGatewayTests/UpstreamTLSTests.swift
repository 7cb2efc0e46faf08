#if Gateway
import Holdfast
import HoldfastTLS
import HoldfastTesting
import NIOCore
import NIOPosix
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

    /// Asks for the attacker's certificate: it is trusted, and for the address that a look-up leads to.
    private func withAttacker(
        _ names: String?, subject: String,
        _ body: (CertificateAuthority, RunningGateway, TestService) async throws -> Void
    ) async throws {
        let authority = try await CertificateAuthority.make()
        let issued = try await authority.issue(names, subject: subject)
        let service = try await TestService.start { _, _ in .ok("the attacker") }
        try await withGateway(
            to: service,
            configure: { $0.listeners[0].tls = .init(certificate: issued.certificate, key: issued.key) }
        ) { try await body(authority, $0, service) }
    }

    @Test(arguments: [
        ("IP:127.0.0.1", "/CN=pay.example.com", "but for 127.0.0.1"),
        (nil, "/CN=pay.example.com", "but for nobody, since it has no name but the common one"),
    ])
    func `a certificate for the service's address, or that only calls itself so, is no certificate for its name`(
        names: String?, subject: String, why: String
    ) async throws {
        // RFC9110-4.3.4-3, RFC9110-4.3.4-4
        try await withAttacker(names, subject: subject) { authority, behind, service in
            for name in ["pay.example.com", "localhost"] {
                try await withGateway(configure: { configuration in
                    let address = GatewayConfiguration.Address(host: "127.0.0.1", port: behind.port)
                    configuration.services[0].endpoints = [.init(address: address, usesTLS: true)]
                    configuration.services[0].tls.trust = authority.certificate
                    configuration.services[0].tls.name = name
                    configuration.services[0].breaker.trip = .consecutiveFailures(100)
                }) { gateway in
                    let answer = try await gateway.get()
                    #expect(answer.problem == "upstream-unreachable")
                    let found = try await self.why(answer, gateway)
                    #expect(found.contains("its certificate is not for '\(name)', \(why)"), "\(found)")
                    // It is certain that nothing was sent, so the key is free.
                    for _ in 0..<2 { try await expectEqual(gateway.post(key: "one").problem, "upstream-unreachable") }
                }
            }
            #expect(service.requests.isEmpty)
        }
    }

    @Test func `a health check asks nobody else either`() async throws {
        try await withAttacker("IP:127.0.0.1", subject: "/CN=localhost") { authority, behind, service in
            for (name, isTaken) in [("127.0.0.1", true), ("localhost", false)] {
                var tls = ServiceConfiguration.TLS()
                (tls.trust, tls.name) = (authority.certificate, name)
                let place = ServiceConfiguration.Endpoint(
                    address: .init(host: "localhost", port: behind.port), usesTLS: true)
                let endpoint = try Endpoint(
                    .init(
                        service: "service", place: place,
                        address: try .init(ipAddress: "127.0.0.1", port: behind.port), tls: tls, breaker: .init(),
                        evidence: .each),
                    credentials: try ServiceCredentials(tls), clock: ManualClock(), onChange: { _, _ in })
                let loop = MultiThreadedEventLoopGroup.singleton.any()
                var check = ServiceConfiguration.HealthCheck()
                check.timeout = .seconds(600)
                let found = await HealthProbe.check(endpoint, check, on: loop)
                #expect((found == nil) == isTaken, "\(found ?? "well")")
                #expect(isTaken || found?.contains("not for 'localhost', but for 127.0.0.1") == true)
            }
            #expect(service.requests.count == 1)
        }
    }

    @Test(arguments: ["127.1", "a b", "*.example.com", "[::1]"])
    func `what no certificate can be for is refused before anything is asked`(name: String) throws {
        var service = ServiceConfiguration(
            name: "service", endpoints: [.init(address: .init(host: "a.example", port: 443), usesTLS: true)])
        service.tls.name = name
        #expect(throws: ConfigurationError.self) { try service.validate() }
        service.tls.name = nil
        try service.validate()
        service.endpoints = [.init(address: .init(host: name, port: 443), usesTLS: true)]
        #expect(throws: ConfigurationError.self) { try service.validate() }
        service.tls.verifies = false
        try service.validate()
    }

    // RFC9110-4.3.4-7
    @Test func `certificates are not checked where that is said`() async throws {
        try await withTLS({ service, _ in service.tls.verifies = false }) { gateway, _ in
            try await expectEqual(gateway.get().text, "behind two gateways")
        }
    }
}
#endif
