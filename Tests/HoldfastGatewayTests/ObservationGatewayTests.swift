#if Gateway
import Foundation
import Holdfast
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@testable import HoldfastGateway

/// What is seen of requests that really went through a gateway.
@Suite struct ObservationGatewayTests {
    @Test func `a response's id leads to why the request was rejected, retried or replayed`() async throws {
        let service = try await TestService.start { request, number in
            request.uri == "/broken" || number == 1 ? .status(.serviceUnavailable) : .ok("charged")
        }
        try await withGateway(to: service) { running in
            let retried = try await running.get("/flaky")
            #expect(retried.status == 200)
            var told = try await running.explained(retried)
            #expect((told["attempts"] as? [[String: Any]])?.map { $0["status"] as? Int } == [503, 200])
            #expect(told["outcome"] as? String == "served")

            try await expectEqual(running.post(key: "k").status, 200)
            let replayed = try await running.post(key: "k")
            #expect(replayed.isReplay)
            told = try await running.explained(replayed)
            #expect(told["outcome"] as? String == "replayed")
            #expect((told["record"] as? String)?.count == 64)

            _ = try await running.get("/broken")
            let rejected = try await running.get("/broken")
            #expect(rejected.problem == "circuit-open")
            told = try await running.explained(rejected)
            #expect(told["problem"] as? String == "circuit-open")
            #expect((told["explanation"] as? [String: Any])?["state"] as? String == "open")
        }
    }

