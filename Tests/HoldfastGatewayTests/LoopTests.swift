#if Gateway
import Holdfast
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

/// A request that comes back to a gateway is not sent on for ever (RFC9110-7.6-2), as its Via tells.
@Suite struct LoopTests {
    @Test func `a service that leads back to the gateway is asked a few times, and not until everything is used up`()
        async throws
    {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            var next = gateway.configuration
            next.services[0].endpoints = [.init(address: .init(host: "127.0.0.1", port: gateway.port))]
            next.routes[0].retry.attempts = 3
            try await gateway.gateway.reload(next)
            let answer = try await gateway.get()
            #expect(answer.status == 508 && answer.problem == "loop-detected", "\(answer.text)")
            let text = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
            #expect(text.contains(#"route="everything",status="5xx"} \#(RequestRules.loopBound)"#), "\(text)")
        }
    }

    @Test(arguments: [
        ([], 200), (["1.1 holdfast"], 200), ([String](repeating: "1.1 holdfast", count: 7), 200),
        ([String](repeating: "1.1 holdfast", count: 8), 508), (["1.1 holdfast, 2 Holdfast (a), 1.0 holdfast"], 200),
        ([[String](repeating: "2 holdfast (b)", count: 8).joined(separator: ",")], 508),
        ([String](repeating: "1.1 other, 1.1 holdfast.example, holdfast", count: 9), 200),
    ])
    func `members of Via that are ours are counted, and no others`(via: [String], status: Int) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let headers = HTTPHeaders(via.map { ("via", $0) })
            try await expectEqual(TestClient.send(.GET, "/", to: gateway.port, headers: headers).status, status)
            #expect(service.requests.count == (status == 200 ? 1 : 0))
        }
    }
}
#endif
