#if Gateway
import Foundation
import Holdfast
import NIOHPACK
import NIOHTTP1
import TestSupport
import Testing

@testable import HoldfastGateway

/// What a request is called: to the service, to the client, and by hops in front.
@Suite struct RequestIDTests {
    private static let field = "x-request-id"

    private func withService(
        trusts: Bool = false, names: Bool = true,
        _ reply: @escaping @Sendable (TestService.Request, Int) -> TestService.Reply = { _, _ in .ok() },
        configure: (inout GatewayConfiguration) -> Void = { _ in },
        _ body: (RunningGateway, TestService) async throws -> Void
    ) async throws {
        let service = try await TestService.start(reply)
        let configure = { (configuration: inout GatewayConfiguration) in
            if trusts { configuration.listeners[0].trusted = .loopback }
            configuration.requestID = names
            configure(&configuration)
        }
        try await withGateway(to: service, configure: configure) { try await body($0, service) }
    }

    private func isDrawn(_ text: String?) -> Bool {
        text?.utf8.count == 32
            && text?.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) } == true
    }

    @Test func `a request has one name: at each attempt, in its answer, in its problem and in its explanation`()
        async throws
    {
        try await withService({ _, _ in .status(.serviceUnavailable) }) { gateway, service in
            let answer = try await gateway.get()
            let seen = service.requests.map { $0.headers[Self.field] }
            #expect(seen.count > 1 && Set(seen).count == 1 && seen[0].count == 1)
            let name = try #require(seen.first?.first)
            #expect(isDrawn(name))
            #expect(answer.headers[Self.field] == [name] && answer.headers["holdfast-request-id"] == [name])
            try await expectEqual(gateway.explained(answer)["id"] as? String, name)
            // Its breaker is open now, so the gateway answers.
            let rejected = try await gateway.get()
            #expect(rejected.problem == "circuit-open")
            let own = try #require(rejected.headers.first(name: Self.field))
            #expect(own != name && rejected.text.contains("\"request\":\"\(own)\""), "\(rejected.text)")
        }
    }

    @Test func `a plain answer has its request's name, over both HTTPs`() async throws {
        try await withService { gateway, service in
            let first = try await gateway.get()
            let client = try await HTTP2Client.connect(to: gateway.port)
            let second = try await client.send("GET", "/", [])
            await client.close()
            let names = service.requests.map { $0.headers.first(name: Self.field) }
            #expect(names == [first.headers.first(name: Self.field), second.fields.first(name: Self.field)])
            #expect(Set(names).count == 2 && names.allSatisfy(isDrawn))
            // There is nothing to explain.
            #expect(!first.headers.contains(name: "holdfast-request-id"))
        }
    }

    @Test(arguments: ["x-request-id", "X-Request-Id", "X_Request_Id", "x-request_id"])
    func `a stranger names no request`(field: String) async throws {
        try await withService { gateway, service in
            let answer = try await TestClient.send(
                .GET, "/", to: gateway.port, headers: [field: "chosen", "x-kept": "1"])
            let client = try await HTTP2Client.connect(to: gateway.port)
            _ = try await client.send("GET", "/", [(field.lowercased(), "chosen"), ("x-kept", "1")])
            await client.close()
            #expect(service.requests.count == 2)
            for request in service.requests {
                #expect(request.headers.filter { $0.name.meansRequestID }.count == 1)
                #expect(isDrawn(request.headers.first(name: Self.field)) && request.headers["x-kept"] == ["1"])
            }
            #expect(answer.headers.first(name: Self.field) == service.requests.first?.headers.first(name: Self.field))
        }
    }

    @Test(arguments: ["chosen", "7b1f3f0e-2c5d-4b8e-9a55-0c5d3c1f2a77", "0123456789abcdef0123456789abcdef"])
    func `a hop that is trusted names the request`(name: String) async throws {
        try await withService(trusts: true, { _, number in number == 1 ? .status(.serviceUnavailable) : .ok() }) {
            gateway, service in
            // Whoever sends it may not have it withheld.
            let headers: HTTPHeaders = ["X-Request-ID": name, "connection": "x-request-id"]
            let answer = try await TestClient.send(.GET, "/", to: gateway.port, headers: headers)
            #expect(service.requests.map { $0.headers[Self.field] } == [[name], [name]])
            #expect(answer.headers[Self.field] == [name])
            try await expectEqual(gateway.explained(answer)["id"] as? String, name)
        }
    }

    @Test(arguments: [
        [("x-request-id", "a b")], [("x-request-id", "a;b")], [("x-request-id", "")],
        [("x-request-id", String(repeating: "a", count: 129))], [("x-request-id", "a"), ("x-request-id", "a")],
        [("x-request-id", "a"), ("x_request_id", "a")], [("x_request_id", "a")], [("x-request-id", "\u{e9}")],
    ])
    func `what is no name, or more than one, is replaced`(fields: [(String, String)]) async throws {
        try await withService(trusts: true) { gateway, service in
            _ = try await TestClient.send(.GET, "/", to: gateway.port, headers: HTTPHeaders(fields))
            let seen = try #require(service.requests.first).headers.filter { $0.name.meansRequestID }
            #expect(seen.count == 1 && isDrawn(seen.first?.value), "\(seen)")
        }
    }

    @Test func `nothing is decided by a name that is not believed`() async throws {
        try await withService(configure: { $0.routes[0].idempotency.fingerprintFields = [Self.field] }) {
            gateway, service in
            func post(_ name: String) async throws -> TestClient.Answer {
                try await TestClient.send(
                    .POST, "/charges", to: gateway.port, headers: ["idempotency-key": "k", Self.field: name])
            }
            try await expectEqual(post("a").status, 200)
            try await expectEqual(post("b").isReplay, true)
            #expect(service.requests.count == 1)
        }
    }

    @Test func `a service's own name for the request stands, at once and in a replay`() async throws {
        try await withService({ _, _ in .answer(.ok, ["x-request-id": "theirs"], []) }) { gateway, _ in
            try await expectEqual(gateway.get().headers[Self.field], ["theirs"])
            try await expectEqual(gateway.post(key: "k").headers[Self.field], ["theirs"])
            let replay = try await gateway.post(key: "k")
            #expect(replay.isReplay && replay.headers[Self.field] == ["theirs"])
            #expect(isDrawn(replay.headers.first(name: "holdfast-request-id")))
        }
    }

    @Test func `what has no route has a name as well`() async throws {
        try await withService(configure: { $0.routes[0].match.methods = ["POST"] }) { gateway, _ in
            let answer = try await gateway.get("/other")
            let name = try #require(answer.headers.first(name: Self.field))
            #expect(answer.status == 404 && isDrawn(name) && answer.text.contains(name))
            #expect(!answer.headers.contains(name: "holdfast-request-id"))
        }
    }

    @Test func `where requests are not named, the field passes as any other`() async throws {
        try await withService(names: false, { _, number in number == 1 ? .status(.serviceUnavailable) : .ok() }) {
            gateway, service in
            let headers: HTTPHeaders = [Self.field: "any thing", "x_request_id": "2"]
            let answer = try await TestClient.send(.GET, "/", to: gateway.port, headers: headers)
            #expect(service.requests.map { $0.headers[Self.field] } == [["any thing"], ["any thing"]])
            #expect(service.requests[0].headers["x_request_id"] == ["2"])
            #expect(!answer.headers.contains(name: Self.field))
            // What there is to explain has a name all the same.
            try await expectEqual(gateway.explained(answer)["status"] as? Int, 200)
            _ = try await gateway.get()
            #expect(service.requests.last?.headers.contains(name: Self.field) == false)
        }
    }

    @Test func `of several requests with one name the latest is explained`() {
        let observer = Observer(accessLog: nil, sample: 0)
        for (time, status) in [(3, 503), (9, 502), (5, 504)] {
            observer.report(
                RequestReport(
                    id: RequestID(bits: 1), route: "r", service: "s", method: "GET", path: "/", status: status,
                    duration: .zero, outcome: .failed, time: Int64(time)))
        }
        #expect(observer.explanations[RequestID(bits: 1)]?.status == 502)
    }
}
#endif
