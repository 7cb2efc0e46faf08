#if Gateway
import Holdfast
import HoldfastGateway
import HoldfastTesting
import NIOCore
import NIOHTTP1
import NIOPosix
import TestSupport
import Testing

@Suite struct BreakerAndRetryTests {
    @Test func `three failures open the breaker and the service sees no more calls`() async throws {
        let service = try await TestService.start { _, _ in .status(.internalServerError) }
        try await withGateway(to: service) { gateway in
            for _ in 0..<3 { try await expectEqual(gateway.get().status, 500) }
            let rejected = try await gateway.get()
            #expect(rejected.status == 503)
            #expect(rejected.problem == "circuit-open")
            #expect(rejected.headers.first(name: "retry-after") == "5")
            #expect(rejected.headers.first(name: "content-type") == "application/problem+json")
            #expect(rejected.text.contains("\"threshold\":3"))
            #expect(service.requests.count == 3)
        }
    }

    @Test func `exactly one probe goes through however many wait`() async throws {
        let service = try await TestService.start { _, _ in .status(.internalServerError) }
        try await withGateway(to: service, configure: { $0.threads = 2 }) { gateway in
            for _ in 0..<3 { _ = try await gateway.get() }
            let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
            service.reply { _, _ in .held(gate.futureResult, Array("well".utf8)) }
            gateway.clock.advance(by: .seconds(5))
            async let probe = gateway.get()
            await service.requests(4)
            for _ in 0..<20 { try await expectEqual(gateway.get().problem, "circuit-open") }
            #expect(service.requests.count == 4)
            gate.succeed()
            try await expectEqual(probe.text, "well")
            try await expectEqual(gateway.get().status, 200)
        }
    }

    @Test func `a probe that fails reopens`() async throws {
        let service = try await TestService.start { _, _ in .status(.internalServerError) }
        try await withGateway(to: service) { gateway in
            for _ in 0..<3 { _ = try await gateway.get() }
            gateway.clock.advance(by: .seconds(5))
            try await expectEqual(gateway.get().status, 500)
            try await expectEqual(gateway.get().problem, "circuit-open")
            #expect(service.requests.count == 4)
        }
    }

    @Test func `a method that is not implemented is no failure`() async throws {
        let service = try await TestService.start { _, _ in .status(.notImplemented) }
        try await withGateway(to: service) { gateway in
            for _ in 0..<5 { try await expectEqual(gateway.get().status, 501) }
        }
    }

    @Test func `a get that meets a 503 is retried`() async throws {
        let service = try await TestService.start { _, number in number < 3 ? .status(.serviceUnavailable) : .ok() }
        try await withGateway(to: service) { gateway in
            try await expectEqual(gateway.get().text, "ok")
            #expect(service.requests.count == 3)
        }
    }

    @Test func `a get that meets a reset is retried and a post is not`() async throws {
        let service = try await TestService.start { _, number in number % 2 == 1 ? .reset : .ok() }
        try await withGateway(to: service) { gateway in
            try await expectEqual(gateway.get().text, "ok")
            let post = try await gateway.post(key: nil)
            #expect(post.status == 502)
            #expect(post.problem == "upstream-reset")
            #expect(service.requests.count == 3)
        }
    }

    @Test func `a put is retried with its body`() async throws {
        let service = try await TestService.start { _, number in number == 1 ? .reset : .ok() }
        try await withGateway(to: service) { gateway in
            let body = [UInt8](repeating: 7, count: 200_000)
            try await expectEqual(TestClient.send(.PUT, "/", to: gateway.port, body: body).status, 200)
            #expect(service.requests.map(\.body) == [body, body])
        }
    }

    @Test func `a body beyond the limit is streamed and not repeatable`() async throws {
        let service = try await TestService.start { _, number in number == 1 ? .reset : .ok() }
        try await withGateway(to: service) { gateway in
            let body = [UInt8](repeating: 7, count: 2_000_000)
            try await expectEqual(TestClient.send(.PUT, "/", to: gateway.port, body: body).status, 502)
            #expect(service.requests.map(\.body.count) == [2_000_000])
        }
    }

    @Test func `a post that was not sent goes to another endpoint`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let gone = try await TestService.start { _, _ in .ok() }
        await gone.stop()
        let port = HeldPort(gone.port)
        defer { withExtendedLifetime(port) {} }
        try await withGateway(to: gone, service) { gateway in
            for _ in 0..<4 { try await expectEqual(gateway.post(key: nil).text, "ok") }
            #expect(service.requests.count == 4)
        }
    }

    @Test func `a service that hangs is given up after the attempt timeout`() async throws {
        let service = try await TestService.start { _, _ in .hang }
        try await withGateway(to: service, configure: { $0.routes[0].attemptTimeout = .milliseconds(300) }) { gateway in
            let post = try await gateway.post(key: nil)
            #expect(post.status == 504)
            #expect(post.problem == "deadline")
            #expect(service.requests.count == 1)
            try await expectEqual(gateway.get().status, 504)
            #expect(service.requests.count == 3, "the breaker opened on the third attempt, which stops the retry")
        }
    }

    @Test func `the timeout bounds all attempts together`() async throws {
        let service = try await TestService.start { _, _ in .hang }
        try await withGateway(
            to: service,
            configure: {
                $0.routes[0].deadline = .milliseconds(80); $0.routes[0].attemptTimeout = .seconds(20)
            }
        ) { gateway in
            try await expectEqual(gateway.get().status, 504)
            #expect(service.requests.count <= 1)
        }
    }

    @Test func `an answer that breaks off is not taken for whole`() async throws {
        let service = try await TestService.start { _, _ in .breakOff([1, 2, 3]) }
        try await withGateway(to: service) { gateway in
            await #expect(throws: (any Error).self) { _ = try await gateway.get() }
        }
    }
}
#endif
