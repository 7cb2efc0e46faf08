#if Gateway
import Holdfast
import HoldfastGateway
import NIOHPACK
import NIOHTTP1
import NIOHTTP2
import TestSupport
import Testing

@Suite struct RouteReadingTests {
    /// Routes that are called by their paths, each with the service `one`, in the order given.
    private func withRoutes(
        _ paths: [String], shadow: Set<String> = [], _ body: (RunningGateway, TestService) async throws -> Void
    ) async throws {
        let service = try await TestService.start { request, _ in .ok(request.uri) }
        let routes = try paths.map { path in
            var route = RouteConfiguration(name: path, service: "service")
            route.match.path = try PathPattern(path)
            route.isShadow = shadow.contains(path)
            return route
        }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.services[0].name = "service"
                configuration.routes = routes
            }
        ) { try await body($0, service) }
    }

    @Test(arguments: [
        // Express looks at no case, and leaves %2F in its segment.
        ("/Files/a%2Fb", 400), ("/files/a%2Fb", 400), ("/files/a", 200), ("/Files/a", 400), ("/files/A", 200),
        // Flask and nginx take it for a slash.
        ("/files%2Fa", 400), ("/x%2Fy", 200), ("/x/Y%3B;z", 200), ("//x", 200), ("//x/files/a", 400), ("/%5Cx", 200),
        // A service decodes once, and not twice.
        ("/files%2Fa%252Fb", 400), ("/a;b%2Fc", 400), ("/a%2Fb%5Cc%3Fd", 400), ("/a;b=c/d", 200), ("/files;a/b", 400),
        ("/x/files/a", 200), ("/up", 400), ("/Up", 200), ("/UP", 400), ("/Up/", 200), ("/up/a", 400),
        ("/Up/a%2Fb", 200),
        ("/é", 400), ("/%C3%A9", 200), ("/x%20y/z", 200), ("/files%20/a", 400), ("/files/%20", 200), ("/100%25", 200),
    ])
    func `a path that is one route's as it is spelled and another's as it may be read is refused`(
        path: String, status: Int
    ) async throws {
        try await withRoutes(["/files/{name}", "/Up/*", "/*"]) { gateway, service in
            let text = try await TestClient.raw(
                "GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(path): \(text)")
            #expect(service.requests.count == (status == 200 ? 1 : 0))
        }
    }

    @Test
    func `where one route takes all paths, or none enforces anything, none is refused for being read in two ways`()
        async throws
    {
        let paths = ["//a", "/A/", "/a;b%2Fc", "/a%2Fb%5Cc%3Fd", "/CHARGES"]
        try await withRoutes(["/*"]) { gateway, _ in
            for path in paths { try await expectEqual(gateway.get(path).text, path) }
        }
        try await withRoutes(["/charges", "/*"], shadow: ["/charges", "/*"]) { gateway, _ in
            for path in paths { try await expectEqual(gateway.get(path).text, path) }
        }
        try await withRoutes(["/charges", "/*"], shadow: ["/charges"]) { gateway, _ in
            try await expectEqual(gateway.get("/CHARGES").text, "/CHARGES")
        }
        try await withRoutes(["/charges", "/*"], shadow: ["/*"]) { gateway, _ in
            try await expectEqual(gateway.get("/CHARGES").status, 400)
        }
    }

    @Test func `what no route takes as it is spelled is told so, whatever it could be read as`() async throws {
        try await withRoutes(["/charges"]) { gateway, service in
            try await expectEqual(gateway.get("/CHARGES").problem, "no-route")
            try await expectEqual(gateway.get("/charges").status, 200)
            #expect(service.requests.count == 1)
        }
        // And what only a freer reading would leave without a route is refused.
        try await withRoutes(["/a/{b}"]) { gateway, service in
            try await expectEqual(gateway.get("/a/b%2Fc").problem, "bad-request")
            #expect(service.requests.isEmpty)
        }
    }

    @Test func `a host is told in one spelling, and in that of the target where it has one`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(
            to: service,
            configure: { configuration in
                configuration.routes.append(configuration.routes[0])
                configuration.routes[1].name = "rest"
                configuration.routes[0].match.host = "shop.example"
                configuration.routes[0].bodyLimit = 0
            }
        ) { gateway in
            let asked = [
                ("/", "shop.example", 413), ("/", "SHOP.example", 413), ("/", "shop.example.", 413),
                ("/", "shop.example:80", 413),
                ("/", "shop.example.:443", 413), ("http://shop.example/", "a", 413),
                ("http://SHOP.EXAMPLE.:1/", "a", 413),
                ("http://a/", "shop.example", 200), ("/", "ashop.example", 200), ("/", "shop.example..", 400),
                ("/", "u@shop.example", 400), ("http://u:p@shop.example/", "a", 400), ("/", "shop.example:x", 400),
                ("/", "shop.example/", 400), ("/", "shop .example", 400), ("/", "a,shop.example", 400), ("/", "", 400),
                ("/", "sh%6fp.example", 400), ("http://a/", "u@shop.example", 400), ("/", "[::1].shop.example", 400),
            ]
            for (target, host, status) in asked {
                let text = try await TestClient.raw(
                    "POST \(target) HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
                    to: gateway.port)
                #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(target) of \(host): \(text.prefix(30))")
            }
            let seen = service.requests.map { ($0.headers["host"], $0.headers["x-forwarded-host"], $0.uri) }
            #expect(seen.map(\.0) == [["a"], ["ashop.example"]] && seen.map(\.1) == seen.map(\.0))
            #expect(seen.map(\.2) == ["/", "/"])
        }
    }

    @Test func `a host is the same over HTTP 2`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service) { gateway in
            let client = try await HTTP2Client.connect(to: gateway.port)
            for (authority, host, isTaken) in [
                ("a", nil, true), ("A.", nil, true), ("a:80", "A:80", true), ("a:80", "a", true), ("a", "a.:80", true),
                ("a:81", "a", false), ("[::1]:80", nil, true), (nil, "a", true),
                ("u@a", nil, false), ("a,b", nil, false), ("a b", nil, false), ("%61", nil, false), ("a..", nil, false),
                ("a", "b", false), (nil, "u@a", false), (nil, nil, false), ("a:x", nil, false), ("a/b", nil, false),
            ] as [(String?, String?, Bool)] {
                var fields = HTTP2Client.fields("GET", "/")
                fields.remove(name: ":authority")
                if let authority {
                    fields = HPACKHeaders([(":authority", authority)] + fields.map { ($0.name, $0.value) })
                }
                if let host { fields.add(name: "host", value: host) }
                let answer = try await client.open(fields, isLast: true).answer()
                #expect((answer.status == 200) == isTaken, "\(authority ?? "-") \(host ?? "-")")
                #expect(isTaken || answer.status == 400 || answer.reset == .protocolError)
            }
            await client.close()
        }
    }

    @Test func `a field that stands twice chooses no route`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.routes[0].match.fields = ["x-tier": "gold"] }) { gateway in
            for (values, status) in [
                (["gold"], 200), (["gold", "gold"], 200), (["gold", "free"], 400), (["free", "gold"], 400),
                (["free"], 404),
            ] {
                let headers = HTTPHeaders(values.map { ("x-tier", $0) })
                let answer = try await TestClient.send(.GET, "/", to: gateway.port, headers: headers)
                #expect(answer.status == status, "\(values)")
            }
        }
    }
}
#endif
