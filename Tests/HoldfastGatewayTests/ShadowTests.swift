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
            let count = try await counts(gateway)
            #expect(count("rejected", "failed") == 4)
            #expect(count("rejected", "succeeded") == 4)
            #expect(count("deduplicated", "succeeded") == 1)
            // While the breaker is open, nothing would be tried again.
            #expect(count("retried", "failed") == 2)
        }
    }

    private func counts(_ gateway: RunningGateway) async throws -> (_ decision: String, _ result: String) -> Int {
        let metrics = try await TestClient.send(.GET, "/metrics", to: gateway.admin).text
        return { decision, result in
            let labels = "route=\"everything\",decision=\"\(decision)\",result=\"\(result)\""
            let line = metrics.split(separator: "\n").first { $0.contains("{\(labels)}") }
            return line?.split(separator: " ").last.flatMap { Int($0) } ?? -1
        }
    }

    /// Sends a body of six bytes, in chunks if it is not to say how long it is.
    private func post(_ gateway: RunningGateway, isChunked: Bool, key: String?) async throws -> String {
        let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: 6"
        let body = isChunked ? "3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n" : "abcdef"
        let field = key.map { "Idempotency-Key: \($0)\r\n" } ?? ""
        return try await TestClient.raw(
            "POST / HTTP/1.1\r\nHost: a\r\n\(field)Connection: close\r\n\(framing)\r\n\r\n\(body)", to: gateway.port)
    }

    @Test(arguments: [(false, true), (true, true), (false, false), (true, false)])
    func `a body that is too large passes in the shadow, and is told once`(isChunked: Bool, isKeyed: Bool) async throws
    {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.routes[0].isShadow = true
                if isKeyed {
                    configuration.routes[0].keptBytes = 5
                } else {
                    configuration.routes[0].bodyLimit = 5
                }
            }
        ) { gateway in
            for number in 1...2 {
                let text = try await post(gateway, isChunked: isChunked, key: isKeyed ? "k" : nil)
                #expect(text.hasPrefix("HTTP/1.1 200 "), "\(text)")
                try await expectEqual(counts(gateway)("rejected", "succeeded"), number)
            }
            #expect(service.requests.map(\.body) == [Array("abcdef".utf8), Array("abcdef".utf8)])
            // What is rejected for its length has asked for no key.
            try await expectEqual(counts(gateway)("deduplicated", "succeeded"), 0)
        }
    }

    @Test func `a key that comes again with another body would be a conflict, and no duplicate`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.routes[0].isShadow = true }) { gateway in
            for body in ["one", "other", "one"] { try await expectEqual(gateway.post(key: "k", body).status, 200) }
            let count = try await counts(gateway)
            #expect(count("rejected", "succeeded") == 1)
            #expect(count("deduplicated", "succeeded") == 1)
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
            try await expectEqual(counts(gateway)("rejected", "succeeded"), 2)
        }
    }
}
#endif
