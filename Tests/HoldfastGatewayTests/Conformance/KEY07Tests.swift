#if Gateway
import HoldfastGateway
import HoldfastHTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

/// The `Idempotency-Key` field to the letter, as ``Documentation/Conformance/KEY07.txt`` has it.
@Suite struct KEY07Tests {
    @Test func `a key is a quoted string, and the same without quotes`() async throws {
        let service = try await TestService.start { _, number in .ok("\(number)") }
        try await withGateway(to: service) { gateway in
            // KEY07-2.1-1, KEY07-2.6-1, KEY07-2.6-2; parameters say nothing here (RFC 9651, section 3.3).
            for key in [#""8e03978e-40d5""#, "8e03978e-40d5", #""8e03978e-40d5";v=1"#] {
                let answer = try await gateway.post(key: key)
                #expect(answer.status == 200 && answer.text == "1", "\(key): \(answer.text)")
            }
            for key in ["\"open", "\"a\" b", "\"\"", "", "a, b", "\"a\";P=1", #""8e03978\e-40d5""#] {
                let answer = try await gateway.post(key: key)
                #expect(answer.status == 400, "\(key): \(answer.status)")
            }
            #expect(service.requests.count == 1)
        }
    }

    @Test func `a key is unique within its caller, method and path, and stands for one request`() async throws {
        let service = try await TestService.start { _, number in .ok("\(number)") }
        try await withGateway(to: service) { gateway in
            // KEY07-2.2-1, KEY07-2.2-2, KEY07-2.5.2-3, KEY07-2.7-2, KEY07-2.7-4
            try await expectEqual(gateway.post(key: "k").text, "1")
            for _ in 0..<2 {
                let other = try await gateway.post(key: "k", "amount=2")
                #expect(other.status == 422 && other.problem == "key-reused")
                #expect(other.headers.first(name: "content-type") == "application/problem+json")
            }
            try await expectEqual(gateway.post("/refunds", key: "k").text, "2")
            try await expectEqual(gateway.post(key: "k", authorization: "another").text, "3")
            try await expectEqual(gateway.post(key: "k").text, "1")
        }
    }

    @Test func `UUIDs may be demanded`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(
            to: service, configure: { $0.routes[0].idempotency.rules = KeyRules(form: .uuid) }
        ) { gateway in
            // KEY07-2.2-3
            try await expectEqual(gateway.post(key: "guessed").problem, "key-invalid")
            try await expectEqual(gateway.post(key: "\"8e03978e-40d5-43e8-bc93-6894a57f9324\"").status, 200)
        }
    }

    @Test func `an error is an outcome too`() async throws {
        let service = try await TestService.start { _, number in number == 1 ? .status(.forbidden) : .ok() }
        try await withGateway(to: service) { gateway in
            // KEY07-2.6-2
            for _ in 0..<2 { try await expectEqual(gateway.post(key: "k").status, 403) }
        }
    }

    @Test func `a request without a key that it needs is told so`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        try await withGateway(to: service, configure: { $0.routes[0].idempotency.keys = .required }) { gateway in
            // KEY07-2.7-1
            let answer = try await gateway.post(key: nil)
            #expect(answer.status == 400 && answer.problem == "key-missing")
            #expect(answer.headers.first(name: "content-type") == "application/problem+json")
            #expect(service.requests.isEmpty)
        }
    }

    @Test func `a repeat before the end is a conflict once it has waited`() async throws {
        let release = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(release.futureResult, Array("1".utf8)) }
        try await withGateway(to: service, configure: { $0.routes[0].idempotency.wait = .zero }) { gateway in
            async let first = gateway.post(key: "k")
            await service.requests(1)
            // KEY07-2.6-3, KEY07-2.7-3, RFC9110-15.5.10-1
            let repeated = try await gateway.post(key: "k")
            #expect(repeated.status == 409 && repeated.problem == "key-in-flight")
            #expect(repeated.text.contains("\"title\":\"A request with this Idempotency-Key is in flight\""))
            release.succeed()
            try await expectEqual(first.text, "1")
        }
    }
}
#endif
