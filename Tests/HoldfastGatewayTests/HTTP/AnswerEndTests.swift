#if Gateway
import Holdfast
import NIOCore
import NIOSSL
import TestSupport
import Testing

@testable import HoldfastGateway

/// Where an answer ends, and what comes behind it.
@Suite("The end of an answer")
struct AnswerEndTests {
    private static let open = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhalf of it"

    private func withGateway(
        to service: ScriptedService, tls: TestCertificate? = nil, _ body: (RunningGateway) async throws -> Void
    ) async throws {
        try await HoldfastGatewayTests.withGateway(
            configure: { configuration in
                let address = GatewayConfiguration.Address(host: "127.0.0.1", port: service.port)
                configuration.services[0].endpoints = [.init(address: address, usesTLS: tls != nil)]
                configuration.services[0].tls.name = "localhost"
                configuration.services[0].tls.trust = tls?.certificate
                configuration.services[0].breaker.trip = .consecutiveFailures(100)
                configuration.routes[0].retry.attempts = 1
            }, body)
        await service.stop()
    }

    private func context(_ certificate: TestCertificate) throws -> NIOSSLContext {
        let chain = try NIOSSLCertificate.fromPEMFile(certificate.certificate).map(NIOSSLCertificateSource.certificate)
        return try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: chain, privateKey: .privateKey(NIOSSLPrivateKey(file: certificate.key, format: .pem)))
        )
    }

    // RFC 9112, sections 8 and 9.8.
    @Test(arguments: [ScriptedService.Ending.reset, .cut])
    func `an answer without a length that is cut is not whole, and under a key it is unknown`(
        ending: ScriptedService.Ending
    ) async throws {
        let certificate = try await TestCertificate.make()
        for isSecure in ending == .cut ? [true] : [false, true] {
            let service = try await ScriptedService.start(under: isSecure ? try context(certificate) : nil) { _ in
                .init(Self.open, ending)
            }
            try await withGateway(to: service, tls: isSecure ? certificate : nil) { gateway in
                await #expect(throws: (any Error).self) { try await gateway.get() }
                // A client of HTTP/1.0 is told no length. It sees that the connection did not end in order.
                await #expect(throws: IOError.self) {
                    try await TestClient.raw(
                        Array("GET / HTTP/1.0\r\nHost: a\r\n\r\n".utf8), to: gateway.port, isResetTold: true)
                }
                let first = try await gateway.post(key: "k")
                #expect(first.problem == "upstream-reset")
                let repeated = try await gateway.post(key: "k")
                #expect(repeated.problem == "outcome-unknown" && !repeated.isReplay)
            }
        }
    }

    @Test(arguments: [false, true])
    func `an answer without a length that ends in order is whole`(isSecure: Bool) async throws {
        let certificate = try await TestCertificate.make()
        let service = try await ScriptedService.start(under: isSecure ? try context(certificate) : nil) { _ in
            .init(Self.open, .close)
        }
        try await withGateway(to: service, tls: isSecure ? certificate : nil) { gateway in
            try await expectEqual(gateway.get().text, "half of it")
            try await expectEqual(gateway.post(key: "k").text, "half of it")
            try await expectEqual(gateway.post(key: "k").isReplay, true)
        }
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst", "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n",
    ])
    func `what a service sends behind its answer is nobody's`(answer: String) async throws {
        let smuggled = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        let service = try await ScriptedService.start { number in
            number == 1 ? .init(answer + smuggled) : .init("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood")
        }
        try await withGateway(to: service) { gateway in
            let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            let text = try await TestClient.raw(
                request + request.replacing("\r\n\r\n", with: "\r\nConnection: close\r\n\r\n"), to: gateway.port)
            #expect(text.hasSuffix("good") && !text.contains("poison"), "\(text)")
            #expect(service.connections == 2)
            try await expectEqual(gateway.get().text, "good")
        }
    }

    // RFC9112-9.2-2
    @Test func `an answer that came before its request is nobody's`() async throws {
        let service = try await ScriptedService.start { _ in
            .init("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoodHTTP/1.1 2")
        }
        try await withGateway(to: service) { gateway in
            for _ in 0..<3 { try await expectEqual(gateway.get().text, "good") }
            #expect(service.connections == 3)
        }
    }
}
#endif
