#if Gateway
import Holdfast
import HoldfastIdempotency
import HoldfastTesting
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import TestSupport
import Testing

@testable import HoldfastGateway

/// When a balancer is told that requests are wanted, and when not.
@Suite struct ReadinessTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func `stages come in one order, and none comes back`() {
        let readiness = Readiness()
        #expect(readiness.stage == .openingStore && !readiness.isReady)
        for stage in [Readiness.Stage.binding, .serving] { readiness.advance(to: stage) }
        #expect(readiness.isReady)
        readiness.advance(to: .draining)
        for stage in Readiness.Stage.allCases { readiness.advance(to: stage) }
        #expect(readiness.stage == .draining && !readiness.isReady)
        #expect(Set(Readiness.Stage.allCases.map(\.words)).count == Readiness.Stage.allCases.count)
    }

    private func answer(_ path: String, _ port: Int, headers: HTTPHeaders = [:]) async throws -> TestClient.Answer {
        while true {
            do { return try await TestClient.send(.GET, path, to: port, headers: headers) } catch is IOError {
                // Nobody listens yet.
            } catch is NIOConnectionError {}
            await Task.yield()
        }
    }

    @Test(arguments: [nil, "a-token-of-twenty-eight-bytes"])
    func `a gateway is not ready until its store has answered, and says so before that`(token: String?) async throws {
        let service = try await TestService.start { _, _ in .ok() }
        var configuration = patientConfiguration(to: [service])
        let held = HeldPort()
        configuration.admin.address = .init(host: "127.0.0.1", port: held.port)
        configuration.admin.token = token
        let (clock, logger) = (ManualClock(), logger)
        let opened = MultiThreadedEventLoopGroup.singleton.any().makePromise(of: Void.self)
        let starting = Task { [configuration] in
            try await Gateway.start(
                configuration,
                openingStore: {
                    try await opened.futureResult.get()
                    return MemoryStore()
                }, clock: clock, logger: logger)
        }
        let admin = configuration.admin.address.port
        let waiting = try await answer("/ready", admin)
        #expect(waiting.status == 503 && waiting.text == "not ready: the store has not answered yet\n")
        try await expectEqual(answer("/health", admin).status, 200)
        let metrics = try await answer("/metrics", admin)
        #expect(metrics.status == 503 && metrics.headers.first(name: "retry-after") == "1")
        opened.succeed()
        let gateway = try await starting.value
        let ready = try await answer("/ready", admin)
        #expect(ready.status == 200 && ready.text == "ready\n")
        try await expectEqual(answer("/metrics", admin).status, token == nil ? 200 : 401)
        let head = try await TestClient.send(.HEAD, "/ready", to: admin)
        #expect(head.status == 200)
        await gateway.stop()
        await service.stop()
        withExtendedLifetime(held) {}
    }

    @Test func `a store that cannot be opened ends the start, and the control plane with it`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        var configuration = patientConfiguration(to: [service])
        let held = HeldPort()
        let port = held.port
        configuration.admin.address = .init(host: "127.0.0.1", port: port)
        await #expect(throws: ClaimStoreError.self) {
            _ = try await Gateway.start(
                configuration, openingStore: { throw ClaimStoreError(.unusable, "away") }, logger: logger)
        }
        // The address is free again.
        let gateway = try await Gateway.start(configuration, store: MemoryStore(), logger: logger)
        try await expectEqual(answer("/ready", port).status, 200)
        await gateway.stop()
        await service.stop()
        withExtendedLifetime(held) {}
    }

    @Test func `a gateway that is to end is not ready at once, and serves as before until its delay is over`()
        async throws
    {
        let service = try await TestService.start { _, _ in .ok() }
        var configuration = patientConfiguration(to: [service])
        configuration.drainDelay = .seconds(20)
        let clock = ManualClock()
        let gateway = try await Gateway.start(configuration, store: MemoryStore(), clock: clock, logger: logger)
        let (port, admin) = (gateway.address.port, gateway.adminAddress.port)
        let group = ServiceGroup(configuration: .init(services: [gateway], logger: logger))
        let running = Task { try await group.run() }
        try await expectEqual(answer("/ready", admin).text, "ready\n")
        // One that is open when it begins is served as well.
        // One thread at a time has it.
        nonisolated(unsafe) let kept = KeepAliveClient(port: port, keepsAlive: true)
        _ = try await offPool { try kept.get() }
        await group.triggerGracefulShutdown()
        try await clock.sleepers(1, for: Gateway.drainDelay)
        let draining = try await answer("/ready", admin)
        #expect(draining.status == 503 && draining.text.hasPrefix("not ready: draining"))
        try await expectEqual(answer("/health", admin).status, 200)
        let metrics = try await answer("/metrics", admin).text
        #expect(metrics.contains("holdfast_ready 0\n"))
        let new = try await answer("/", port)
        #expect(new.status == 200)
        let head = try await offPool { try kept.get() }
        #expect(head.hasPrefix("HTTP/1.1 200 ") && !head.lowercased().contains("connection: close"), "\(head)")
        clock.advance(by: .seconds(20))
        try await running.value
        await #expect(throws: (any Error).self) { _ = try await TestClient.send(.GET, "/", to: port) }
        await service.stop()
    }

    @Test func `without a delay draining begins at once`() async throws {
        let service = try await TestService.start { _, _ in .ok() }
        let gateway = try await Gateway.start(
            patientConfiguration(to: [service]), store: MemoryStore(), clock: ManualClock(), logger: logger)
        let group = ServiceGroup(configuration: .init(services: [gateway], logger: logger))
        let running = Task { try await group.run() }
        try await expectEqual(answer("/ready", gateway.adminAddress.port).status, 200)
        await group.triggerGracefulShutdown()
        try await running.value
        await service.stop()
    }

    @Test(arguments: [
        ("0s", Duration.zero), ("5s", .seconds(5)), ("1h", .seconds(3_600)),
    ])
    func `the delay is read from limits`(text: String, delay: Duration) throws {
        let configuration = try read("limits: {drainDelay: \(text)}\n" + ConfigurationFolder.least)
        #expect(configuration.drainDelay == delay)
        #expect(mistakes("limits: {drainDelay: 61m}\n" + ConfigurationFolder.least).count == 1)
    }
}
#endif
