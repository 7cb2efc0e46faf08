#if Gateway
import Holdfast
import HoldfastGateway
import NIOHTTP1
import TestSupport
import Testing

@Suite struct RouteTests {
    /// Two services, which answer with their names.
    private func withTwo(
        _ routes: [RouteConfiguration], _ body: (RunningGateway) async throws -> Void
    ) async throws {
        let one = try await TestService.start { _, _ in .ok("one") }
        let two = try await TestService.start { _, _ in .ok("two") }
        try await withGateway(
            to: one, two,
            configure: { configuration in
                let endpoints = configuration.services[0].endpoints
                configuration.services = ["one", "two"].enumerated().map { number, name in
                    ServiceConfiguration(name: name, endpoints: [endpoints[number]])
                }
                configuration.routes = routes
            }, body)
    }

    private func route(
        _ name: String, to service: String, _ match: (inout RouteConfiguration.Match) throws -> Void
    ) rethrows -> RouteConfiguration {
        var route = RouteConfiguration(name: name, service: service)
        try match(&route.match)
        return route
    }

    @Test func `the first route that matches counts`() async throws {
        let routes = try [
            route("item", to: "one") { $0.path = try PathPattern("/items/{id}") },
            route("items", to: "two") { $0.path = try PathPattern("/items/*") },
            route("rest", to: "one") { _ in },
        ]
        try await withTwo(routes) { gateway in
            try await expectEqual(gateway.get("/items/1").text, "one")
            try await expectEqual(gateway.get("/items/1?a=/b").text, "one")
            try await expectEqual(gateway.get("/items/1/parts").text, "two")
            try await expectEqual(gateway.get("/items").text, "two")
            try await expectEqual(gateway.get("/other").text, "one")
        }
    }

    @Test func `a route asks for a host, a method and fields`() async throws {
        let routes = [
            route("host", to: "one") { $0.host = "api.example.com" },
            route("below", to: "one") { $0.host = "*.example.org" },
            route("method", to: "one") { $0.methods = ["PUT", "DELETE"] },
            route("field", to: "one") { $0.fields = ["x-version": "2", "x-debug": nil] },
            route("rest", to: "two") { _ in },
        ]
        try await withTwo(routes) { gateway in
            let asked: [(HTTPMethod, HTTPHeaders, String)] = [
                (.GET, ["host": "API.example.com:8443"], "one"), (.GET, ["host": "a.example.org"], "one"),
                (.GET, ["host": "example.org"], "two"), (.GET, ["host": "aexample.org"], "two"),
                (.PUT, [:], "one"), (.GET, ["x-version": "2"], "two"),
                (.GET, ["x-version": "2", "x-debug": ""], "one"),
                (.GET, ["x-version": "3", "x-debug": "1"], "two"),
            ]
            for (method, headers, service) in asked {
                let answer = try await TestClient.send(method, "/", to: gateway.port, headers: headers)
                #expect(answer.text == service, "\(method) \(headers)")
            }
        }
    }

    @Test func `what no route takes is told so and sent nowhere`() async throws {
        try await withTwo([try route("items", to: "one") { $0.path = try PathPattern("/items") }]) { gateway in
            let answer = try await gateway.get("/charges")
            #expect(answer.status == 404)
            #expect(answer.problem == "no-route")
        }
    }

    @Test(arguments: ["/items/../charges", "/items/%2e%2E/charges", "/./items", "/items/.%2e", "/.."])
    func `a path that readers resolve differently is refused`(path: String) async throws {
        try await withTwo([route("rest", to: "one") { _ in }]) { gateway in
            try await expectEqual(gateway.get(path).problem, "bad-request")
            try await expectEqual(gateway.get("/a.b/..c/c%2ed").status, 200)
        }
    }

    @Test func `a body beyond the route's limit is refused, announced or not`() async throws {
        var limited = RouteConfiguration(name: "limited", service: "one")
        limited.bodyLimit = 1_000
        try await withTwo([limited]) { gateway in
            let large = [UInt8](repeating: 7, count: 1_001)
            let announced = try await TestClient.send(.PUT, "/", to: gateway.port, body: large)
            #expect(announced.status == 413 && announced.problem == "body-too-large")
            try await expectEqual(TestClient.send(.PUT, "/", to: gateway.port, body: large.dropLast()).status, 200)
            let chunked = try await TestClient.raw(
                "PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + "3e9\r\n\(String(repeating: "x", count: 1_001))\r\n0\r\n\r\n", to: gateway.port)
            #expect(chunked.hasPrefix("HTTP/1.1 413"), "\(chunked)")
        }
    }
}
#endif
