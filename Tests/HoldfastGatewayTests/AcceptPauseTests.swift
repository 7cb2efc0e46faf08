#if Gateway
import Foundation
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import HoldfastGateway

/// What happens when no connection can be accepted.
@Suite struct AcceptPauseTests {
    /// Listens, with a pause of its own in front, and answers `here` to whoever asks.
    private func listening(
        pause: TimeAmount, counters: GatewayCounters, log: Log = Log()
    ) async throws -> any Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptPause(time: pause, counters: counters, logger: Logger(label: "test") { _ in log }))
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Greeter())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    private final class Greeter: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.writeAndFlush(NIOAny(ByteBuffer(string: "here")), promise: nil)
            context.close(promise: nil)
        }
    }

    private final class Log: LogHandler {
        let lines = Mutex<[String]>([])
        var metadata: Logger.Metadata {
            get { [:] }
            set {}
        }
        var logLevel: Logger.Level {
            get { .trace }
            set {}
        }
        subscript(metadataKey _: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }
        func log(event: LogEvent) { lines.withLock { $0.append("\(event.message)") } }
    }

    private func fail(_ channel: any Channel, _ code: CInt) async throws {
        try await channel.eventLoop.submit {
            channel.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
        }.get()
    }

    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func `without room nothing is read until the pause is over, and it is told once`(code: CInt) async throws {
        let (counters, log) = (GatewayCounters(), Log())
        let channel = try await listening(pause: .hours(1), counters: counters, log: log)
        for _ in 0..<3 { try await fail(channel, code) }
        try await expectEqual(channel.getOption(.autoRead).get(), false)
        #expect(counters.acceptPauses.load(ordering: .relaxed) == 1)
        #expect(log.lines.withLock { $0.count } == 1)
        // A listener that is closed has nothing to go on with.
        try await channel.close()
    }

    @Test func `after the pause connections are taken again`() async throws {
        let counters = GatewayCounters()
        let channel = try await listening(pause: .milliseconds(1), counters: counters)
        try await fail(channel, EMFILE)
        // Returns because it is accepted.
        try await expectEqual(TestClient.raw("?", to: channel.localAddress?.port ?? 0), "here")
        try await expectEqual(channel.getOption(.autoRead).get(), true)
        try await channel.close()
    }

    @Test func `a client that left before it was accepted is no reason to pause`() async throws {
        let counters = GatewayCounters()
        let channel = try await listening(pause: .hours(1), counters: counters)
        try await fail(channel, ECONNABORTED)
        try await expectEqual(channel.getOption(.autoRead).get(), true)
        #expect(counters.acceptPauses.load(ordering: .relaxed) == 0)
        try await channel.close()
    }
}
#endif
