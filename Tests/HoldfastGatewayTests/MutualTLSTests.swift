#if Gateway
import Foundation
import HoldfastTLS
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOPosix
import NIOSSL
import TestSupport
import Testing

@testable import HoldfastGateway

/// Clients that show certificates.
@Suite struct MutualTLSTests {
    private typealias Issued = CertificateAuthority.Issued

    private struct Setting {
        let authority: CertificateAuthority
        let server: Issued
        let trust: String

        static func make() async throws -> Setting {
            let authority = try await CertificateAuthority.make("/CN=A")
            let server = try await authority.issue("DNS:localhost", usage: "serverAuth")
            let trust = FileManager.default.temporaryDirectory.appending(path: "holdfast-trust-\(UUID()).pem").path
            let setting = Setting(authority: authority, server: server, trust: trust)
            try setting.trust(authority)
            return setting
        }

        /// Has the listener trust these from its next reading on.
        func trust(_ all: CertificateAuthority...) throws {
            let text = try all.map { try String(contentsOfFile: $0.certificate, encoding: .utf8) }.joined()
            try Data(text.utf8).write(to: URL(filePath: trust))
        }

        /// What a client connects with.
        func client(
            _ issued: Issued? = nil, _ change: (inout TLSConfiguration) -> Void = { _ in }
        ) throws -> NIOSSLContext {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .file(authority.certificate)
            if let issued {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(issued.certificate).map {
                    .certificate($0)
                }
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: issued.key, format: .pem))
            }
            change(&configuration)
            return try NIOSSLContext(configuration: configuration)
        }
    }

    private func withListener(
        _ verify: ListenerConfiguration.TLS.Clients.Verify, configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (RunningGateway, Setting, TestService) async throws -> Void
    ) async throws {
        let setting = try await Setting.make()
        defer { try? FileManager.default.removeItem(atPath: setting.trust) }
        let service = try await TestService.start { _, number in .ok("answer \(number)") }
        try await withGateway(
            to: service,
            configure: { configuration in
                var tls = ListenerConfiguration.TLS(certificate: setting.server.certificate, key: setting.server.key)
                tls.clients.verify = verify
                if verify != .off { tls.clients.trust = setting.trust }
                configuration.listeners[0].tls = tls
                configure(&configuration)
            }
        ) { try await body($0, setting, service) }
    }

    /// - Returns: The answer's status; nil when there was no connection.
    private func status(_ gateway: RunningGateway, _ context: NIOSSLContext) async -> Int? {
        try? await TestClient.send(.GET, "/", to: gateway.port, over: context).status
    }

    @Test(arguments: ListenerConfiguration.TLS.Clients.Verify.allCases, [TLSVersion.tlsv12, .tlsv13])
    func `who shows no certificate, or one that nobody trusted vouches for, is spoken to as the listener says`(
        verify: ListenerConfiguration.TLS.Clients.Verify, version: TLSVersion
    ) async throws {
        try await withListener(verify) { gateway, setting, service in
            let stranger = try await CertificateAuthority.make("/CN=A")
            let cases: [(String, Issued?, [ListenerConfiguration.TLS.Clients.Verify: Bool])] = [
                ("none", nil, [.off: true, .optional: true, .required: false]),
                (
                    "a client's", try await setting.authority.issue(nil, subject: "/CN=c", usage: "clientAuth"),
                    [.off: true, .optional: true, .required: true]
                ),
                (
                    "anything's", try await setting.authority.issue(nil, subject: "/CN=c"),
                    [.off: true, .optional: true, .required: true]
                ),
                // It names itself as the trusted one does.
                ("a stranger's", try await stranger.issue(nil, subject: "/CN=c"), [.off: true]),
                ("an expired", try await setting.authority.issue(nil, subject: "/CN=c", days: -1), [.off: true]),
                (
                    "a server's", try await setting.authority.issue(nil, subject: "/CN=c", usage: "serverAuth"),
                    [.off: true]
                ),
            ]
            var served = 0
            for (name, issued, expected) in cases {
                let context = try setting.client(issued) {
                    ($0.minimumTLSVersion, $0.maximumTLSVersion) = (version, version)
                }
                let isServed = expected[verify] ?? false
                let found = await status(gateway, context)
                #expect((found == 200) == isServed, "\(name): \(found.map { "\($0)" } ?? "none")")
                served += isServed ? 1 : 0
            }
            #expect(service.requests.count == served)
            let metrics = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
            #expect(metrics.contains("\nholdfast_handshake_failures_total \(cases.count - served)\n"))
        }
    }

    @Test func `over HTTP 2 it is the same`() async throws {
        try await withListener(.required) { gateway, setting, _ in
            let good = try await setting.authority.issue(nil, subject: "/CN=c")
            for (context, isServed) in [
                (try setting.client(good) { $0.applicationProtocols = ["h2"] }, true),
                (try setting.client { $0.applicationProtocols = ["h2"] }, false),
            ] {
                let answer = try? await HTTP2Client.connect(to: gateway.port, over: context).send("GET")
                #expect((answer?.status == 200) == isServed)
            }
        }
    }

    @Test func `trust that was read again counts for new connections, and is still asked for`() async throws {
        try await withListener(.required) { gateway, setting, _ in
            let other = try await CertificateAuthority.make("/CN=B")
            let former = try setting.client(try await setting.authority.issue(nil, subject: "/CN=c"))
            let latter = try setting.client(try await other.issue(nil, subject: "/CN=c"))
            let open = try await HTTP2Client.connect(
                to: gateway.port,
                over: try setting.client(try await setting.authority.issue(nil)) { $0.applicationProtocols = ["h2"] })
            try await expectEqual(open.send("GET").status, 200)
            let steps: [(() throws -> Void, former: Int?, latter: Int?)] = [
                ({}, 200, nil), ({ try setting.trust(setting.authority, other) }, 200, 200),
                ({ try setting.trust(other) }, nil, 200),
            ]
            for (change, isFormer, isLatter) in steps {
                try change()
                try gateway.gateway.reloadCertificates()
                await expectEqual(status(gateway, former), isFormer)
                await expectEqual(status(gateway, latter), isLatter)
                try await expectEqual(status(gateway, setting.client()), nil)
            }
            // An open connection keeps what it was made under.
            try await expectEqual(open.send("GET").status, 200)
            await open.close()
        }
    }

    @Test func `trust that cannot be read whole leaves what was`() async throws {
        try await withListener(.required) { gateway, setting, _ in
            let good = try setting.client(try await setting.authority.issue(nil, subject: "/CN=c"))
            let whole = try String(contentsOfFile: setting.authority.certificate, encoding: .utf8)
            for text in [
                "", "nonsense", whole + String(whole.dropLast(60)), whole + "-----BEGIN CERTIFICATE-----\nAAAA\n",
            ] {
                try Data(text.utf8).write(to: URL(filePath: setting.trust))
                let error = #expect(throws: GatewayError.self) { try gateway.gateway.reloadCertificates() }
                #expect(error?.description.contains(setting.trust) == true)
                await expectEqual(status(gateway, good), 200)
                try await expectEqual(status(gateway, setting.client()), nil)
            }
            try FileManager.default.removeItem(atPath: setting.trust)
            #expect(throws: GatewayError.self) { try gateway.gateway.reloadCertificates() }
            await expectEqual(status(gateway, good), 200)
        }
    }

    /// `openssl s_client`, which resumes sessions.
    private func openssl(_ port: Int, _ setting: Setting, _ options: String) async -> Bool {
        let request = "printf 'GET / HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n'"
        let line =
            "(\(request); sleep 0.2) | timeout 20 openssl s_client -connect 127.0.0.1:\(port) -servername localhost "
            + "-CAfile \(setting.authority.certificate) \(options) -quiet 2>/dev/null | grep -q '200 OK'"
        return (try? await Shell.run(line)) != nil
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `a session is resumed under the trust that it began under, and not under another`(version: String) async throws
    {
        try await withListener(.required) { gateway, setting, service in
            let client = try await setting.authority.issue(nil, subject: "/CN=c")
            let session = setting.trust + ".session"
            defer { try? FileManager.default.removeItem(atPath: session) }
            let shown = "-cert \(client.certificate) -key \(client.key)"
            await expectEqual(openssl(gateway.port, setting, "\(version) \(shown) -sess_out \(session)"), true)
            // Who has the session need not show the certificate again.
            await expectEqual(openssl(gateway.port, setting, "\(version) -sess_in \(session)"), true)
            try setting.trust(try await CertificateAuthority.make("/CN=B"))
            try gateway.gateway.reloadCertificates()
            await expectEqual(openssl(gateway.port, setting, "\(version) -sess_in \(session)"), false)
            await expectEqual(openssl(gateway.port, setting, "\(version) \(shown) -sess_in \(session)"), false)
            #expect(service.requests.count == 2)
        }
    }

    private func charge(_ gateway: RunningGateway, _ context: NIOSSLContext, _ more: HTTPHeaders = [:]) async throws
        -> String
    {
        var headers: HTTPHeaders = ["idempotency-key": "one"]
        headers.add(contentsOf: more)
        let answer = try await TestClient.send(
            .POST, "/charges", to: gateway.port, headers: headers, body: Array("amount=1".utf8), over: context)
        return answer.text
    }

    @Test func `a caller is who the certificate names, also when it was renewed, and whatever the request says`()
        async throws
    {
        try await withListener(.optional, configure: { $0.routes[0].caller = .certificate }) { gateway, setting, _ in
            let authority = setting.authority
            let ada = try await charge(gateway, try setting.client(try await authority.issue(nil, subject: "/CN=ada")))
            let renewed = try await authority.issue(nil, subject: "/CN=ada", days: 9)
            try await expectEqual(charge(gateway, try setting.client(renewed)), ada)
            let workload = try await authority.issue("URI:spiffe://example.org/ada", subject: "/CN=ada")
            let others = [
                try await charge(gateway, try setting.client(try await authority.issue(nil, subject: "/CN=bea"))),
                try await charge(gateway, try setting.client(workload)),
                try await charge(gateway, try setting.client()),
            ]
            #expect(Set(others + [ada]).count == 4, "\(others), \(ada)")
            // Nobody becomes somebody by a field, and all nobodies are one.
            let pem = try String(contentsOfFile: renewed.certificate, encoding: .utf8)
            let body = pem.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
            for (name, value) in [
                ("x-client-cert", body), ("x-ssl-client-cert", body), ("x-forwarded-client-cert", "Subject=\"CN=ada\""),
                ("client-cert", ":\(body):"), ("ssl-client-s-dn", "CN=ada"), ("authorization", "Bearer ada"),
            ] {
                try await expectEqual(charge(gateway, try setting.client(), [name: value]), others[2])
            }
        }
    }

    @Test func `an operator finds a client's key by what openssl says of its certificate`() async throws {
        try await withListener(.required, configure: { $0.routes[0].caller = .certificate }) { gateway, setting, _ in
            let authority = setting.authority
            let named = try await authority.issue(nil, subject: "/O=Shop/CN=shop, inc.")
            let workload = try await authority.issue("URI:spiffe://example.org/shop", subject: "/CN=shop")
            for issued in [named, workload] { _ = try await charge(gateway, try setting.client(issued)) }
            let told = FileManager.default.temporaryDirectory.appending(path: "holdfast-\(UUID())").path
            defer { try? FileManager.default.removeItem(atPath: told) }
            try await Shell.run(
                "openssl x509 -in \(named.certificate) -noout -subject -issuer -nameopt RFC2253 > \(told)")
            let lines = try String(contentsOfFile: told, encoding: .utf8)
            let bare = lines.replacing("subject=", with: "").replacing("issuer=", with: "")
            for (lines, status) in [
                (lines, 200), (bare, 200), ("spiffe://example.org/shop\n", 200), ("spiffe://example.org/other", 404),
                ("CN=shop\nCN=A", 404), ("Authorization: Bearer x", 404),
            ] {
                let order = FindOrder(
                    key: "one", operation: "POST 127.0.0.1/charges", callerLines: Array(lines.utf8))
                let found = try await TestClient.send(
                    .POST, "/api/key", to: gateway.admin, body: Array(try JSONEncoder().encode(order)))
                #expect(found.status == status, "\(lines): \(found.text)")
            }
        }
    }

    @Test func `two authorities that give one name to two clients name two`() async throws {
        try await withListener(.required, configure: { $0.routes[0].caller = .certificate }) { gateway, setting, _ in
            let other = try await CertificateAuthority.make("/CN=B")
            try setting.trust(setting.authority, other)
            try gateway.gateway.reloadCertificates()
            let ada = try await charge(
                gateway, try setting.client(try await setting.authority.issue(nil, subject: "/CN=ada")))
            let namesake = try await charge(gateway, try setting.client(try await other.issue(nil, subject: "/CN=ada")))
            #expect(ada != namesake)
        }
    }

    @Test func `a connection takes no request any more when its certificate's time is over`() async throws {
        let authority = try await CertificateAuthority.make()
        let issued = try await authority.issue(nil)
        let shown = try CertificateIdentity(try #require(try NIOSSLCertificate.fromPEMFile(issued.certificate).first))
        let channel = EmbeddedChannel()
        let events = Events()
        try channel.pipeline.syncOperations.addHandler(events)
        shown.endConnection(channel, now: shown.notValidAfter - 100)
        channel.embeddedEventLoop.advanceTime(by: .seconds(100))
        #expect(events.quiesced == 0)
        channel.embeddedEventLoop.advanceTime(by: .seconds(1))
        #expect(events.quiesced == 1)
        // A connection that is closed before holds nothing until then.
        let other = EmbeddedChannel()
        let none = Events()
        try other.pipeline.syncOperations.addHandler(none)
        shown.endConnection(other, now: shown.notValidAfter - 100)
        _ = try other.finish()
        other.embeddedEventLoop.advanceTime(by: .seconds(200))
        #expect(none.quiesced == 0)
    }

    private final class Events: ChannelInboundHandler {
        typealias InboundIn = Never
        var quiesced = 0

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if event is ChannelShouldQuiesceEvent { quiesced += 1 }
        }
    }

    @Test func `a listener that asks without saying whom it trusts is refused`() async throws {
        var listener = ListenerConfiguration(address: .init(host: "127.0.0.1", port: 0))
        listener.tls = .init(certificate: "a", key: "b")
        try listener.validate()
        for verify in [ListenerConfiguration.TLS.Clients.Verify.required, .optional] {
            listener.tls?.clients.verify = verify
            #expect(throws: (any Error).self) { try listener.validate() }
        }
        listener.tls?.clients.trust = "c"
        try listener.validate()
        listener.tls?.clients.verify = .off
        #expect(throws: (any Error).self) { try listener.validate() }
    }
}
#endif
