#if Valkey
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import TestSupport
import Testing

@testable import HoldfastTLS

/// Certificates that openssl made, on the wire.
@Suite struct TLSHandshakeTests {
    /// A server under TLS at 127.0.0.1, and what it was sent.
    private final class Server: Sendable {
        let port: Int
        private let channel: any Channel
        private let bytes: Bytes

        /// What came within TLS, and what was asked for.
        final class Bytes: Sendable {
            let received = Mutex<[UInt8]>([])
        }

        private init(_ channel: any Channel, _ bytes: Bytes) {
            self.channel = channel
            self.bytes = bytes
            port = channel.localAddress?.port ?? 0
        }

        static func start(_ issued: CertificateAuthority.Issued) async throws -> Server {
            let chain = try NIOSSLCertificate.fromPEMFile(issued.certificate).map {
                NIOSSLCertificateSource.certificate($0)
            }
            let key = try NIOSSLPrivateKey(file: issued.key, format: .pem)
            let context = try NIOSSLContext(
                configuration: .makeServerConfiguration(certificateChain: chain, privateKey: .privateKey(key)))
            let bytes = Bytes()
            let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                        try channel.pipeline.syncOperations.addHandler(Sink(bytes: bytes))
                    }
                }
                .bind(host: "127.0.0.1", port: 0).get()
            return Server(channel, bytes)
        }

        var received: [UInt8] { bytes.received.withLock { $0 } }

        func stop() async { try? await channel.close() }

        private final class Sink: ChannelInboundHandler {
            typealias InboundIn = ByteBuffer
            private let bytes: Bytes

            init(bytes: Bytes) { self.bytes = bytes }

            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                let buffer = unwrapInboundIn(data)
                bytes.received.withLock { $0 += Array(buffer.readableBytesView) }
            }
        }
    }

    /// Connects, says a word to whoever has the name, and waits until the connection is over.
    ///
    /// - Returns: What was wrong; nil if nothing was.
    private func say(
        to name: String, at port: Int, _ configuration: TLSConfiguration
    ) async throws -> String? {
        let name = try #require(ServiceName(name))
        let context = try NIOSSLContext(configuration: configuration)
        let handshake = TLSHandshake(with: name)
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton.next())
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: name.indication))
                        try handshake.add(to: channel)
                    }
                }
                // By name, as whoever knows no address does: the handshake may be over before this hears of the channel.
                .connect(host: "127.0.0.1", port: port)
                .flatMap { channel in handshake.completed(on: channel, within: .seconds(600)).map { channel } }
                .get()
            try await channel.writeAndFlush(ByteBuffer(string: "secret"))
            try await channel.close()
            return nil
        } catch let failure as TLSFailure {
            return failure.words
        }
    }

    @Test func `nobody is spoken to whose certificate is not for the name, whoever vouches for it`() async throws {
        let authority = try await CertificateAuthority.make()
        let other = "its certificate is not for"
        let table: [(names: String?, subject: String, asked: [(name: String, why: String?)])] = [
            ("DNS:localhost", "/CN=x", [("localhost", nil), ("LOCALHOST.", nil), ("127.0.0.1", other)]),
            // The attacker's address, under any name and a common name that is right.
            (
                "IP:127.0.0.1", "/CN=pay.example.com",
                [("127.0.0.1", nil), ("pay.example.com", other), ("localhost", other), ("::1", other)]
            ),
            (nil, "/CN=localhost", [("localhost", "\(other) 'localhost', but for nobody"), ("127.0.0.1", other)]),
            ("email:a@localhost,URI:https://localhost/", "/CN=localhost", [("localhost", other)]),
            ("DNS:127.0.0.1", "/CN=127.0.0.1", [("127.0.0.1", other)]),
            (
                "DNS:*.example.com", "/CN=x",
                [("pay.example.com", nil), ("a.b.example.com", other), ("example.com", other)]
            ),
            ("DNS:p*.example.com", "/CN=x", [("pay.example.com", other)]),
            ("DNS:*.com", "/CN=x", [("example.com", other)]),
            ("DNS:*.0.0.1", "/CN=x", [("127.0.0.1", other)]),
            (
                "DNS:a.example,DNS:b.example,IP:127.0.0.1,IP:::1", "/CN=x",
                [
                    ("b.example", nil), ("127.0.0.1", nil), ("::1", nil),
                    ("c.example", "\(other) 'c.example', but for a.example, b.example, 127.0.0.1, ::1"),
                ]
            ),
            ("DNS:xn--bcher-kva.example.com", "/CN=x", [("xn--bcher-kva.example.com", nil)]),
        ]
        for (names, subject, asked) in table {
            let server = try await Server.start(try await authority.issue(names, subject: subject))
            var spoken = 0
            for (name, why) in asked {
                let found = try await say(
                    to: name, at: server.port, .connecting(trusting: .file(authority.certificate)))
                spoken += found == nil ? 1 : 0
                #expect((found == nil) == (why == nil), "\(names ?? "none"), \(name): \(found ?? "taken")")
                if let why { #expect(found?.hasPrefix(why) == true, "\(names ?? "none"), \(name): \(found ?? "")") }
            }
            // What is written arrives before the connection's end does, and that is waited for.
            while server.received.count < spoken * 6 { await Task.yield() }
            #expect(server.received.count == spoken * 6, "\(names ?? "none")")
            await server.stop()
        }
    }

    @Test func `a right name is worth nothing without somebody trusted who vouches for it`() async throws {
        let (authority, stranger) = (
            try await CertificateAuthority.make(), try await CertificateAuthority.make("/CN=e")
        )
        let cases: [(CertificateAuthority.Issued, String)] = [
            (try await stranger.issue("DNS:localhost"), "its certificate is of an issuer that is not trusted"),
            (try await authority.issue("DNS:localhost", days: -1), "its certificate expired on "),
            // A certificate for clients is none for servers.
            (try await authority.issue("DNS:localhost", usage: "clientAuth"), "its certificate is of an issuer that"),
        ]
        for (issued, why) in cases {
            let server = try await Server.start(issued)
            let found = try await say(
                to: "localhost", at: server.port, .connecting(trusting: .file(authority.certificate)))
            #expect(found?.hasPrefix(why) == true, "\(found ?? "taken")")
            #expect(server.received.isEmpty)
            await server.stop()
        }
    }
}
#endif
