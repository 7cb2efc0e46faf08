#if Gateway
import HTTPTypes
import Hummingbird
import NIOCore

/// Answers for a control plane whose gateway has nothing to show yet: `/health` and `/ready` as ever, and all else that it
/// is to be asked again.
struct StartingMiddleware: RouterMiddleware {
    typealias Context = AdminContext

    let readiness: Readiness

    @concurrent func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        guard !ControlPlane.probes.contains(request.uri.path) else { return try await next(request, context) }
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        headers[.retryAfter] = "1"
        let body = #"{"error":{"message":"\#(readiness.stage.words)"}}"#
        return Response(
            status: .serviceUnavailable, headers: headers, body: .init(byteBuffer: ByteBuffer(string: body)))
    }
}
#endif
