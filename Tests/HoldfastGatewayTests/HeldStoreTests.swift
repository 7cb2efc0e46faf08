#if Gateway
import Holdfast
import HoldfastGateway
import HoldfastIdempotency
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import TestSupport
import Testing

/// What a client is told while the store does not answer: neither refuses, nor says anything.
@Suite(.timeLimit(.minutes(1))) struct HeldStoreTests {
    private let store = HeldStore()

    /// Believes whoever is on this machine about the time that is left.
    private func withGateway(
        to service: TestService, store: HeldStore,
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        configure: (inout GatewayConfiguration) -> Void = { _ in },
        idempotency: IdempotencyConfiguration = IdempotencyConfiguration(),
        _ body: (RunningGateway) async throws -> Void
    ) async throws {
        let believing = { (configuration: inout GatewayConfiguration) in
            configuration.listeners[0].lineageFrom = .loopback
            configure(&configuration)
        }
        try await HoldfastGatewayTests.withGateway(
            to: service, store: store, logger: logger, configure: believing, idempotency: idempotency, body)
    }

    /// A request whose caller waits no longer than this.
    private func post(within milliseconds: Int, _ running: RunningGateway) async throws -> TestClient.Answer {
        try await TestClient.send(
            .POST, "/charges", to: running.port,
            headers: ["idempotency-key": "k", "holdfast-timeout": "\(milliseconds)"], body: Array("amount=1".utf8))
    }

    private func rejections(_ reason: String, _ running: RunningGateway) async throws -> String? {
        let text = try await TestClient.send(.GET, "/metrics", to: running.admin).text
        return text.split(separator: "\n").first {
            $0.hasPrefix("holdfast_rejections_total") && $0.contains("\"\(reason)\"")
        }.map { String($0.suffix(1)) }
    }

    private func quickly(_ recordingTime: Duration) -> IdempotencyConfiguration {
        var configuration = IdempotencyConfiguration()
        configuration.recordingTime = recordingTime
        return configuration
    }

    @Test func `who is not granted a claim in time is told of the store, and what it grants later is given back`()
        async throws
    {
        let service = try await TestService.start { _, _ in .ok("charged") }
        let told = Told()
        try await withGateway(to: service, store: store, logger: Logger(label: "test") { _ in told }) { gateway in
            store.hold(\.isClaim)
            let refused = try await post(within: 50, gateway)
            #expect(refused.status == 503 && refused.problem == "store-unavailable")
            #expect(refused.headers.first(name: "retry-after") == "1")
            #expect(refused.text.contains("nothing was executed: the store has not answered in time"))
            let messages = told.messages.list.withLock { $0 }
            #expect(messages.count { $0.hasPrefix("the idempotency store did not answer") } == 1, "\(messages)")
            try await expectEqual(rejections("store-unavailable", gateway), "1")
            store.letGo()
            try await expectEqual(gateway.post(key: "k").text, "charged")
            #expect(service.requests.count == 1)
        }
    }

    @Test func `who waits for one that asks the store is told of that one while it is there`() async throws {
        let service = try await TestService.start { _, _ in .ok("charged") }
        try await withGateway(
            to: service, store: store, configure: { $0.routes[0].idempotency.wait = .milliseconds(20) }
        ) { gateway in
            store.hold(\.isClaim)
            async let first = gateway.post(key: "k")
            while store.firstClaimed == nil { await Task.yield() }
            try await expectEqual(gateway.post(key: "k").problem, "key-in-flight")
            store.letGo()
            try await expectEqual(first.text, "charged")
        }
    }

    @Test func `who waits for another at the same gateway is told of it`() async throws {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(gate.futureResult, [9]) }
        try await withGateway(to: service, store: store) { gateway in
            async let first = gateway.post(key: "k")
            await service.requests(1)
            try await expectEqual(post(within: 50, gateway).problem, "key-in-flight")
            gate.succeed()
            try await expectEqual(first.body, [9])
        }
    }

    @Test func `who waits for another gateway's is told of it, though the store does not answer any more`()
        async throws
    {
        let gate = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let service = try await TestService.start { _, _ in .held(gate.futureResult, [9]) }
        let other = try await TestService.start { _, _ in .ok("never") }
        try await withGateway(to: service, store: store) { gateway in
            async let first = gateway.post(key: "k")
            await service.requests(1)
            try await withGateway(to: other, store: store) { elsewhere in
                try await expectEqual(post(within: 2_500, elsewhere).problem, "key-in-flight")
            }
            #expect(other.requests.isEmpty)
            gate.succeed()
            try await expectEqual(first.body, [9])
        }
    }

    @Test(arguments: [(3, "200"), (1_500_000, "response-not-kept")])
    func `an outcome that is not durable in time is not told as one, and is recorded all the same`(
        bytes: Int, repeated: String
    ) async throws {
        let service = try await TestService.start { _, _ in .answer(.ok, [:], [UInt8](repeating: 5, count: bytes)) }
        try await withGateway(to: service, store: store, idempotency: quickly(.milliseconds(20))) { gateway in
            store.hold { !$0.isClaim }
            let answer = try await gateway.post(key: "k")
            #expect(answer.status == 409 && answer.problem == "outcome-unknown")
            try await expectEqual(rejections("outcome-unknown", gateway), "1")
            store.letGo()
            let replay = try await gateway.post(key: "k")
            #expect((replay.problem ?? "\(replay.status)") == repeated)
            #expect(service.requests.count == 1)
        }
    }

    @Test(arguments: [(TestService.Reply.status(.tooManyRequests), 429), (.reset, 502)])
    func `what was no success is told when its record takes too long`(
        reply: TestService.Reply, status: Int
    ) async throws {
        let service = try await TestService.start { _, _ in reply }
        try await withGateway(to: service, store: store, idempotency: quickly(.milliseconds(20))) { gateway in
            store.hold { !$0.isClaim }
            try await expectEqual(gateway.post(key: "k").status, status)
            store.letGo()
        }
    }

    @Test func `where the service is asked, a store that does not answer leaves the outcome unknown`() async throws {
        let service = try await TestService.start { request, _ in request.method == .GET ? .ok("charged") : .reset }
        var probe = RouteConfiguration.Idempotency.Probe(path: try ProbePath("/by-key/{key}"))
        probe.settle = .zero
        let asked = probe
        try await withGateway(
            to: service, store: store,
            configure: {
                $0.routes[0].idempotency.unknown = .probe
                $0.routes[0].idempotency.probe = asked
            }, idempotency: quickly(.milliseconds(20))
        ) { gateway in
            try await expectEqual(gateway.post(key: "k").status, 502)
            let key = store.firstClaimed
            // The turn to ask is a claim of another record.
            store.hold { $0.isClaim && $0.id != key }
            try await expectEqual(post(within: 2_500, gateway).problem, "outcome-unknown")
            store.letGo()
            store.hold { !$0.isClaim && $0.id == key }
            var late = try await gateway.post(key: "k")
            // The turn that was given up may still be on its way back. Until then, nobody is asked.
            for _ in 0..<20 where late.text.contains("the turn to ask") || late.text.contains("is being asked") {
                late = try await gateway.post(key: "k")
            }
            #expect(
                late.problem == "outcome-unknown" && late.text.contains("the store did not record that"), "\(late.text)"
            )
            store.letGo()
            try await expectEqual(gateway.post(key: "k").text, "charged")
            #expect(service.requests.map(\.method) == [.POST, .GET])
        }
    }
}
#endif
