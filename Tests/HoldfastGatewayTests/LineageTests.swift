#if Gateway
import Holdfast
import HoldfastGateway
import HoldfastHTTP
import NIOHTTP1
import TestSupport
import Testing

@Suite struct LineageTests {
    /// Believes whoever is on this machine.
    private func withLayerAbove(
        _ service: TestService, configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (RunningGateway) async throws -> Void
    ) async throws {
        let believing = { (configuration: inout GatewayConfiguration) in
            configuration.listeners[0].lineageFrom = .loopback
            configure(&configuration)
        }
        try await withGateway(to: service, configure: believing, body)
    }

    private func get(_ gateway: RunningGateway, _ headers: HTTPHeaders = [:]) async throws -> TestClient.Answer {
        try await TestClient.send(.GET, "/", to: gateway.port, headers: headers)
    }

    @Test func `the service is told how much time is left and which attempt it is`() async throws {
        let service = try await TestService.start { _, number in number == 1 ? .status(.badGateway) : .ok() }
        try await withLayerAbove(service, configure: { $0.routes[0].deadline = .seconds(20) }) { gateway in
            try await expectEqual(get(gateway, ["holdfast-timeout": "9000"]).status, 200)
            #expect(service.requests.map { $0.headers["holdfast-attempt"] } == [["1"], ["2"]])
            let left = service.requests.compactMap { $0.headers.first(name: "holdfast-timeout").flatMap(Int.init) }
            #expect(left.count == 2 && left[0] <= 9_000 && left[1] <= left[0] && left[1] > 0)
        }
    }

    @Test func `what a caller says is no longer than what the route allows`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withLayerAbove(service, configure: { $0.routes[0].deadline = .seconds(5) }) { gateway in
            _ = try await get(gateway, ["holdfast-timeout": "60000", "holdfast-attempt": "7"])
            let request = try #require(service.requests.first)
            #expect(request.headers["holdfast-attempt"] == ["1"])
            #expect(try #require(request.headers.first(name: "holdfast-timeout").flatMap(Int.init)) <= 5_000)
        }
    }

    @Test func `a layer above that makes the request again is left to it`() async throws {
        let service = try await TestService.start { _, _ in .status(.badGateway) }
        try await withLayerAbove(service, configure: { $0.services[0].breaker.trip = .consecutiveFailures(99) }) {
            gateway in
            try await expectEqual(get(gateway, ["holdfast-attempt": "2"]).status, 502)
            #expect(service.requests.count == 1)
            let answer = try await get(gateway)
            #expect(service.requests.count == 4)
            #expect(answer.headers.first(name: "holdfast-attempts") == "3")
        }
    }

    @Test func `what a layer below has given up on is not made again`() async throws {
        let service = try await TestService.start { _, _ in .answer(.badGateway, ["holdfast-attempts": "3"], []) }
        try await withLayerAbove(service) { gateway in
            try await expectEqual(get(gateway).status, 502)
            #expect(service.requests.count == 1)
        }
    }

    @Test func `a caller's own deadline says nothing about the service`() async throws {
        let service = try await TestService.start { _, _ in .hang }
        try await withLayerAbove(service, configure: { $0.services[0].breaker.trip = .consecutiveFailures(1) }) {
            gateway in
            let late = try await get(gateway, ["holdfast-timeout": "1"])
            #expect(late.problem == "deadline")
            service.reply { _, _ in .ok() }
            try await expectEqual(get(gateway).status, 200)
        }
    }

    @Test func `a stranger's lineage counts for nothing, whoever carries it`() async throws {
        let inside = try AddressRange("10.0.0.0/8")
        let lineage: HTTPHeaders = ["holdfast-timeout": "1", "holdfast-attempt": "2"]
        // A proxy in front is believed about addresses, and does not make its clients a layer above.
        let listeners: [(trusted: [AddressRange], from: [AddressRange], client: String?)] = [
            ([], [], nil), ([], [inside], nil), ([], [inside], "10.0.0.1"), (.loopback, [], nil),
            (.loopback, [inside], "192.0.2.1"), (.loopback, .loopback, "192.0.2.1"),
            (.loopback, .loopback, "unknown"), (.loopback + [inside], [inside], "192.0.2.1, 10.0.0.1"),
            (.loopback + [inside], [inside], "10.0.0.9, 192.0.2.1, 10.0.0.1"),
        ]
        for listener in listeners {
            let service = try await TestService.start { _, number in number == 1 ? .status(.badGateway) : .ok() }
            let configure = { (configuration: inout GatewayConfiguration) in
                configuration.listeners[0].trusted = listener.trusted
                configuration.listeners[0].lineageFrom = listener.from
            }
            try await withGateway(to: service, configure: configure) { gateway in
                var headers = lineage
                if let client = listener.client { headers.add(name: "x-forwarded-for", value: client) }
                // Tried again, although a layer above is said to do that, and not within a millisecond.
                try await expectEqual(get(gateway, headers).status, 200, "\(listener)")
                #expect(service.requests.map { $0.headers["holdfast-attempt"] } == [["1"], ["2"]])
                for request in service.requests {
                    #expect(request.headers.first(name: "holdfast-timeout").flatMap(Int.init) ?? 0 > 1_000)
                }
            }
        }
    }

    @Test func `a layer above is believed behind a proxy that is trusted`() async throws {
        let service = try await TestService.start { _, _ in .status(.badGateway) }
        let inside = try AddressRange("10.0.0.0/8")
        let configure = { (configuration: inout GatewayConfiguration) in
            configuration.listeners[0].trusted = .loopback
            configuration.listeners[0].lineageFrom = [inside]
        }
        try await withGateway(to: service, configure: configure) { gateway in
            let headers: HTTPHeaders = ["holdfast-attempt": "2", "x-forwarded-for": "10.1.2.3"]
            try await expectEqual(get(gateway, headers).status, 502)
            #expect(service.requests.count == 1)
        }
    }

    @Test(arguments: ["", "0", "-1", "1.5", "1e3", "99999999999", " 5", "+5"])
    func `a time that cannot be read is none`(value: String) {
        #expect(LineageFields.timeout(value) == nil)
    }

    @Test func `a traceparent is passed on as it is, and a malformed one is not`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withLayerAbove(service) { gateway in
            let valid = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            _ = try await get(gateway, ["traceparent": valid, "tracestate": "a=b"])
            _ = try await get(gateway, ["traceparent": "00-XYZ", "tracestate": "a=b"])
            #expect(service.requests[0].headers["traceparent"] == [valid])
            #expect(service.requests[0].headers["tracestate"] == ["a=b"])
            #expect(service.requests[1].headers["traceparent"].isEmpty)
            #expect(service.requests[1].headers["tracestate"].isEmpty)
        }
    }
}
#endif
