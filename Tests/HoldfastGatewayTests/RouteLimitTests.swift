#if Gateway
import Holdfast
@testable import HoldfastGateway
import HoldfastTesting
import NIOCore
import NIOPosix
import NIOHTTP1
import TestSupport
import Testing

@Suite struct RouteLimitTests {
    @Test func `each caller has a rate of its own and is told when to come back`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.routes[0].rateLimit = .init(requests: 2)
                configuration.routes[0].rateLimit?.per = .seconds(10)
            }
        ) { gateway in
            func get(_ caller: String) async throws -> TestClient.Answer {
                try await TestClient.send(.GET, "/", to: gateway.port, headers: ["authorization": caller])
            }
            for _ in 0..<2 { try await expectEqual(get("a").status, 200) }
            let rejected = try await get("a")
            #expect(rejected.status == 429)
            #expect(rejected.problem == "rate-limited")
            #expect(rejected.headers.first(name: "retry-after") == "5")
            #expect(rejected.headers.first(name: "holdfast-request-id")?.count == 32)
            try await expectEqual(get("b").status, 200)
            gateway.clock.advance(by: .seconds(5))
            try await expectEqual(get("a").status, 200)
            #expect(service.requests.count == 4)
        }
    }

    @Test func `callers beyond the bound are forgotten, those who have been quiet longest first`() {
        var table = TwoGenerations<String, Int>(bound: 4)
        func ask(_ name: String) -> Int {
            table.with(name, default: 0) { asked in
                defer { asked += 1 }
                return asked
            }
        }
        #expect(ask("busy") == 0)
        for number in 0..<1_000 {
            #expect(ask("\(number)") == 0)
            #expect(ask("busy") == number + 1)
            #expect(table.count <= 4)
        }
        #expect(ask("0") == 0)
    }

    @Test func `no more requests than the bound are in flight`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(gate.futureResult, []) }
        try await withGateway(to: service, configure: { $0.routes[0].concurrency = 2 }) { gateway in
            async let one = gateway.get()
            async let two = gateway.get()
            await service.requests(2)
            let rejected = try await gateway.get()
            #expect(rejected.status == 503)
            #expect(rejected.problem == "limit-reached")
            gate.succeed()
            try await expectEqual([one.status, two.status], [200, 200])
            try await expectEqual(gateway.get().status, 200)
        }
    }

    @Test func `an adaptive limit admits no more than it has found out`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(gate.futureResult, []) }
        try await withGateway(
            to: service,
            configure: { configuration in
                var limit = AdaptiveLimitConfiguration()
                (limit.initial, limit.maximum) = (1, 1)
                configuration.routes[0].adaptiveLimit = limit
            }
        ) { gateway in
            async let first = gateway.get()
            await service.requests(1)
            try await expectEqual(gateway.get().problem, "limit-reached")
            gate.succeed()
            try await expectEqual(first.status, 200)
            try await expectEqual(gateway.get().status, 200)
        }
    }

    @Test func `an endpoint has no more connections than it may`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(gate.futureResult, []) }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.services[0].connections = 1
                configuration.routes[0].retry.attempts = 1
            }
        ) { gateway in
            async let first = gateway.get()
            await service.requests(1)
            let rejected = try await gateway.get()
            #expect(rejected.problem == "limit-reached")
            gate.succeed()
            try await expectEqual(first.status, 200)
            // The connection is free again, and the breaker has not taken the rejection for a failure.
            try await expectEqual(gateway.get().status, 200)
        }
    }
}
#endif
