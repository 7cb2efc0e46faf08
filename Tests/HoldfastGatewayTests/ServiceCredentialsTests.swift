#if Gateway
import Foundation
import Holdfast
import NIOSSL
import TestSupport
import Testing

@testable import HoldfastGateway

/// What services are shown, and by whom they are checked.
@Suite struct ServiceCredentialsTests {
    /// A gateway in front of another that asks for certificates, and calls whoever shows one by it.
    private func withAskingService(
        _ version: ListenerConfiguration.TLS.Clients.Verify = .required,
        _ body: (_ behind: RunningGateway, CertificateAuthority, TestService) async throws -> Void
    ) async throws {
        let authority = try await CertificateAuthority.make("/CN=A")
        let server = try await authority.issue("DNS:localhost")
        let service = try await TestService.start { _, number in .ok("answer \(number)") }
        try await withGateway(
            to: service,
            configure: { configuration in
                var tls = ListenerConfiguration.TLS(certificate: server.certificate, key: server.key)
                (tls.clients.verify, tls.clients.trust) = (version, authority.certificate)
                configuration.listeners[0].tls = tls
                configuration.routes[0].caller = .certificate
            }
        ) { try await body($0, authority, service) }
    }

    private func withFront(
        of behind: RunningGateway, trusting authority: CertificateAuthority,
        showing issued: CertificateAuthority.Issued?, _ body: (RunningGateway) async throws -> Void
    ) async throws {
        try await withGateway(
            configure: { configuration in
                let address = GatewayConfiguration.Address(host: "127.0.0.1", port: behind.port)
                configuration.services[0].endpoints = [.init(address: address, usesTLS: true)]
                configuration.services[0].breaker.trip = .consecutiveFailures(100)
                configuration.services[0].tls.name = "localhost"
                configuration.services[0].tls.trust = authority.certificate
                configuration.services[0].tls.certificate = issued?.certificate
                configuration.services[0].tls.key = issued?.key
            }, body)
    }

    @Test func `a service that asks is shown the certificate, and what it refuses was not sent`() async throws {
        try await withAskingService { behind, authority, service in
            let stranger = try await CertificateAuthority.make("/CN=A")
            let cases: [(CertificateAuthority.Issued?, Bool)] = [
                (try await authority.issue(nil, subject: "/CN=front"), true), (nil, false),
                (try await stranger.issue(nil, subject: "/CN=front"), false),
                (try await authority.issue(nil, subject: "/CN=front", days: -1), false),
            ]
            for (issued, isTaken) in cases {
                let before = service.requests.count
                try await withFront(of: behind, trusting: authority, showing: issued) { gateway in
                    guard !isTaken else { return try await expectEqual(gateway.post(key: "k").status, 200) }
                    // In TLS 1.3 the refusal comes after the request was sent. It was not read, so the key is free.
                    for _ in 0..<3 {
                        let answer = try await gateway.post(key: "k")
                        #expect(answer.problem == "upstream-unreachable", "\(answer.text)")
                        let why = (try await gateway.explained(answer)["why"] as? [String])?.joined() ?? ""
                        #expect(why.contains("it does not take our certificate, or wants one"), "\(why)")
                    }
                }
                #expect(service.requests.count - before == (isTaken ? 1 : 0))
            }
        }
    }

