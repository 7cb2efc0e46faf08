#if Gateway
import Holdfast
import TestSupport
import Testing

@testable import HoldfastGateway

/// Values of fields are bytes, with blanks around them that are no part of them, on their whole way through.
@Suite("Values on their way")
struct OpaqueValuesTests {
    private func withGateway(
        _ service: ScriptedService, _ configure: (inout RouteConfiguration) -> Void = { _ in },
        _ body: (RunningGateway) async throws -> Void
    ) async throws {
        try await HoldfastGatewayTests.withGateway(
            configure: { configuration in
                configuration.services[0].endpoints = [.init(address: .init(host: "127.0.0.1", port: service.port))]
                configure(&configuration.routes[0])
            }, body)
        await service.stop()
    }

    private func post(_ fields: [[UInt8]], to gateway: RunningGateway) async throws -> String {
        let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1\r\n"
        let bytes = Array(head.utf8) + fields.flatMap { $0 + Array("\r\n".utf8) } + Array("\r\nx".utf8)
        return String(decoding: try await TestClient.raw(bytes, to: gateway.port), as: UTF8.self)
    }

    // RFC9110-5.5-3, RFC9112-2.2-1
    @Test func `bytes beyond ASCII reach the service and the client as they are`() async throws {
        let value: [UInt8] = Array("attachment; filename=\"J".utf8) + [0xF6, 0xC3, 0xB6, 0xFF] + Array("rg\"".utf8)
        let service = try await ScriptedService.start { _ in
            .init(
                Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Disposition: ".utf8) + value
                    + Array("\r\n\r\n".utf8))
        }
        try await withGateway(service) { gateway in
            for key in [[], [Array("Idempotency-Key: k".utf8)]] {
                let field = Array("Content-Disposition: ".utf8) + value
                let fields = key.map { Array($0) } + [field]
                let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n"
                let request = Array(head.utf8) + fields.flatMap { $0 + Array("\r\n".utf8) } + Array("\r\n".utf8)
                for _ in 0..<2 {
                    let answer = try await TestClient.raw(request, to: gateway.port)
                    #expect(answer.firstRange(of: value) != nil)
                }
            }
            #expect(service.requests.count == 3)
            for request in service.requests { #expect(request.firstRange(of: value) != nil) }
        }
    }

    @Test func `callers that differ in one byte beyond ASCII are two`() async throws {
        let service = try await ScriptedService.start { number in
            .init("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(number)")
        }
        try await withGateway(service, { $0.caller = .fields(["x-user"]) }) { gateway in
            var answers: [String] = []
            for byte: UInt8 in [0xF6, 0xE4, 0xFF, 0xF6] {
                let user = Array("X-User: J".utf8) + [byte] + Array("rg".utf8)
                answers.append(String(try await post([user, Array("Idempotency-Key: k".utf8)], to: gateway).suffix(1)))
            }
            #expect(answers == ["1", "2", "3", "1"])
        }
    }

    // RFC9110-5.5-1
    @Test func `blanks behind a value make no other caller`() async throws {
        let service = try await ScriptedService.start { _ in .init("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
        let configure: (inout RouteConfiguration) -> Void = { $0.rateLimit = .init(requests: 1) }
        try await withGateway(service, configure) { gateway in
            var passed = 0
            for blanks in ["", " ", "  ", "\t", " \t "] {
                let text = try await post([Array("Authorization: Bearer t\(blanks)".utf8)], to: gateway)
                if text.hasPrefix("HTTP/1.1 200") { passed += 1 }
            }
            #expect(passed == 1)
        }
        let other = try await ScriptedService.start { _ in .init("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
        try await withGateway(other) { gateway in
            for blanks in ["", " ", "  ", "\t", " \t "] {
                let fields = ["Authorization: Bearer t\(blanks)", "Idempotency-Key: k\(blanks)"].map { Array($0.utf8) }
                let text = try await post(fields, to: gateway)
                #expect(text.hasPrefix("HTTP/1.1 200"))
            }
            #expect(other.requests.count == 1)
        }
    }

    @Test func `a service's blanks behind what frames its answer are none of its framing`() async throws {
        for framing in ["Content-Length: 2 \r\n\r\nok", "Transfer-Encoding: chunked \t\r\n\r\n2\r\nok\r\n0\r\n\r\n"] {
            let service = try await ScriptedService.start { _ in .init("HTTP/1.1 200 OK\r\n\(framing)") }
            try await withGateway(service) { gateway in try await expectEqual(gateway.get().text, "ok") }
        }
    }

    @Test(arguments: ["BAN", "REFRESH", "LIST", "M-SEARCH", "QUERY"])
    func `any token is a method, over HTTP/1`(method: String) async throws {
        let service = try await ScriptedService.start { _ in .init("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") }
        try await withGateway(service) { gateway in
            let text = try await TestClient.raw(
                "\(method) / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", to: gateway.port)
            #expect(text.hasPrefix("HTTP/1.1 200"))
            #expect(
                service.requests.first.map { String(decoding: $0, as: UTF8.self) }?.hasPrefix("\(method) /") == true)
        }
    }
}
#endif
