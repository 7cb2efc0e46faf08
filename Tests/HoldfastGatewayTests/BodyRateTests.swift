#if Gateway
import Holdfast
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@testable import HoldfastGateway

/// Bodies that come too slowly.
@Suite struct BodyRateTests {
    private func at(_ milliseconds: Int64) -> NIODeadline { .uptimeNanoseconds(UInt64(milliseconds) * 1_000_000) }

    @Test func `each stretch must bring what the rate asks`() {
        var machine = BodyRateMachine(rate: 500, grace: .seconds(20), at: at(0))
        machine.received(9_999)
        #expect(machine.judge(at: at(19_999)) == .early)
        machine.received(1)
        #expect(machine.judge(at: at(20_000)) == .enough)
        #expect(machine.deadline == at(40_000))
        machine.received(9_999)
        #expect(machine.judge(at: at(40_000)) == .tooSlow)
    }

    @Test func `what came fast earns no right to drip`() {
        var machine = BodyRateMachine(rate: 500, grace: .seconds(20), at: at(0))
        machine.received(1_000_000)
        #expect(machine.judge(at: at(20_000)) == .enough)
        for _ in 0..<20 { machine.received(1) }
        #expect(machine.judge(at: at(40_000)) == .tooSlow)
    }

    @Test func `time in which nobody reads is not the client's`() {
        var machine = BodyRateMachine(rate: 1, grace: .seconds(10), at: at(0))
        #expect(machine.hold(true, at: at(4_000)) && !machine.hold(true, at: at(5_000)))
        #expect(machine.deadline == nil && machine.judge(at: at(3_600_000)) == .early)
        #expect(machine.hold(false, at: at(3_600_000)) && !machine.hold(false, at: at(3_600_000)))
        #expect(machine.deadline == at(3_606_000))
        machine.received(9)
        #expect(machine.judge(at: at(3_606_000)) == .tooSlow)
    }

    @Test func `a stretch that is too short for a byte asks for one all the same`() {
        var machine = BodyRateMachine(rate: 1, grace: .milliseconds(1), at: at(0))
        #expect(machine.judge(at: at(1)) == .tooSlow)
        machine = BodyRateMachine(rate: 4_000, grace: .milliseconds(500), at: at(0))
        machine.received(1_999)
        #expect(machine.judge(at: at(500)) == .tooSlow)
    }

    // MARK: In the gateway

    private static func slow(_ configuration: inout GatewayConfiguration) {
        configuration.bodyRate = 1_000
        configuration.bodyGrace = .milliseconds(50)
    }

    @Test(arguments: ["", "Idempotency-Key: k\r\n"])
    func `a body that comes too slowly is answered with 408 and the connection ends`(key: String) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: Self.slow) { gateway in
            let text = try await TestClient.raw(
                "POST / HTTP/1.1\r\nHost: a\r\n\(key)Content-Length: 1000\r\n\r\nabc", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 408 "), "\(text.prefix(60))")
            #expect(text.contains("slower than 1000 bytes a second"))
            #expect(text.lowercased().contains("connection: close"))
            #expect(service.requests.isEmpty)
            // Nor is it held against the service.
            try await expectEqual(gateway.get().status, 200)
        }
    }

    @Test func `a body that is whole has no rate`() async throws {
        let release = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { request, _ in
            request.uri == "/held" ? .held(release.futureResult, Array("late".utf8)) : .ok()
        }
        try await withGateway(to: service, configure: Self.slow) { gateway in
            async let late = gateway.post("/held", key: nil)
            await service.requests(1)
            // As long as it takes to end somebody who is slow.
            let other = try await TestClient.raw(
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc", to: gateway.port)
            #expect(other.hasPrefix("HTTP/1.1 408 "))
            release.succeed()
            try await expectEqual(late.text, "late")
        }
    }

    @Test func `a body that the service holds back is not slow`() async throws {
        let service = try await HoldingService.start()
        let configure = { (configuration: inout GatewayConfiguration) in
            configuration.services[0].endpoints = [.init(address: .init(host: "127.0.0.1", port: service.port))]
            configuration.bodyRate = 1_000
            // The client that is not slow must not seem so on a busy machine.
            configuration.bodyGrace = .milliseconds(1_500)
        }
        let unused = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: unused, configure: configure) { gateway in
            let body = [UInt8](repeating: 7, count: 64 << 20)
            async let held = TestClient.send(.POST, "/", to: gateway.port, body: body)
            // Two that are slow, one after the other, are the clock: the second comes when the first body has filled
            // every buffer on the way, and has its whole time after that.
            for _ in 0..<2 {
                let text = try await TestClient.raw(
                    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc", to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 408 "), "\(text.prefix(60))")
            }
            try await service.goOn()
            try await expectEqual(held.status, 200)
        }
        await service.stop()
    }
}

/// A service that reads nothing until it is told to, and then answers when it has 64 MiB.
private final class HoldingService: Sendable {
    let port: Int
    private let channel: any Channel
    private let released: EventLoopPromise<Void>

    private init(channel: any Channel, released: EventLoopPromise<Void>) {
        self.channel = channel
        self.released = released
        port = channel.localAddress?.port ?? 0
    }

    static func start() async throws -> HoldingService {
        let released = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Counter())
                    released.futureResult.hop(to: channel.eventLoop).whenComplete { _ in
                        _ = channel.setOption(.autoRead, value: true)
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return HoldingService(channel: channel, released: released)
    }

    func goOn() async throws { released.succeed() }

    func stop() async {
        released.succeed()
        try? await channel.close()
    }

    private final class Counter: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private var bytes = 0

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes += unwrapInboundIn(data).readableBytes
            guard bytes >= 64 << 20 else { return }
            bytes = .min
            context.writeAndFlush(
                NIOAny(ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")), promise: nil)
        }
    }
}
#endif
