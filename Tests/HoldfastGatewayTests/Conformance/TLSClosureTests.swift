#if Gateway
import Holdfast
import HoldfastGateway
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Synchronization
import TestSupport
import Testing

/// How connections under TLS end, to the letter (RFC 9112, section 9.8).
@Suite struct TLSClosureTests {
    /// What one side saw when the other ended.
    private enum End: Sendable {
        /// A closure alert.
        case told
        /// Nothing, and then the connection was closed.
        case cutOff
    }

    /// Waits for the end of a connection, and takes no notice of anything else.
    private final class Watch: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let end: EventLoopPromise<End>
        private let answer: String?
        private let closes: Bool

        /// - Parameters:
        ///   - answer: What is said when something has come.
        ///   - closes: Whether the connection is closed then, without a closure alert.
        init(_ end: EventLoopPromise<End>, answer: String? = nil, closes: Bool = false) {
            self.end = end
            self.answer = answer
            self.closes = closes
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard let answer else { return }
            let written = context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: answer)))
            guard closes else { return }
            let pipeline = NIOLoopBound(context.pipeline.syncOperations, eventLoop: context.eventLoop)
            written.assumeIsolated().whenComplete { _ in Watch.cut(pipeline.value) }
        }

        /// Closes the socket below TLS, which says nothing any more.
        static func cut(_ pipeline: ChannelPipeline.SynchronousOperations) {
            (try? pipeline.context(handlerType: NIOSSLServerHandler.self))?.close(promise: nil)
            (try? pipeline.context(handlerType: NIOSSLClientHandler.self))?.close(promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if case .uncleanShutdown? = error as? NIOSSLError { end.succeed(.cutOff) }
            context.close(promise: nil)
        }

        func channelInactive(context: ChannelHandlerContext) { end.succeed(.told) }
    }

    /// A connection to a gateway, and how it will have ended.
    private func connect(
        to port: Int, trusting certificate: TestCertificate
    ) async throws -> (any Channel, EventLoopFuture<End>) {
        let context = try HTTP2Client.clientContext(trusting: certificate)
        let end = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: End.self)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: "localhost"))
                    try pipeline.addHandler(Watch(end))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return (channel, end.futureResult)
    }

    /// A service under TLS that answers the first bytes of each connection.
    private func withService(
        _ answer: String, closes: Bool,
        _ body: (RunningGateway, EventLoopFuture<End>) async throws -> Void
    ) async throws {
        let certificate = try await TestCertificate.make()
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificate.certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: certificate.key, format: .pem)))
        let context = try NIOSSLContext(configuration: configuration)
        let end = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: End.self)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLServerHandler(context: context))
                    try pipeline.addHandler(Watch(end, answer: answer, closes: closes))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = GatewayConfiguration.Address(host: "127.0.0.1", port: server.localAddress?.port ?? 0)
        try await withGateway(configure: { configuration in
            configuration.services[0].endpoints = [.init(address: address, usesTLS: true)]
            configuration.services[0].tls.name = "localhost"
            configuration.services[0].tls.trust = certificate.certificate
            configuration.services[0].breaker.trip = .consecutiveFailures(1_000)
            configuration.routes[0].retry.attempts = 1
        }) { try await body($0, end.futureResult) }
        try await server.close()
        // Whoever still waits need not any longer.
        end.succeed(.told)
    }

    @Test func `a client is told that its connection ends`() async throws {
        let certificate = try await TestCertificate.make()
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.listeners[0].tls = certificate.files }) { gateway in
            // RFC9112-9.7-1, RFC9112-9.8-5: after an answer, and after an error.
            for request in ["GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "nonsense\r\n\r\n"] {
                let (channel, end) = try await connect(to: gateway.port, trusting: certificate)
                try await channel.writeAndFlush(ByteBuffer(string: request))
                try await expectEqual(end.get(), .told)
            }
        }
    }

    @Test func `a client that leaves without a word has left, and harms nobody`() async throws {
        let certificate = try await TestCertificate.make()
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.listeners[0].tls = certificate.files }) { gateway in
            // RFC9112-9.8-4
            let (channel, _) = try await connect(to: gateway.port, trusting: certificate)
            try await channel.writeAndFlush(ByteBuffer(string: "GET /one HTTP/1.1\r\nHost: a\r\n\r\n"))
            await service.requests(1)
            try await channel.eventLoop.submit { Watch.cut(channel.pipeline.syncOperations) }.get()
            let (other, end) = try await connect(to: gateway.port, trusting: certificate)
            try await other.writeAndFlush(
                ByteBuffer(string: "GET /two HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"))
            try await expectEqual(end.get(), .told)
            #expect(service.requests.map(\.uri) == ["/one", "/two"])
        }
    }

    @Test func `a service is told that its connection ends`() async throws {
        // RFC9112-9.8-3
        let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
        try await withService(answer, closes: false) { gateway, end in
            try await expectEqual(gateway.get().text, "ok")
            try await expectEqual(end.get(), .told)
        }
    }

    @Test func `without a closure alert, only what had a length is whole`() async throws {
        // RFC9112-9.8-1, RFC9112-9.8-2
        let head = "HTTP/1.1 200 OK\r\n"
        for whole in ["Content-Length: 2\r\n\r\nok", "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"] {
            try await withService(head + whole, closes: true) { gateway, _ in
                for _ in 0..<2 { try await expectEqual(gateway.get().text, "ok") }
            }
        }
        for part in ["\r\nok", "Content-Length: 3\r\n\r\nok", "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"] {
            try await withService(head + part, closes: true) { gateway, _ in
                for _ in 0..<2 { await #expect(throws: (any Error).self, "\(part)") { try await gateway.get() } }
                try await expectEqual(gateway.post(key: "k").status == 200, false)
            }
        }
    }
}
#endif
