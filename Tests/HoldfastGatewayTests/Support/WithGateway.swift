#if Gateway
import Holdfast
import HoldfastGateway
import HoldfastIdempotency
import HoldfastTesting
import Logging
import NIOHTTP1
import TestSupport
import Testing

/// A gateway in this process, in front of a service.
struct RunningGateway: Sendable {
    let gateway: Gateway
    let clock: ManualClock
    /// What it was started with.
    let configuration: GatewayConfiguration
    var port: Int { gateway.address.port }
    var admin: Int { gateway.adminAddress.port }

    func get(_ uri: String = "/") async throws -> TestClient.Answer { try await TestClient.send(.GET, uri, to: port) }

    func post(
        _ uri: String = "/charges", key: String?, _ body: String = "amount=1", authorization: String? = nil
    ) async throws -> TestClient.Answer {
        var headers = HTTPHeaders()
        if let key { headers.add(name: "idempotency-key", value: key) }
        if let authorization { headers.add(name: "authorization", value: authorization) }
        return try await TestClient.send(.POST, uri, to: port, headers: headers, body: Array(body.utf8))
    }

    /// What operators are told of a request, by its answer's id.
    func explained(_ answer: TestClient.Answer) async throws -> [String: Any] {
        let id = try #require(answer.headers.first(name: "holdfast-request-id"))
        return try object(try await TestClient.send(.GET, "/api/explain?id=\(id)", to: admin).body)
    }
}

extension [AddressRange] {
    /// This machine. Should it ever not be read, tests fail: nobody would be believed.
    static var loopback: [AddressRange] { (try? AddressRange("127.0.0.0/8")).map { [$0] } ?? [] }
}

/// A machine that is busy with all tests at once is not a slow client. Tests of limits set their own.
func patientConfiguration(to services: [TestService]) -> GatewayConfiguration {
    var configuration = GatewayConfiguration(
        upstreams: services.map { .init(host: "127.0.0.1", port: $0.port) }, threads: 1)
    configuration.listeners[0].address = .init(host: "127.0.0.1", port: 0)
    configuration.admin.address = .init(host: "127.0.0.1", port: 0)
    configuration.routes[0].retry.backoff = .constant(.zero)
    configuration.headerTimeout = .seconds(600)
    configuration.bodyRate = 0
    configuration.services[0].connectTimeout = .seconds(600)
    configuration.routes[0].attemptTimeout = .seconds(600)
    configuration.routes[0].deadline = .seconds(1_200)
    return configuration
}

/// Starts a gateway on ports of its own, runs the body, and stops it. The machines' clock is a manual one.
func withGateway(
    to services: TestService..., store: any ClaimStore = MemoryStore(),
    logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
    configure: (inout GatewayConfiguration) -> Void = { _ in },
    idempotency: IdempotencyConfiguration = IdempotencyConfiguration(),
    _ body: (RunningGateway) async throws -> Void
) async throws {
    var configuration = patientConfiguration(to: services)
    configure(&configuration)
    let clock = ManualClock()
    let gateway = try await Gateway.start(
        configuration, store: store, clock: clock, logger: logger, idempotency: idempotency)
    do {
        try await body(RunningGateway(gateway: gateway, clock: clock, configuration: configuration))
    } catch {
        await gateway.stop()
        throw error
    }
    await gateway.stop()
    for service in services { await service.stop() }
}
#endif
