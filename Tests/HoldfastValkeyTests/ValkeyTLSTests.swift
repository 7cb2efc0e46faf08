#if Valkey
import HoldfastIdempotency
import HoldfastValkey
import TestSupport
import Testing

/// A real server under TLS.
@Suite struct ValkeyTLSTests {
    private func server(_ issued: CertificateAuthority.Issued, _ options: String = "") async throws -> ValkeyServer {
        try await ValkeyServer.start(
            "--port 0 --tls-port PORT --tls-cert-file \(issued.certificate) --tls-key-file \(issued.key) "
                + "--tls-ca-cert-file \(issued.certificate) --tls-auth-clients no --requirepass hush \(options)")
    }

    private func whatIsWrong(_ url: String) async -> String? {
        do {
            _ = try await ValkeyStore(url: url)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @Test func `a server is given the password when its certificate is for the name or the address that was meant`()
        async throws
    {
        let authority = try await CertificateAuthority.make()
        let (named, placed) = (
            try await server(try await authority.issue("DNS:localhost")),
            try await server(try await authority.issue("IP:127.0.0.1", subject: "/CN=localhost"))
        )
        let cases: [(ValkeyServer, String, String?)] = [
            (named, "localhost", nil), (named, "127.0.0.1", "not for '127.0.0.1', but for localhost"),
            (placed, "127.0.0.1", nil), (placed, "localhost", "not for 'localhost', but for 127.0.0.1"),
        ]
        for (server, host, why) in cases {
            let found = await whatIsWrong(
                "valkeys://:hush@\(host):\(server.port)/0?ca=\(authority.certificate)&eviction=accepted")
            #expect((found == nil) == (why == nil), "\(host): \(found ?? "taken")")
            if let why { #expect(found?.contains(why) == true, "\(found ?? "taken")") }
        }
    }

    @Test(arguments: [
        "--tls-protocols TLSv1.1", "--tls-protocols TLSv1.2 --tls-ciphers AES128-GCM-SHA256",
        "--tls-protocols TLSv1.2 --tls-ciphers ECDHE-ECDSA-AES128-SHA",
    ])
    func `nothing is said over a version or a cipher that keeps no secret`(options: String) async throws {
        let authority = try await CertificateAuthority.make()
        let server = try await server(try await authority.issue("DNS:localhost"), options)
        let found = await whatIsWrong("valkeys://:hush@localhost:\(server.port)/0?ca=\(authority.certificate)")
        #expect(found?.contains("handshake failed") == true, "\(found ?? "taken")")
    }
}
#endif