    @Test func `a certificate that was read again is shown from then on, and what cannot be used changes nothing`()
        async throws
    {
        try await withAskingService { behind, authority, _ in
            let shown = try await authority.issue(nil, subject: "/CN=front")
            try await withFront(of: behind, trusting: authority, showing: shown) { gateway in
                let first = try await gateway.post(key: "one").text
                try shown.become(try await authority.issue(nil, subject: "/CN=front", days: 9))
                try gateway.gateway.reloadCertificates()
                try await expectEqual(gateway.get().status, 200)
                try shown.become(try await authority.issue(nil, subject: "/CN=other"))
                try gateway.gateway.reloadCertificates()
                let second = try await gateway.post(key: "two").text
                #expect(first != second)
                // The error says which file it is.
                for path in [shown.certificate, shown.key] {
                    let before = try Data(contentsOf: URL(filePath: path))
                    for text in ["", "nonsense"] {
                        try Data(text.utf8).write(to: URL(filePath: path))
                        let error = #expect(throws: GatewayError.self) { try gateway.gateway.reloadCertificates() }
                        #expect(error?.description.contains(path) == true)
                        try await expectEqual(gateway.get().status, 200)
                    }
                    try before.write(to: URL(filePath: path))
                }
                try Data(contentsOf: URL(filePath: try await authority.issue(nil).key)).write(
                    to: URL(filePath: shown.key))
                let error = #expect(throws: GatewayError.self) { try gateway.gateway.reloadCertificates() }
                #expect(error?.description.contains("the key is not that of the certificate") == true)
                try await expectEqual(gateway.get().status, 200)
            }
        }
    }

    @Test func `the service knows its client by the certificate that was read last`() async throws {
        try await withAskingService { behind, authority, _ in
            let shown = try await authority.issue(nil, subject: "/CN=one")
            try await withFront(of: behind, trusting: authority, showing: shown) { gateway in
                // Keys are the business of the one behind, to whom this one is the caller.
                var configuration = gateway.configuration
                configuration.routes[0].idempotency.keys = .off
                try await gateway.gateway.reload(configuration)
                let first = try await gateway.post(key: "k").text
                try await expectEqual(gateway.post(key: "k").text, first)
                try shown.become(try await authority.issue(nil, subject: "/CN=one", days: 9))
                try gateway.gateway.reloadCertificates()
                try await expectEqual(gateway.post(key: "k").text, first)
                try shown.become(try await authority.issue(nil, subject: "/CN=two"))
                try gateway.gateway.reloadCertificates()
                // Over a connection of before it is the first answer again: each loop gives those up when it comes to it.
                var isKnown = false
                for _ in 0..<1_000 where !isKnown { isKnown = try await gateway.post(key: "k").text != first }
                #expect(isKnown)
            }
        }
    }

    @Test func `who vouches for a service is read again too`() async throws {
        try await withAskingService(.optional) { behind, authority, _ in
            let other = try await CertificateAuthority.make("/CN=B")
            let trust = FileManager.default.temporaryDirectory.appending(path: "holdfast-trust-\(UUID()).pem").path
            defer { try? FileManager.default.removeItem(atPath: trust) }
            try FileManager.default.copyItem(atPath: other.certificate, toPath: trust)
            try await withGateway(configure: { configuration in
                let address = GatewayConfiguration.Address(host: "127.0.0.1", port: behind.port)
                configuration.services[0].endpoints = [.init(address: address, usesTLS: true)]
                configuration.services[0].breaker.trip = .consecutiveFailures(100)
                configuration.services[0].tls.name = "localhost"
                configuration.services[0].tls.trust = trust
            }) { gateway in
                try await expectEqual(gateway.get().problem, "upstream-unreachable")
                for (authority, isTrusted) in [(authority, true), (other, false)] {
                    try Data(contentsOf: URL(filePath: authority.certificate)).write(to: URL(filePath: trust))
                    try await gateway.gateway.reload(gateway.configuration)
                    try await expectEqual(gateway.get().status, isTrusted ? 200 : 502)
                }
            }
        }
    }

    @Test func `a certificate without its key, or a key without its certificate, is refused`() throws {
        let place = ServiceConfiguration.Endpoint(address: .init(host: "a.example", port: 443), usesTLS: true)
        var service = ServiceConfiguration(name: "service", endpoints: [place])
        service.tls.certificate = "a"
        #expect(throws: ConfigurationError.self) { try service.validate() }
        service.tls.key = "b"
        try service.validate()
        service.tls.certificate = nil
        #expect(throws: ConfigurationError.self) { try service.validate() }
    }
}
#endif
