#if Gateway
import Foundation
import HoldfastGateway
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// A small payments service that can be told to fail, to hang, or to be slow.
final class PaymentsService: Sendable {
    private let ledger: Ledger
    private let server: HTTPServer

    private init(ledger: Ledger, server: HTTPServer) {
        self.ledger = ledger
        self.server = server
    }

    var address: GatewayConfiguration.Address { server.address }
    var charges: Int { ledger.charges }
    var mode: DemoControls.Mode { ledger.mode }

    func setMode(_ mode: DemoControls.Mode) { ledger.setMode(mode) }

    static func start(logger: Logger) async throws -> PaymentsService {
        let ledger = Ledger()
        let router = Router()
        router.add(middleware: MoodMiddleware(ledger: ledger))
        router.get("/ping") { _, _ in try json(["pong": true]) }
        router.get("/charges") { _, _ in try json(["charges": ledger.charges]) }
        router.post("/charges") { request, _ in
            let body = try await request.body.collect(upTo: 1 << 20)
            let number = ledger.charge()
            return try json(
                Receipt(id: "ch_\(number)", charge: String(buffer: body), charged: number), status: .created)
        }
        let server = try await HTTPServer.start(
            router, on: GatewayConfiguration.Address(host: "127.0.0.1", port: 0), logger: logger)
        return PaymentsService(ledger: ledger, server: server)
    }

    func stop() async {
        ledger.setMode(.ok)
        await server.stop()
    }

    private struct Receipt: Encodable {
        let id: String
        let charge: String
        let charged: Int
    }

    private static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: try encoder.encode(value) + Data("\n".utf8))))
    }
}

/// What was charged, how the service behaves, and who hangs until that changes.
final class Ledger: Sendable {
    private struct State {
        var mode = DemoControls.Mode.ok
        var charges = 0
        var hanging: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var mode: DemoControls.Mode { state.withLock { $0.mode } }
    var charges: Int { state.withLock { $0.charges } }

    func charge() -> Int {
        state.withLock { state in
            state.charges += 1
            return state.charges
        }
    }

    func setMode(_ mode: DemoControls.Mode) {
        let released = state.withLock { state in
            state.mode = mode
            defer { state.hanging = [] }
            return state.hanging
        }
        for caller in released { caller.resume() }
    }

    /// Returns when the mode is set the next time. At most 1,000 callers hang; the others return at once.
    func hang() async {
        await withCheckedContinuation { continuation in
            let hangs = state.withLock { state in
                guard state.mode == .hang, state.hanging.count < 1_000 else { return false }
                state.hanging.append(continuation)
                return true
            }
            if !hangs { continuation.resume() }
        }
    }
}

/// Behaves as the ledger's mode says, before a request is served.
struct MoodMiddleware: RouterMiddleware {
    let ledger: Ledger

    @concurrent func handle(
        _ request: Request, context: BasicRequestContext,
        next: @concurrent (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        switch ledger.mode {
        case .ok: break
        case .fail: throw HTTPError(.serviceUnavailable, message: "the demonstration service was told to fail")
        case .slow: try await Task.sleep(for: .seconds(1))
        case .hang: await ledger.hang()
        }
        return try await next(request, context)
    }
}
#endif
