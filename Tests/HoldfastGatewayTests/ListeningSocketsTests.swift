#if Gateway
import NIOCore
import NIOPosix
import Testing

@testable import HoldfastGateway

@Suite struct ListeningSocketsTests {
    private func listen(_ host: String, _ port: Int) async throws -> any Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(HandOver.reusePort), value: 1)
            .bind(host: host, port: port).get()
    }

    @Test(arguments: ["127.0.0.1", "::1", "0.0.0.0"])
    func `all who listen on an address are seen among many others, and no one else`(host: String) async throws {
        var channels: [any Channel] = []
        // More than the kernel tells at a time.
        for _ in 0..<100 { channels.append(try await listen(host, 0)) }
        let first = try #require(channels.first)
        let address = try #require(first.localAddress)
        let before = try #require(ListeningSockets.on(address))
        #expect(before.count == 1)
        channels.append(try await listen(host, address.port ?? 0))
        let after = try #require(ListeningSockets.on(address))
        #expect(after.count == 2 && after.isSuperset(of: before))
        for channel in channels { try await channel.close() }
        // The port may be another test's by now.
        #expect(ListeningSockets.on(address)?.isDisjoint(with: after) == true)
    }
}
#endif
