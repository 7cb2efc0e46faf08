#if Gateway
import HoldfastGateway
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

/// What a client that is slow to take leave gets of a gateway that drains. None of them acknowledges the farewell.
@Suite struct HTTP2DrainTests {
    @Test func `an answer that is ready before the farewell is acknowledged reaches the client`() async throws {
        let release = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(release.futureResult, Array("held".utf8)) }
        try await withGateway(to: service) { gateway in
            async let exchange = HTTP2Frames.exchange(
                HTTP2Frames.preface + HTTP2Frames.get(on: 1), to: gateway.port
            ) { frame in
                if frame.kind == .goAway { release.succeed() }
                return []
            }
            await service.requests(1)
            async let stopped: Void = gateway.gateway.stop()
            let frames = try await exchange
            await stopped
            let answer = frames.filter { $0.stream == 1 }
            #expect(answer.contains { $0.kind == .data && $0.payload == Array("held".utf8) }, "\(frames)")
            #expect(answer.contains { $0.endsStream }, "\(frames)")
        }
    }

    @Test func `a request that was on its way when the farewell came is answered`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let answered = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        try await withGateway(to: service) { gateway in
            async let exchange = HTTP2Frames.exchange(
                HTTP2Frames.preface + HTTP2Frames.get(on: 1), to: gateway.port
            ) { frame in
                if frame.stream == 1, frame.endsStream { answered.succeed() }
                return frame.kind == .ping ? HTTP2Frames.get(on: 3) : []
            }
            try await answered.futureResult.get()
            async let stopped: Void = gateway.gateway.stop()
            let frames = try await exchange
            await stopped
            #expect(frames.contains { $0.stream == 3 && $0.endsStream }, "\(frames)")
            let farewells = frames.filter { $0.kind == .goAway }.map(\.payload)
            #expect(farewells == [[0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], [0, 0, 0, 3, 0, 0, 0, 0]])
        }
    }
}
#endif
