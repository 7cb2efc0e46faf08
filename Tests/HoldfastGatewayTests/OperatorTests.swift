#if Gateway
import Foundation
import Holdfast
@testable import HoldfastGateway
import HoldfastIdempotency
import HoldfastTesting
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Testing

/// What operators do to a gateway that runs, through its control plane.
@Suite struct OperatorTests {
    /// A gateway in front of some services that answer with their number.
    private func withServices(
        _ count: Int, configure: (inout GatewayConfiguration) -> Void = { _ in },
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        _ body: (RunningGateway, [TestService]) async throws -> Void
    ) async throws {
        var services: [TestService] = []
        for number in 0..<count { services.append(try await TestService.start { _, _ in .ok("\(number)") }) }
        var configuration = patientConfiguration(to: services)
        configure(&configuration)
        let clock = ManualClock()
        let gateway = try await Gateway.start(configuration, store: MemoryStore(), clock: clock, logger: logger)
        do {
            try await body(RunningGateway(gateway: gateway, clock: clock, configuration: configuration), services)
        } catch {
            await gateway.stop()
            throw error
        }
        await gateway.stop()
        for service in services { await service.stop() }
    }

    private func order(
        _ path: String, _ order: OverrideOrder, at gateway: RunningGateway, headers: HTTPHeaders = [:]
    ) async throws -> TestClient.Answer {
        try await TestClient.send(
            .POST, "/api/admin/\(path)", to: gateway.admin, headers: headers,
            body: Array(try JSONEncoder().encode(order)))
    }

    private func endpoint(
        _ action: String, _ service: TestService, weight: Int? = nil, at gateway: RunningGateway
    ) async throws -> Int {
        try await order(
            "endpoints",
            OverrideOrder(
                service: "service", endpoint: "127.0.0.1:\(service.port)", action: action, weight: weight,
                reason: "a test", by: "ada"), at: gateway
        ).status
    }

    private func breaker(_ action: String, _ endpoint: String? = nil, at gateway: RunningGateway) async throws -> Int {
        try await order(
            "breakers",
            OverrideOrder(service: "service", endpoint: endpoint, action: action, reason: "a test", by: "ada"),
            at: gateway
        ).status
    }

    /// By how many requests each service was reached.
    private func reached(_ calls: Int, _ services: [TestService], at gateway: RunningGateway) async throws -> [Int] {
        let before = services.map(\.requests.count)
        for _ in 0..<calls { try await expectEqual(gateway.get().status, 200) }
        return zip(services, before).map { $0.requests.count - $1 }
    }

    private func metric(_ line: String, at gateway: RunningGateway) async throws -> Bool {
        try await TestClient.send(.GET, "/metrics", to: gateway.admin).text.contains("\n\(line)\n")
    }

    @Test func `a drained endpoint gets nothing new, its idle connections are closed, and it comes back`() async throws
    {
        try await withServices(3) { gateway, services in
            _ = try await reached(30, services, at: gateway)
            try await expectEqual(endpoint("drain", services[0], at: gateway), 200)
            let counts = try await reached(60, services, at: gateway)
            #expect(counts[0] == 0 && counts[1] > 10 && counts[2] > 10, "\(counts)")
            let place = "service=\"service\",endpoint=\"127.0.0.1:\(services[0].port)\""
            // Closing takes the event loop a moment.
            while try await !metric("holdfast_endpoint_connections{\(place)} 0", at: gateway) { await Task.yield() }
            try await expectEqual(metric("holdfast_endpoint_drained{\(place)} 1", at: gateway), true)
            try await expectEqual(metric("holdfast_overrides{what=\"drained\"} 1", at: gateway), true)
            let state = try await TestClient.send(.GET, "/api/state", to: gateway.admin).text
            #expect(state.contains(#""heldOut":"drained""#) && state.contains(#""reason":"a test""#))
            try await expectEqual(endpoint("enable", services[0], at: gateway), 409)
            try await expectEqual(endpoint("undrain", services[0], at: gateway), 200)
            let again = try await reached(60, services, at: gateway)
            #expect(again.allSatisfy { $0 > 5 }, "\(again)")
            try await expectEqual(metric("holdfast_endpoint_drained{\(place)} 0", at: gateway), true)
            try await expectEqual(metric("holdfast_operator_actions_total{action=\"undrain\"} 1", at: gateway), true)
        }
    }

