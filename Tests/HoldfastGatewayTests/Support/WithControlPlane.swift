#if Gateway
import Foundation
import Holdfast
import HoldfastIdempotency
import HoldfastTesting
import Logging
import NIOHTTP1

@testable import HoldfastGateway

/// A control plane alone, which shows what a test has put into it.
struct RunningControlPlane: Sendable {
    let port: Int
    let clock: ManualClock
    let observer: Observer

    func get(_ uri: String, headers: HTTPHeaders = [:]) async throws -> TestClient.Answer {
        try await TestClient.send(.GET, uri, to: port, headers: headers)
    }

    func post(_ uri: String, _ body: String = "", headers: HTTPHeaders = [:]) async throws -> TestClient.Answer {
        try await TestClient.send(.POST, uri, to: port, headers: headers, body: Array(body.utf8))
    }
}

/// Starts a control plane on a port of its own, runs the body, and stops it.
func withControlPlane(
    token: String? = nil, observer: Observer = Observer(accessLog: nil, sample: 0), logger: Logger? = nil,
    metrics: @escaping @Sendable () -> MetricsSnapshot = { MetricsSnapshot() },
    _ body: (RunningControlPlane) async throws -> Void
) async throws {
    let clock = ManualClock()
    let store = MemoryStore()
    var admin = AdminConfiguration()
    admin.address = .init(host: "127.0.0.1", port: 0)
    admin.token = token
    let sources = ControlPlaneSources(
        admin: admin, logger: logger ?? Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, clock: clock,
        engine: try IdempotencyEngine(store: store), secret: try await store.secret(), transitions: TransitionLog(),
        observer: observer,
        state: { uptime in
            GatewayState(
                version: GatewayVersion.current, uptimeSeconds: uptime.inSeconds, services: [], routes: [],
                budget: .init(balance: 0, refused: 0), claims: .init(inFlight: 0, waiting: 0),
                requests: .init(total: 0, inFlight: 0, retries: 0, claims: 0, replays: 0, rejections: [:]),
                store: nil, demo: nil)
        }, words: { PlanWords(GatewayConfiguration(upstreams: [], threads: 1)) }, metrics: metrics)
    let plane = try await ControlPlane.start(sources)
    do {
        try await body(RunningControlPlane(port: plane.address.port, clock: clock, observer: observer))
    } catch {
        await plane.stop()
        throw error
    }
    await plane.stop()
}

/// A JSON object.
func object(_ bytes: [UInt8]) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] ?? [:]
}
#endif
