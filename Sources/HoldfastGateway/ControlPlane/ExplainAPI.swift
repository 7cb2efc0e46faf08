#if Gateway
import HoldfastHTTP
import HTTPTypes
import Hummingbird
import NIOCore

/// Why one request went as it did: `GET /api/explain?id=…`, with the id from the response's `x-request-id` or `holdfast-request-id`.
struct ExplainAPI: Sendable {
    let explanations: Explanations

    func add(to router: Router<AdminContext>) {
        router.get("/api/explain") { request, _ in
            guard let text = request.uri.queryParameters.get("id"), let id = RequestID(text) else {
                throw HTTPError(
                    .badRequest,
                    message: "'id' is needed: what the response's \(RequestID.explainedField) says")
            }
            guard let report = explanations[id] else {
                throw HTTPError(
                    .notFound,
                    message: "there is nothing about \(id): it was never a request's, or nothing about the request was "
                        + "notable, or it is forgotten; the latest \(explanations.bound) that were rejected, retried, "
                        + "replayed or failed are kept, and \(explanations.count) are")
            }
            var json = JSONText()
            report.write(to: &json, tells: report.story)
            return Response(
                status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
                body: .init(byteBuffer: ByteBuffer(bytes: json.bytes)))
        }
    }
}
#endif
