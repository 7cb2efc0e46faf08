#if Gateway
import HoldfastIdempotency
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@testable import HoldfastGateway

/// What all bodies together may take of the memory.
@Suite struct KeptRoomTests {
    @Test func `there is room up to the bound, and what is given back can be taken again`() {
        let room = KeptRoom()
        #expect(room.take(600, atMost: 1_000) && !room.take(401, atMost: 1_000) && room.take(400, atMost: 1_000))
        room.require(5)
        #expect(room.bytes == 1_005)
        room.give(1_005)
        #expect(room.bytes == 0 && room.take(1_000, atMost: 1_000))
    }

    @Test func `large requests leave small ones a quarter, and all leave one to responses`() {
        #expect(KeptRoom.ofRequests(1_000, length: KeptRoom.smallLength) == 750)
        #expect(KeptRoom.ofRequests(1_000, length: KeptRoom.smallLength + 1) == 500)
    }

    @Test func `pieces of a byte take no more memory than they have bytes, or nearly`() {
        var kept: [ByteBuffer] = []
        for number in 0..<100_000 {
            var read = ByteBuffer(repeating: UInt8(truncatingIfNeeded: number), count: 2_048)
            kept.append(compacting: read.readSlice(length: 1) ?? ByteBuffer())
        }
        #expect(kept.map(\.storageCapacity).reduce(0, +) < 400_000)
        let bytes = kept.flatMap { Array($0.readableBytesView) }
        #expect(isSame(bytes, (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }))
    }

    @Test func `a piece that was read whole is kept as it is`() {
        var kept: [ByteBuffer] = []
        let read = ByteBuffer(repeating: 7, count: 65_536)
        kept.append(compacting: read)
        read.withUnsafeReadableBytes { one in
            kept[0].withUnsafeReadableBytes { other in #expect(one.baseAddress == other.baseAddress) }
        }
    }

    // MARK: In the gateway

    private static func small(_ configuration: inout GatewayConfiguration) {
        configuration.keptBytes = 1 << 20
        configuration.routes[0].keptBytes = 4 << 20
    }

    private func expectNothingKept(_ gateway: RunningGateway) async throws {
        let text = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
        #expect(text.contains("holdfast_kept_bytes 0\n"))
    }

    @Test func `a request with a key that finds no room is rejected before it is claimed`() async throws {
        let service = try await TestService.start { _, _ in .ok("charged") }
        try await withGateway(to: service, configure: Self.small) { gateway in
            let answer = try await gateway.post(key: "k", String(repeating: "x", count: 600_000))
            #expect(answer.status == 503 && answer.problem == "limit-reached")
            #expect(answer.headers["retry-after"] == ["1"])
            #expect(answer.text.contains("nothing was executed") && answer.text.contains("\"threshold\":524288"))
            #expect(service.requests.isEmpty)
            try await expectNothingKept(gateway)
            // The key is as free as it was.
            try await expectEqual(gateway.post(key: "k").text, "charged")
            try await expectNothingKept(gateway)
        }
    }

    @Test func `while large bodies fill the room small ones pass`() async throws {
        let release = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { request, _ in
            request.body.count > 1_000 ? .held(release.futureResult, []) : .ok("charged")
        }
        try await withGateway(to: service, configure: Self.small) { gateway in
            async let large = gateway.post(key: "a", String(repeating: "x", count: 500_000))
            await service.requests(1)
            try await expectEqual(gateway.post(key: "b", String(repeating: "x", count: 50_000)).status, 503)
            try await expectEqual(gateway.post(key: "c").text, "charged")
            release.succeed()
            try await expectEqual(large.status, 200)
            try await expectNothingKept(gateway)
        }
    }

    @Test func `a request without a key that finds no room passes, and is not tried again`() async throws {
        let service = try await TestService.start { _, number in number == 1 ? .reset : .ok() }
        try await withGateway(to: service, configure: Self.small) { gateway in
            let body = [UInt8](repeating: 7, count: 600_000)
            try await expectEqual(TestClient.send(.PUT, "/", to: gateway.port, body: body).status, 502)
            #expect(service.requests.map(\.body.count) == [600_000])
            try await expectEqual(TestClient.send(.PUT, "/", to: gateway.port, body: body).status, 200)
            try await expectNothingKept(gateway)
        }
    }

    @Test func `a response that finds no room is given, and not kept`() async throws {
        let large = [UInt8](repeating: 5, count: 1_500_000)
        let service = try await TestService.start { _, _ in .answer(.ok, [:], large) }
        try await withGateway(to: service, configure: Self.small) { gateway in
            try await expectEqual(isSame(gateway.post(key: "k").body, large), true)
            try await expectEqual(gateway.post(key: "k").problem, "response-not-kept")
            #expect(service.requests.count == 1)
            try await expectNothingKept(gateway)
        }
    }
}
#endif
