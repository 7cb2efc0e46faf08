#if Gateway
import Foundation
import HTTPTypes
import Holdfast
import Hummingbird

/// What operators set at run time, and take back (``Overrides``):
///
/// | request | what it does |
/// |---|---|
/// | `GET /api/admin` | what is set, and the latest that was done (``OverrideList``) |
/// | `POST /api/admin/endpoints` | `drain`, `undrain`, `disable`, `enable` or `weight` an endpoint |
/// | `POST /api/admin/breakers` | `isolate`, `release` or `reset` a breaker: the service's own, or with `endpoint` that one's |
/// | `POST /api/admin/log` | sets the log's `level`, or has it `reset` to the configuration's |
///
/// Each takes an ``OverrideOrder`` and answers with the list as it is then: 400 for an order that is not as documented, 404
/// for what is not there, 409 where there is nothing to take back. Who asks is checked as for every other request: the
/// token or a session, and no other site's page (``AdminTokenMiddleware``, ``SameOriginMiddleware``).
struct OverridesAPI: Sendable {
    /// The most bytes of a body.
    static let bound = 16 << 10

    let overrides: Overrides
    let hasToken: Bool

    func add(to router: Router<AdminContext>) {
        router.get("/api/admin") { _, _ in try ControlPlane.json(OverrideList(overrides)) }
        let subjects: [(RouterPath, OverrideOrder.Subject)] = [
            ("/api/admin/endpoints", .endpoint), ("/api/admin/breakers", .breaker), ("/api/admin/log", .log),
        ]
        for (path, subject) in subjects {
            router.post(path) { request, context in try await act(subject, request, context) }
        }
    }

    private func act(
        _ subject: OverrideOrder.Subject, _ request: Request, _ context: AdminContext
    ) async throws -> Response {
        let order = try await OrderBody.read(OverrideOrder.self, request, atMost: Self.bound)
        do {
            let read = try order.read(subject)
            let now = Date.now
            let note = OverridesMachine.Note(
                by: read.by ?? (hasToken ? "the token's holder" : "somebody without a token"),
                from: context.clientAddress, reason: read.reason, at: now.formatted(.iso8601),
                until: read.time.map { now.addingTimeInterval($0.inSeconds).formatted(.iso8601) })
            try await overrides.act(read.action, on: read.target, note, for: read.time)
        } catch let error as ConfigurationError {
            throw HTTPError(.badRequest, message: "\(error)")
        } catch let error as Overrides.Missing {
            throw HTTPError(.notFound, message: error.words)
        } catch let error as OverridesMachine.Refusal {
            throw HTTPError(.conflict, message: error.words)
        }
        return try ControlPlane.json(OverrideList(overrides))
    }
}
#endif