    @Test func `a caller is told the service's name, and operators the endpoint and the reason`() async throws {
        let service = try await TestService.start { _, _ in .reset }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.services[0].name = "payments"
                configuration.routes[0].service = "payments"
                configuration.routes[0].retry.attempts = 1
                configuration.services[0].connections = 1
            }
        ) { running in
            let endpoint = "127.0.0.1:\(service.port)"
            func expect(_ problem: String, because reason: String) async throws {
                let answer = try await running.get()
                #expect(answer.problem == problem)
                #expect(answer.text.contains("'payments'") && !answer.text.contains("127.0.0.1"), "\(answer.text)")
                let told = try await running.explained(answer)
                let why = (told["why"] as? [String])?.joined() ?? ""
                #expect(why.contains(endpoint) && why.contains(reason), "\(why)")
            }
            try await expect("upstream-reset", because: "closed the connection before it answered")
            await service.stop()
            for _ in 0..<2 { try await expect("upstream-unreachable", because: "Connection refused") }
            try await expect("circuit-open", because: "circuit-breaker '\(endpoint)' is open")
        }
        // One connection is all there may be, and it is taken.
        let release = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let busy = try await TestService.start { _, _ in .held(release.futureResult, Array("ok".utf8)) }
        try await withGateway(to: busy, configure: { $0.services[0].connections = 1 }) { running in
            async let first = running.get()
            await busy.requests(1)
            let full = try await running.get()
            #expect(full.problem == "limit-reached" && !full.text.contains("127.0.0.1"), "\(full.text)")
            let explanation = try await running.explained(full)["explanation"] as? [String: Any]
            #expect(explanation?["name"] as? String == "127.0.0.1:\(busy.port)")
            release.succeed()
            try await expectEqual(first.status, 200)
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
                    shown += "\(try await running.explained(answer))"
                }
            }
            // One that is refused for what it is, and whose problem quotes it to its sender.
            headers.replaceOrAdd(name: "idempotency-key", value: "\"secret")
            let refused = try await TestClient.send(.POST, "/charges", to: running.port, headers: headers)
            #expect(refused.problem == "key-invalid")
            shown += "\(try await running.explained(refused))"
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

    @Test(arguments: [
        (nil, "key-missing", 400), ("\"secret", "key-invalid", 400), ("secret", "body-too-large", 413),
    ])
    func `a request that is refused for its key is told of as any other rejection`(
        key: String?, problem: String, status: Int
    ) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let path = FileManager.default.temporaryDirectory.appending(path: "holdfast-access-\(UUID()).log").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        var shown = ""
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.accessLog = AccessLogConfiguration()
                configuration.accessLog?.path = path
                configuration.accessLog?.sample = 0
                configuration.routes[0].idempotency.keys = .required
                configuration.routes[0].keptBytes = 4
            }
        ) { running in
            let refused = try await running.post(key: key)
            #expect(refused.problem == problem && refused.status == status)
            let id = try #require(refused.headers.first(name: "holdfast-request-id"))
            #expect(try object(refused.body)["request"] as? String == id)
            let told = try await running.explained(refused)
            #expect(told["problem"] as? String == problem)
            #expect(told["route"] as? String == "everything")
            #expect(told["outcome"] as? String == "rejected")
            let metrics = try await TestClient.send(.GET, "/metrics", to: running.admin).text
            #expect(metrics.contains("holdfast_requests_total{route=\"everything\",status=\"4xx\"} 1\n"))
            #expect(metrics.contains("holdfast_rejections_total{route=\"everything\",reason=\"\(problem)\"} 1\n"))
            #expect(metrics.contains("holdfast_requests_total{route=\"\",status=\"4xx\"} 0\n"))
            #expect(metrics.contains("holdfast_requests_in_flight 0\n"))
            #expect(service.requests.isEmpty)
            shown = "\(told)\(metrics)"
        }
        let log = try String(contentsOfFile: path, encoding: .utf8)
        #expect(log.split(separator: "\n").count == 1 && log.contains("\"problem\":\"\(problem)\""), "\(log)")
        #expect(!log.contains("secret") && !shown.contains("secret"))
    }

    @Test(arguments: [nil, "k"])
    func `all that a client sent is counted, whether it was kept or not`(key: String?) async throws {
        let service = try await TestService.start { _, _ in .reset }
        let bound = key == nil ? 10 : 1 << 20
        try await withGateway(to: service, configure: { $0.routes[0].keptBytes = bound }) { running in
            let body = String(repeating: "x", count: 300_000)
            let told = try await running.explained(running.post(key: key, body))
            #expect(told["bytesIn"] as? Int == 300_000)
        }
    }

    @Test func `the state has services and routes in rows that are bounded, and no secret`() async throws {
        let service = try await TestService.start { request, _ in
            request.uri == "/broken" ? .status(.internalServerError) : .ok()
        }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.services[0].healthCheck = .init()
                configuration.services[0].healthCheck?.path = "/health?secret"
                configuration.admin.token = "secret-secret-secret"
                configuration.routes[0].match.fields = ["x-door": "secret"]
                for number in 0..<150 {
                    configuration.routes.append(RouteConfiguration(name: "r\(number)", service: "service"))
                }
                configuration.services[0].endpoints +=
                    (1...250).map { .init(address: .init(host: "127.0.0.1", port: $0)) }
            }
        ) { running in
            _ = try await TestClient.send(.GET, "/broken", to: running.port, headers: ["x-door": "secret"])
            let answer = try await TestClient.send(
                .GET, "/api/state", to: running.admin, headers: ["authorization": "Bearer secret-secret-secret"])
            #expect(!answer.text.contains("secret"))
            let state = try object(answer.body)
            let services = try #require(state["services"] as? [[String: Any]])
            #expect(services[0]["endpointCount"] as? Int == 251)
            #expect((services[0]["endpoints"] as? [Any])?.count == GatewayState.endpointBound)
            let routes = try #require(state["routes"] as? [[String: Any]])
            #expect(routes.count == GatewayState.rowBound)
            #expect((routes[0]["requests"] as? [String: Int])?.values.reduce(0, +) == 1)
            let plan = try #require(state["plan"] as? [String: Any])
            #expect(plan["routeCount"] as? Int == 151)
            let words = try #require((plan["routes"] as? [[String: Any]])?.first)
            #expect(words["match"] as? String == "any method /*, with a certain x-door")
            #expect((words["policies"] as? [String])?.contains("deadline: 20m") == true)
        }
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
