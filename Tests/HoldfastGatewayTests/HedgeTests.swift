#if Gateway
import Holdfast
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

@Suite struct GatewayHedgeTests {
    /// The first request never gets an answer.
    private func withSlowFirst(
        _ configure: @escaping (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (RunningGateway, TestService) async throws -> Void
    ) async throws {
        let service = try await TestService.start { _, number in number == 1 ? .hang : .ok("number \(number)") }
        try await withGateway(
            to: service,
            configure: { configuration in
                var hedge = HedgeConfiguration()
                hedge.delay = .fixed(.milliseconds(20))
                configuration.routes[0].hedge = hedge
                configuration.routes[0].attemptTimeout = .seconds(2)
                configuration.routes[0].retry.attempts = 1
                configure(&configuration)
            }
        ) { try await body($0, service) }
    }

    @Test func `the first answer counts when an attempt is slow`() async throws {
        try await withSlowFirst { gateway, service in
            let answer = try await gateway.get()
            #expect(answer.text == "number 2")
            #expect(answer.headers.first(name: "holdfast-request-id") != nil)
            #expect(Set(service.requests.map { $0.headers["holdfast-attempt"] }) == [["1"], ["2"]])
        }
    }

    @Test func `what must not be sent twice is not hedged`() async throws {
        try await withSlowFirst { gateway, service in
            try await expectEqual(gateway.post(key: nil).problem, "deadline")
            #expect(service.requests.count == 1)
        }
    }

    @Test func `a hedge draws on the budget`() async throws {
        try await withSlowFirst({ $0.services[0].budget = .ratio(0, reservePerSecond: 0) }) { gateway, service in
            try await expectEqual(gateway.get().problem, "deadline")
            #expect(service.requests.count == 1)
        }
    }

    @Test func `an attempt that fails leaves the one beside it`() async throws {
        let service = try await TestService.start { _, number in
            number == 1 ? .hang : number == 2 ? .status(.badGateway) : .ok("third")
        }
        try await withGateway(
            to: service,
            configure: { configuration in
                var hedge = HedgeConfiguration()
                (hedge.delay, hedge.hedges) = (.fixed(.milliseconds(20)), 2)
                configuration.routes[0].hedge = hedge
                configuration.routes[0].retry.attempts = 1
            }
        ) { gateway in
            try await expectEqual(gateway.get().text, "third")
        }
    }
}
#endif
