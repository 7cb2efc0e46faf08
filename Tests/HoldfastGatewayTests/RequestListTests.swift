#if Gateway
import Foundation
import Holdfast
import HoldfastHTTP
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

@Suite struct RequestListTests {
    @Test func `the latest notable requests are listed, the newest first, by outcome, problem and route`() async throws
    {
        let service = try await TestService.start { request, _ in
            request.uri.hasPrefix("/broken") ? .status(.internalServerError) : .ok()
        }
        try await withGateway(
            to: service, configure: { $0.services[0].breaker.trip = .consecutiveFailures(1) }
        ) { running in
            func listed(_ query: String = "") async throws -> [[String: Any]] {
                let answer = try await TestClient.send(.GET, "/api/requests\(query)", to: running.admin)
                #expect(answer.status == 200, "\(answer.text)")
                return try #require(try object(answer.body)["requests"] as? [[String: Any]])
            }
            try await expectEqual(running.get("/plain").status, 200)
            try await expectEqual(listed().count, 0)
            _ = try await running.post(key: "k")
            _ = try await running.post(key: "k")
            _ = try await running.get("/broken?token=secret")
            let rejected = try await running.get("/held-off?token=secret")
            let found = try await listed("?outcome=rejected")
            #expect(found.count == 1)
            #expect(found[0]["id"] as? String == rejected.headers.first(name: "holdfast-request-id"))
            #expect(found[0]["problem"] as? String == "circuit-open" && found[0]["status"] as? Int == 503)
            #expect(found[0]["path"] as? String == "/held-off" && found[0]["route"] as? String == "everything")
            try await expectEqual(listed("?outcome=replayed").count, 1)
            try await expectEqual(listed("?problem=circuit-open&route=everything").count, 1)
            try await expectEqual(listed("?problem=circuit-open&route=another").count, 0)
            try await expectEqual(listed("?limit=1").count, 1)
            for query in ["outcome=x", "problem=", "limit=0", "limit=101", "limit=-1", "limit=1e1", "outcome=Rejected"]
            {
                let answer = try await TestClient.send(.GET, "/api/requests?\(query)", to: running.admin)
                #expect(answer.status == 400 && answer.text.contains("must be"), "\(query): \(answer.text)")
            }
        }
    }

    @Test func `problem=any lists what the number of rejections counts, whatever became of the request`() async throws {
        let service = try await TestService.start { request, _ in
            switch request.uri {
            case "/cut": .reset
            case "/hang": .hang
            case "/broken": .status(.internalServerError)
            default: .ok()
            }
        }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.routes[0].retry.attempts = 1
                configuration.routes[0].deadline = .milliseconds(300)
                configuration.routes[0].attemptTimeout = .milliseconds(300)
                configuration.routes[0].idempotency.keys = .required
            }
        ) { running in
            func listed(_ query: String) async throws -> [[String: Any]] {
                let answer = try await TestClient.send(.GET, "/api/requests?limit=100&\(query)", to: running.admin)
                return try #require(try object(answer.body)["requests"] as? [[String: Any]])
            }
            // One of each kind: an answer of the gateway's own for the service's sake, by a policy, for want of a key,
            // for what is not known; and what is none: the service's answers, and a replay.
            for path in ["/cut", "/hang", "/broken", "/plain"] { _ = try await running.get(path) }
            _ = try await TestClient.send(.POST, "/charges", to: running.port, body: [1])
            for _ in 0..<2 { _ = try await running.post(key: "k") }
            for _ in 0..<2 {
                _ = try await TestClient.send(
                    .POST, "/cut", to: running.port, headers: ["idempotency-key": "lost"], body: [1])
            }
            let state = try object(try await TestClient.send(.GET, "/api/state", to: running.admin).body)
            let requests = try #require(state["requests"] as? [String: Any])
            let counted = try #require(requests["rejections"] as? [String: Int])
            var found: [String: Int] = [:]
            for request in try await listed("problem=any") {
                found[try #require(request["problem"] as? String), default: 0] += 1
            }
            #expect(found == counted && counted.count >= 4, "\(found), \(counted)")
            // By outcome they are others: those that ended so for the service's sake have failed.
            let failed = try await listed("problem=any&outcome=failed").count
            let rejected = try await listed("outcome=rejected").count
            #expect(failed + rejected == counted.values.reduce(0, +) && failed > 0)
            let metrics = try await TestClient.send(.GET, "/metrics", to: running.admin).text
            for (problem, count) in counted {
                let sample = "holdfast_rejections_total{route=\"everything\",reason=\"\(problem)\"} \(count)\n"
                #expect(metrics.contains(sample), "\(sample)")
            }
        }
    }

    @Test func `retries left are those of every budget, as the metric has them`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(
            to: service, configure: { $0.routes[0].budget = RetryBudgetConfiguration() }
        ) { running in
            let metrics = try await TestClient.send(.GET, "/metrics", to: running.admin).text
            let balances = metrics.matches(of: /holdfast_retry_budget_balance\{[^}]*\} (\d+)/).compactMap { Int($0.1) }
            let state = try object(try await TestClient.send(.GET, "/api/state", to: running.admin).body)
            #expect(balances.count == 2)
            #expect((state["budget"] as? [String: Int])?["balance"] == balances.reduce(0, +))
        }
    }

    @Test func `the latest are found in whatever part of the memory they are`() {
        let explanations = Explanations(bound: 40)
        for number in 0..<100 {
            explanations.add(
                RequestReport(
                    id: RequestID(bits: UInt64(number)), route: "r\(number % 2)", service: "s", method: "GET",
                    path: "/\(number)",
                    status: 503,
                    duration: .zero, outcome: .rejected, time: Int64(number)))
        }
        #expect(explanations.latest(5) { _ in true }.map(\.path) == ["/99", "/98", "/97", "/96", "/95"])
        #expect(explanations.latest(3) { $0.route == "r0" }.map(\.path) == ["/98", "/96", "/94"])
        #expect(explanations.latest(100) { _ in true }.count == 40)
    }
}
#endif
