#if Gateway
import Foundation
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

/// What is seen of requests that really went through a gateway.
@Suite struct ObservationGatewayTests {
    private func explained(_ answer: TestClient.Answer, _ running: RunningGateway) async throws -> [String: Any] {
        let id = try #require(answer.headers.first(name: "holdfast-request-id"))
        return try object(try await TestClient.send(.GET, "/api/explain?id=\(id)", to: running.admin).body)
    }

    @Test func `a response's id leads to why the request was rejected, retried or replayed`() async throws {
        let service = try await TestService.start { request, number in
            request.uri == "/broken" || number == 1 ? .status(.serviceUnavailable) : .ok("charged")
        }
        try await withGateway(to: service) { running in
            let retried = try await running.get("/flaky")
            #expect(retried.status == 200)
            var told = try await explained(retried, running)
            #expect((told["attempts"] as? [[String: Any]])?.map { $0["status"] as? Int } == [503, 200])
            #expect(told["outcome"] as? String == "served")

            try await expectEqual(running.post(key: "k").status, 200)
            let replayed = try await running.post(key: "k")
            #expect(replayed.isReplay)
            told = try await explained(replayed, running)
            #expect(told["outcome"] as? String == "replayed")
            #expect((told["record"] as? String)?.count == 64)

            _ = try await running.get("/broken")
            let rejected = try await running.get("/broken")
            #expect(rejected.problem == "circuit-open")
            told = try await explained(rejected, running)
            #expect(told["problem"] as? String == "circuit-open")
            #expect((told["explanation"] as? [String: Any])?["state"] as? String == "open")
        }
    }

    @Test func `nothing that a client sends in secret is logged or explained`() async throws {
        let service = try await TestService.start { _, _ in .ok("charged") }
        let path = FileManager.default.temporaryDirectory.appending(path: "holdfast-access-\(UUID()).log").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        var shown = ""
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.accessLog = AccessLogConfiguration()
                configuration.accessLog?.path = path
            }
        ) { running in
            let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
            var headers: HTTPHeaders = [
                "authorization": "Bearer secret", "cookie": "a=secret", "traceparent": trace,
                "idempotency-key": "secret-key",
            ]
            for body in ["secret", "secret", "another secret"] {
                let answer = try await TestClient.send(
                    .POST, "/charges?card=secret", to: running.port, headers: headers, body: Array(body.utf8))
                if answer.headers.contains(name: "holdfast-request-id") {
                    shown += "\(try await explained(answer, running))"
                }
            }
            // One that is refused for what it is, and whose problem quotes it to its sender.
            headers.replaceOrAdd(name: "idempotency-key", value: "\"secret")
            let refused = try await TestClient.send(.POST, "/charges", to: running.port, headers: headers)
            #expect(refused.problem == "key-invalid")
            for page in ["/metrics", "/api/state", "/api/keys"] {
                shown += try await TestClient.send(.GET, page, to: running.admin).text
            }
        }
        let log = try String(contentsOfFile: path, encoding: .utf8)
        #expect(log.split(separator: "\n").count >= 3)
        #expect(log.contains(#""trace":"4bf92f3577b34da6a3ce929d0e0e4736""#))
        #expect(!log.contains("secret"), "\(log)")
        #expect(!shown.contains("secret"), "\(shown)")
    }

    @Test(arguments: ["none", "unrouted", "-"])
    func `whatever routes are called, no series is told twice`(name: String) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.routes[0].name = name }) { running in
            let text = try await TestClient.send(.GET, "/metrics", to: running.admin).text
            let series = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
                .map { $0.split(separator: " ").dropLast().joined(separator: " ") }
            #expect(series.count > 100)
            #expect(Set(series).count == series.count)
        }
    }
}
#endif