    @Test(arguments: ["drain", "disable"]) func `what is in progress at an endpoint goes on`(action: String)
        async throws
    {
        let held = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let slow = try await TestService.start { _, _ in .held(held.futureResult, Array("late".utf8)) }
        try await withGateway(to: slow) { gateway in
            async let answer = gateway.get()
            await slow.requests(1)
            try await expectEqual(endpoint(action, slow, at: gateway), 200)
            let refused = try await gateway.get()
            #expect(refused.status == 503 && refused.problem == "service-drained")
            #expect(!refused.text.contains("127.0.0.1"))
            let told = try await gateway.explained(refused)
            #expect(
                (told["why"] as? [String] ?? []).joined().contains(
                    "every endpoint of service 'service' is drained or disabled"))
            held.succeed()
            try await expectEqual(answer.text, "late")
        }
    }

    @Test func `a disabled endpoint keeps its connections`() async throws {
        let service = try await ConnectionService.start { _, _ in .init() }
        var configuration = GatewayConfiguration(upstreams: [.init(host: "127.0.0.1", port: service.port)], threads: 1)
        configuration.listeners[0].address = .init(host: "127.0.0.1", port: 0)
        configuration.admin.address = .init(host: "127.0.0.1", port: 0)
        let gateway = try await Gateway.start(
            configuration, store: MemoryStore(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let running = RunningGateway(gateway: gateway, clock: ManualClock(), configuration: configuration)
        func order(_ action: String) async throws {
            let order = OverrideOrder(
                service: "service", endpoint: "127.0.0.1:\(service.port)", action: action, reason: "a test")
            try await expectEqual(self.order("endpoints", order, at: running).status, 200)
        }
        try await expectEqual(running.get().text, "1")
        try await order("disable")
        try await expectEqual(running.get().status, 503)
        try await order("enable")
        try await expectEqual(running.get().text, "1")
        try await order("drain")
        try await service.closed(1)
        try await order("undrain")
        try await expectEqual(running.get().text, "2")
        await gateway.stop()
        await service.stop()
    }

    @Test func `an endpoint is called by its weight`() async throws {
        try await withServices(3) { gateway, services in
            try await expectEqual(endpoint("weight", services[0], weight: 10, at: gateway), 200)
            let counts = try await reached(300, services, at: gateway)
            // A twenty-first, where a third was.
            #expect((1...40).contains(counts[0]), "\(counts)")
            let place = "service=\"service\",endpoint=\"127.0.0.1:\(services[0].port)\""
            try await expectEqual(metric("holdfast_endpoint_weight{\(place)} 10", at: gateway), true)
            try await expectEqual(endpoint("weight", services[0], weight: 100, at: gateway), 200)
            let even = try await reached(90, services, at: gateway)
            #expect(even.allSatisfy { $0 > 12 }, "\(even)")
            try await expectEqual(endpoint("weight", services[0], weight: 100, at: gateway), 409)
        }
    }

    @Test func `a service's breaker is isolated, released and reset, and so is an endpoint's`() async throws {
        try await withServices(2, configure: { $0.services[0].serviceBreaker = CircuitBreakerConfiguration() }) {
            gateway, services in
            try await expectEqual(breaker("isolate", at: gateway), 200)
            let rejected = try await gateway.get()
            #expect(rejected.status == 503 && rejected.problem == "circuit-open" && rejected.text.contains("isolated"))
            try await expectEqual(breaker("reset", at: gateway), 200)
            try await expectEqual(gateway.get().status, 503)
            try await expectEqual(breaker("release", at: gateway), 200)
            try await expectEqual(breaker("release", at: gateway), 409)
            try await expectEqual(gateway.get().status, 200)
            let name = "127.0.0.1:\(services[0].port)"
            try await expectEqual(breaker("isolate", name, at: gateway), 200)
            try await expectEqual(reached(20, services, at: gateway), [0, 20])
            try await expectEqual(
                metric(
                    "holdfast_breaker_state{service=\"service\",endpoint=\"\(name)\",state=\"isolated\"} 1",
                    at: gateway), true)
            try await expectEqual(breaker("release", name, at: gateway), 200)
            services[0].reply { _, _ in .reset }
            for _ in 0..<40 { _ = try await gateway.get() }
            try await expectEqual(reached(20, services, at: gateway), [0, 20])
            services[0].reply { _, _ in .ok() }
            try await expectEqual(breaker("reset", name, at: gateway), 200)
            let counts = try await reached(40, services, at: gateway)
            #expect(counts[0] > 5, "\(counts)")
        }
    }

    @Test func `an override survives a reload of the file, on endpoints and breakers that are made anew too`()
        async throws
    {
        try await withServices(2) { gateway, services in
            try await expectEqual(endpoint("drain", services[0], at: gateway), 200)
            try await expectEqual(breaker("isolate", "127.0.0.1:\(services[1].port)", at: gateway), 200)
            var next = gateway.configuration
            next.routes[0].retry.attempts = 2
            try await gateway.gateway.reload(next)
            try await expectEqual(gateway.get().problem, "circuit-open")
            next.services[0].breaker.trip = .consecutiveFailures(9)
            try await gateway.gateway.reload(next)
            try await expectEqual(gateway.get().problem, "circuit-open")
            try await expectEqual(breaker("release", "127.0.0.1:\(services[1].port)", at: gateway), 200)
            try await expectEqual(reached(10, services, at: gateway), [0, 10])
        }
    }

    @Test func `an override goes with its endpoint, and does not come back with it`() async throws {
        try await withServices(2) { gateway, services in
            try await expectEqual(endpoint("drain", services[0], at: gateway), 200)
            var next = gateway.configuration
            next.services[0].endpoints.removeFirst()
            try await gateway.gateway.reload(next)
            let list = try await TestClient.send(.GET, "/api/admin", to: gateway.admin).text
            #expect(list.contains(#""overrides":[]"#) && list.contains(#""action":"gone""#))
            try await expectEqual(endpoint("undrain", services[0], at: gateway), 404)
            try await gateway.gateway.reload(gateway.configuration)
            let counts = try await reached(40, services, at: gateway)
            #expect(counts[0] > 5, "\(counts)")
        }
    }

    @Test func `an override ends at its time`() async throws {
        let clock = ManualClock()
        let level = LogLevelSwitch(.info)
        let told = Told()
        let overrides = Overrides(level: level, clock: clock, logger: Logger(label: "test") { _ in told })
        let ending = Task { await overrides.keepEnding() }
        let note = OverridesMachine.Note(by: "ada", from: "here", reason: "why", at: "now")
        try await overrides.act(.set(.level("debug")), on: .log, note, for: .seconds(600))
        #expect(level.current == .debug)
        await clock.sleepers(1)
        clock.advance(by: .seconds(599))
        #expect(level.current == .debug)
        clock.advance(by: .seconds(1))
        while level.current != .info { await Task.yield() }
        #expect(overrides.overrides.isEmpty)
        ending.cancel()
        await ending.value
        #expect(told.messages.list.withLock { $0.last?.contains("its time is over") } == true)
    }

    @Test func `who did it and why are in the log, whatever its level is`() async throws {
        let told = Told()
        var logger = Logger(label: "test") { _ in told }
        logger.logLevel = .critical
        try await withServices(1, logger: logger) { gateway, services in
            let name = "127.0.0.1:\(services[0].port)"
            let order = OverrideOrder(
                service: "service", endpoint: name, action: "disable", reason: "it is on fire", by: "ada", for: "10m")
            try await expectEqual(self.order("endpoints", order, at: gateway).status, 200)
            let line = try #require(told.messages.list.withLock { $0.first { $0.contains("an operator has acted") } })
            for word in ["ada", "it is on fire", "disable", "service", name, "\"from\": 127.0.0.1", "until"] {
                #expect(line.contains(word), "\(word): \(line)")
            }
            let nobody = OverrideOrder(action: "level", level: "info", reason: "to see")
            let answer = try await self.order("log", nobody, at: gateway)
            #expect(answer.status == 200 && answer.text.contains("somebody without a token"))
            try await expectEqual(metric("holdfast_log_level{level=\"info\"} 1", at: gateway), true)
            let reset = OverrideOrder(action: "reset", reason: "seen")
            try await expectEqual(self.order("log", reset, at: gateway).status, 200)
            try await expectEqual(metric("holdfast_log_level{level=\"critical\"} 1", at: gateway), true)
        }
    }

    @Test func `who may not ask, or asks for another site's page, changes nothing`() async throws {
        let token = "a-token-of-16-or-more"
        try await withServices(1, configure: { $0.admin.token = token }) { gateway, services in
            let drain = OverrideOrder(
                service: "service", endpoint: "127.0.0.1:\(services[0].port)", action: "drain", reason: "a test")
            let right: HTTPHeaders = ["authorization": "Bearer \(token)"]
            var headers: [(HTTPHeaders, Int)] = [([:], 401), (["authorization": "Bearer wrong-wrong-wrong"], 401)]
            headers.append((right.adding("origin", "http://elsewhere.example"), 403))
            headers.append((right.adding("sec-fetch-site", "cross-site"), 403))
            for (headers, status) in headers {
                for path in ["endpoints", "breakers", "log"] {
                    try await expectEqual(order(path, drain, at: gateway, headers: headers).status, status)
                }
            }
            try await expectEqual(gateway.get().status, 200)
            let answer = try await order("endpoints", drain, at: gateway, headers: right)
            #expect(answer.status == 200 && answer.text.contains("the token's holder"))
            try await expectEqual(gateway.get().status, 503)
        }
    }

    @Test func `what is not there is told with what is, and what is no order with what it must be`() async throws {
        try await withServices(1, configure: { $0.services[0].serviceBreaker = nil }) { gateway, services in
            func told(_ path: String, _ body: String) async throws -> (Int, String) {
                let answer = try await TestClient.send(
                    .POST, "/api/admin/\(path)", to: gateway.admin, body: Array(body.utf8))
                return (answer.status, answer.text)
            }
            let cases: [(String, String, Int, String)] = [
                (
                    "endpoints", #"{"service":"service","endpoint":"e","action":"drain","reason":"r","For":"10m"}"#,
                    400,
                    "it has no member 'For'"
                ),
                (
                    "endpoints", #"{"service":"other","endpoint":"e","action":"drain","reason":"r"}"#, 404,
                    "no service 'other', only service"
                ),
                (
                    "endpoints", #"{"service":"service","endpoint":"e","action":"drain","reason":"r"}"#, 404,
                    "127.0.0.1:\(services[0].port)"
                ),
                (
                    "breakers", #"{"service":"service","action":"isolate","reason":"r"}"#, 404,
                    "no breaker of its own"
                ),
                ("endpoints", "{", 400, "it is no JSON"),
                ("endpoints", #"{"service":3}"#, 400, "'service' must be a string"),
                ("log", #"{"action":"level","level":"debug"}"#, 400, "reason"),
            ]
            for (path, body, status, words) in cases {
                let (given, text) = try await told(path, body)
                #expect(given == status && text.contains(words), "\(body): \(given) \(text)")
            }
            let large = try await told("endpoints", String(repeating: " ", count: OverridesAPI.bound + 1))
            #expect(large.0 == 413)
        }
    }

    @Test func `the command drains, lists and takes back`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let gateway = try await HoldfastProcess.start([
            "gateway", "--upstream", "http://127.0.0.1:\(service.port)", "--store", "memory",
        ])
        func admin(_ arguments: String...) async throws -> (status: Int32, output: String, errors: String) {
            try await HoldfastProcess.run(["admin"] + arguments + ["--admin", "http://127.0.0.1:\(gateway.admin)"])
        }
        func status() async throws -> Int { try await TestClient.send(.GET, "/", to: gateway.port).status }
        let name = "127.0.0.1:\(service.port)"
        try await expectEqual(admin("list").output, "Nothing is set: everything is as the configuration says.\n")
        let drained = try await admin(
            "endpoint", "drain", "service", name, "--reason", "a new disk", "--by", "ada", "--for", "10m")
        #expect(drained.status == 0 && drained.output.contains("drained") && drained.output.contains("a new disk"))
        try await expectEqual(status(), 503)
        let twice = try await admin("endpoint", "enable", "service", name, "--reason", "x")
        #expect(twice.status == 1 && twice.errors.contains("it is drained, and not disabled"))
        try await expectEqual(
            admin("endpoint", "undrain", "service", name, "--reason", "the disk is in").status, 0)
        try await expectEqual(status(), 200)
        for arguments in [
            ["isolate", "service", name], ["release", "service", name, "--by", "ada"], ["reset", "service", name],
        ] {
            let ended = try await HoldfastProcess.run(
                ["admin", "breaker"] + arguments + [
                    "--reason", "r", "--admin", "http://127.0.0.1:\(gateway.admin)",
                ])
            #expect(ended.status == 0, "\(ended.errors)")
        }
        try await expectEqual(admin("log", "level", "debug", "--reason", "to see").status, 0)
        let listed = try await admin("list", "--events")
        #expect(listed.output.contains("The log's level is debug; the configuration says info."))
        #expect(listed.output.contains("undrain  service \(name)  by "))
        try await expectEqual(admin("endpoint", "weight", "service", name, "50", "--reason", "r").status, 0)
        try await expectEqual(admin("endpoint", "drain", "service", name).status, 64)
        try await expectEqual(admin("log", "level", "loud", "--reason", "r").status, 64)
        gateway.signal(SIGTERM)
        _ = await gateway.end()
        await service.stop()
    }
}

extension HTTPHeaders {
    fileprivate func adding(_ name: String, _ value: String) -> HTTPHeaders {
        var headers = self
        headers.add(name: name, value: value)
        return headers
    }
}
#endif
