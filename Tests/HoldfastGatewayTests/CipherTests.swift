#if Gateway
import Foundation
import TestSupport
import Testing

@testable import HoldfastGateway

/// What TLS is spoken with, against OpenSSL on the other side.
@Suite struct CipherTests {
    // RFC9113-9.2.2-1
    @Test func `clients are spoken to with forward secrecy and authenticated encryption alone`() async throws {
        let authority = try await CertificateAuthority.make()
        // RSA, so that every exchange of keys would be possible.
        let issued = try await authority.issue("DNS:localhost", key: "rsa:2048")
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(
            to: service,
            configure: { $0.listeners[0].tls = .init(certificate: issued.certificate, key: issued.key) }
        ) { gateway in
            let table: [(options: String, isTaken: Bool)] = [
                ("-tls1_3", true), ("-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384", true),
                ("-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256", true),
                ("-tls1_3 -ciphersuites TLS_AES_128_CCM_SHA256", false),
                ("-tls1_2", true), ("-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", true),
                ("-tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384", true),
                ("-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305", true),
                ("-tls1_2 -cipher ECDHE-RSA-AES128-SHA", false), ("-tls1_2 -cipher ECDHE-RSA-AES256-SHA", false),
                ("-tls1_2 -cipher ECDHE-RSA-AES128-SHA256", false), ("-tls1_2 -cipher ECDHE-RSA-AES256-SHA384", false),
                ("-tls1_2 -cipher AES128-GCM-SHA256", false), ("-tls1_2 -cipher AES256-GCM-SHA384", false),
                ("-tls1_2 -cipher AES128-SHA", false), ("-tls1_2 -cipher AES256-SHA256", false),
                ("-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", false), ("-tls1_2 -cipher DHE-RSA-AES256-SHA", false),
                ("-tls1_2 -cipher DES-CBC3-SHA:@SECLEVEL=0", false), ("-tls1_2 -cipher NULL:@SECLEVEL=0", false),
                ("-tls1_2 -cipher aNULL:@SECLEVEL=0", false), ("-tls1_2 -cipher PSK:@SECLEVEL=0 -psk 00", false),
                ("-tls1_1 -cipher ALL:@SECLEVEL=0", false), ("-tls1 -cipher ALL:@SECLEVEL=0", false),
            ]
            for (options, isTaken) in table {
                let line =
                    "echo | timeout 20 openssl s_client -connect 127.0.0.1:\(gateway.port) -servername localhost "
                    + "-CAfile \(authority.certificate) -verify_return_error \(options)"
                let found = (try? await Shell.run(line)) != nil
                #expect(found == isTaken, "\(options)")
            }
        }
    }

    @Test(arguments: [
        ("-tls1_3", true, true), ("-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256", true, true),
        ("-tls1_2 -cipher ECDHE-RSA-CHACHA20-POLY1305", true, true),
        ("-tls1_2 -cipher AES128-GCM-SHA256", false, true), ("-tls1_2 -cipher ECDHE-RSA-AES128-SHA", false, true),
        ("-tls1_2 -cipher AES256-SHA", false, true), ("-tls1_1 -cipher ALL:@SECLEVEL=0", false, false),
    ])
    func `a service is spoken to in the same way, and in others only where that is said`(
        options: String, isModern: Bool, isCompatible: Bool
    ) async throws {
        let authority = try await CertificateAuthority.make()
        let issued = try await authority.issue("DNS:localhost", key: "rsa:2048")
        let server = try await OpenSSLServer.start(issued, options)
        for (ciphers, isTaken) in [
            (ServiceConfiguration.TLS.Ciphers.modern, isModern), (.compatible, isCompatible),
        ] {
            try await withGateway(configure: { configuration in
                let address = GatewayConfiguration.Address(host: "127.0.0.1", port: server.port)
                configuration.services[0].endpoints = [.init(address: address, usesTLS: true)]
                configuration.services[0].tls.name = "localhost"
                configuration.services[0].tls.trust = authority.certificate
                configuration.services[0].tls.ciphers = ciphers
            }) { gateway in
                let answer = try await gateway.get()
                #expect(answer.status == (isTaken ? 200 : 502), "\(ciphers): \(answer.status)")
            }
        }
        try await server.end()
    }
}

/// `openssl s_server`, which answers each request with what was agreed on.
private struct OpenSSLServer {
    let port: Int
    private let file: String

    static func start(_ issued: CertificateAuthority.Issued, _ options: String) async throws -> OpenSSLServer {
        let server = OpenSSLServer(port: .random(in: 20_000...30_000), file: issued.key + ".pid")
        try await Shell.run(
            "setsid openssl s_server -accept 127.0.0.1:\(server.port) -cert \(issued.certificate) "
                + "-key \(issued.key) -www \(options) & echo $! > \(server.file)")
        try await Shell.untilListening(server.port)
        return server
    }

    func end() async throws { try await Shell.run("kill -9 $(cat \(file))") }
}
#endif
