#if Gateway
import Holdfast
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

@Suite struct GatewayShadowTests {
    @Test func `a route in the shadow rejects, retries and replays nothing, and says what it would have done`()
        async throws
    {
        let service = try await TestService.start { _, number in number <= 4 ? .status(.badGateway) : .ok() }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.routes[0].isShadow = true
                configuration.routes[0].rateLimit = .init(requests: 1)
                configuration.routes[0].rateLimit?.per = .seconds(3_600)
            }
        ) { gateway in
            for _ in 0..<4 { try await expectEqual(gateway.get().status, 502) }
            // The breaker has been open since the third, and the rate was used up by the first.
            for _ in 0..<2 { try await expectEqual(gateway.post(key: "one").status, 200) }
            #expect(service.requests.count == 6)
            let metrics = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
            func count(_ decision: String, _ result: String) -> Int {
                let labels = "route=\"everything\",decision=\"\(decision)\",result=\"\(result)\""
                let line = metrics.split(separator: "\n").first { $0.contains("{\(labels)}") }
                return line?.split(separator: " ").last.flatMap { Int($0) } ?? -1
            }
            #expect(count("rejected", "failed") == 4)
            #expect(count("rejected", "succeeded") == 4)
            #expect(count("deduplicated", "succeeded") == 1)
            // While the breaker is open, nothing would be tried again.
            #expect(count("retried", "failed") == 2)
        }
    }

    @Test func `a body that would be too large to fingerprint passes in the shadow`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let configure = { (configuration: inout GatewayConfiguration) in
            configuration.routes[0].isShadow = true
            configuration.routes[0].keptBytes = 4
        }
        try await withGateway(to: service, configure: configure) { gateway in
            try await expectEqual(gateway.post(key: "one").status, 200)
        }
    }

    @Test func `a key that is missing or malformed stops nothing in the shadow`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.routes[0].isShadow = true
                configuration.routes[0].idempotency.keys = .required
            }
        ) { gateway in
            try await expectEqual(gateway.post(key: nil).status, 200)
            try await expectEqual(gateway.post(key: "\"open").status, 200)
        }
    }
}
#endif
