#if Gateway
import Holdfast
@testable import HoldfastGateway
import HoldfastTesting
import Logging
import NIOCore
import NIOPosix
import NIOHTTP1
import TestSupport
import Testing

@Suite struct ReloadTests {
    @Test func `what did not change keeps its breakers, and what did is served anew`() async throws {
        let dead = try await TestService.start { _, _ in .status(.internalServerError) }
        let other = try await TestService.start { _, _ in .ok("other") }
        try await withGateway(to: dead) { gateway in
            for _ in 0..<3 { _ = try await gateway.get() }
            try await expectEqual(gateway.get().problem, "circuit-open")
            var next = patientConfiguration(to: [dead])
            next.services.append(
                ServiceConfiguration(
                    name: "other", endpoints: [.init(address: .init(host: "127.0.0.1", port: other.port))]))
            var route = RouteConfiguration(name: "other", service: "other")
            route.match.path = try PathPattern("/other")
            next.routes.insert(route, at: 0)
            try await gateway.gateway.reload(next)
            try await expectEqual(gateway.get("/other").text, "other")
            try await expectEqual(gateway.get().problem, "circuit-open")
            next.services[0].breaker.trip = .consecutiveFailures(4)
            try await gateway.gateway.reload(next)
            try await expectEqual(gateway.get().status, 500)
        }
        await other.stop()
    }

    @Test func `a configuration that is wrong, or needs a restart, changes nothing`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            var wrong = patientConfiguration(to: [service])
            wrong.routes[0].retry.attempts = 0
            await #expect(throws: ConfigurationError.self) { try await gateway.gateway.reload(wrong) }
            wrong = patientConfiguration(to: [service])
            wrong.threads = 2
            wrong.listeners[0].streams = 7
            wrong.keysPerCaller = 5
            let error = await #expect(throws: RestartRequired.self) { try await gateway.gateway.reload(wrong) }
            #expect(error?.options == ["listeners[0].streams", "threads", "limits.keysPerCaller"])
            wrong = patientConfiguration(to: [service])
            wrong.routes[0].service = "nobody"
            await #expect(throws: ConfigurationError.self) { try await gateway.gateway.reload(wrong) }
            try await expectEqual(gateway.get().status, 200)
        }
    }

    @Test func `a request that is under way ends by the configuration that it began with`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(gate.futureResult, Array("old".utf8)) }
        let other = try await TestService.start { _, _ in .ok("new") }
        try await withGateway(to: service) { gateway in
            async let first = gateway.get()
            await service.requests(1)
            try await gateway.gateway.reload(patientConfiguration(to: [other]))
            try await expectEqual(gateway.get().text, "new")
            gate.succeed()
            try await expectEqual(first.text, "old")
        }
        await other.stop()
    }

    @Test func `no request fails while the configuration is reloaded again and again`() async throws {
        let one = try await TestService.start { _, _ in .ok("one") }
        let two = try await TestService.start { _, _ in .ok("two") }
        try await withGateway(to: one, configure: { $0.threads = 2 }) { gateway in
            var configurations = [patientConfiguration(to: [one]), patientConfiguration(to: [two])]
            for place in configurations.indices { configurations[place].threads = 2 }
            let statuses = try await withThrowingTaskGroup(of: [Int].self) { [configurations] group in
                for client in 0..<4 {
                    group.addTask {
                        var statuses: [Int] = []
                        for number in 0..<100 {
                            // While the others have requests under way.
                            if number % 10 == client {
                                try await gateway.gateway.reload(configurations[number / 10 % 2])
                            }
                            let answer =
                                number % 2 == 0 ? try await gateway.get() : try await gateway.post(key: nil)
                            statuses.append(answer.status)
                        }
                        return statuses
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            #expect(statuses.count == 400)
            #expect(statuses.allSatisfy { $0 == 200 })
            #expect(!one.requests.isEmpty && !two.requests.isEmpty)
        }
        await two.stop()
    }

    @Test func `a name that cannot be looked up keeps its addresses, and one that never could stops nobody`()
        async throws
    {
        let clock = ManualClock()
        let services = ["127.0.0.1", "nobody.invalid"].map {
            ServiceConfiguration(name: $0, endpoints: [.init(address: .init(host: $0, port: 80))])
        }
        let plans = try await PlanKeeper(
            GatewayConfiguration(
                listeners: [ListenerConfiguration(address: .init(host: "127.0.0.1", port: 0))], services: services,
                routes: [RouteConfiguration(name: "route", service: "127.0.0.1")], threads: 1),
            maker: Plan.Maker(
                clock: clock, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
                transitions: TransitionLog()))
        #expect(plans.current.services.map(\.endpoints.count) == [1, 0])
    }

    @Test func `a name stands for all its addresses`() async throws {
        let found = try await AddressLookup.addresses(of: .init(host: "localhost", port: 80))
        #expect(found.contains { $0.ipAddress == "127.0.0.1" })
        #expect(found.allSatisfy { $0.port == 80 })
        await #expect(throws: AddressLookup.Failure.self) {
            try await AddressLookup.addresses(of: .init(host: "nobody.invalid", port: 80))
        }
    }
}
#endif
