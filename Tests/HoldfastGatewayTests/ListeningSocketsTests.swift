#if Gateway
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import HoldfastGateway

/// What the kernel tells of an address, and whom it gives new connections to. The listeners here say their name to whoever
/// comes.
@Suite struct ListeningSocketsTests {
    private final class Name: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let name: String

        init(_ name: String) { self.name = name }

        func channelActive(context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: name)), promise: nil)
            context.close(mode: .output, promise: nil)
        }
    }

    private func listen(_ name: String = "", on host: String = "127.0.0.1", _ port: Int = 0) async throws -> any Channel
    {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(HandOver.reusePort), value: 1)
            .childChannelInitializer { channel in channel.pipeline.addHandler(Name(name)) }
            .bind(host: host, port: port).get()
    }

    private func whoAnswers(_ port: Int) async throws -> Set<String> {
        var names: Set<String> = []
        var answers = 0
        while answers < 40 {
            let name = try await TestClient.raw("", to: port)
            // One that ended before the client had begun tells nothing.
            guard name != "" else { continue }
            answers += 1
            names.insert(name)
        }
        return names
    }

    @Test(arguments: ["127.0.0.1", "::1", "0.0.0.0"])
    func `all who listen on an address are seen among many others, and no one else`(host: String) async throws {
        var channels: [any Channel] = []
        // More than the kernel tells at a time.
        for _ in 0..<100 { channels.append(try await listen(on: host)) }
        let address = try #require(channels.last?.localAddress)
        let before = try #require(ListeningSockets.on(address))
        #expect(before.count == 1)
        channels.append(try await listen(on: host, address.port ?? 0))
        let after = try #require(ListeningSockets.on(address))
        #expect(after.count == 2 && after.isSuperset(of: before))
        for channel in channels { try await channel.close() }
        // The port may be another test's by now.
        // A child that another test starts at this moment holds them until it becomes its program.
        while ListeningSockets.on(address)?.isDisjoint(with: after) != true { await Task.yield() }
    }

    @Test func `who hands over gets no new connection, whether it came first or last, and whoever comes next does`()
        async throws
    {
        let first = try await listen("first")
        let address = try #require(first.localAddress)
        let port = try #require(address.port)
        let oldest = HandOver(address)
        let alone = await oldest.begin(first)
        #expect(!alone)

        let second = try await listen("second", port)
        let middle = HandOver(address)
        try await expectEqual(whoAnswers(port), ["first", "second"])
        await #expect(middle.begin(second))
        try await expectEqual(whoAnswers(port), ["first"])
        await #expect(oldest.begin(first))
        try await expectEqual(whoAnswers(port), ["second"])
        try await first.close()
        try await expectEqual(whoAnswers(port), ["second"])

        let third = try await listen("third", port)
        await #expect(middle.begin(second))
        try await expectEqual(whoAnswers(port), ["third"])
        try await second.close()
        try await expectEqual(whoAnswers(port), ["third"])
        try await third.close()
    }
}
#endif
