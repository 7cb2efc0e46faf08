#if Gateway
import HoldfastHTTP
import HTTPTypes
import Hummingbird
import NIOCore

/// Why one request went as it did: `GET /api/explain?id=…`, with the id from the response's `x-request-id` or
/// `holdfast-request-id`. Which there are: `GET /api/requests?outcome=…&problem=…&route=…`, where the problem `any` is those
/// that `holdfast_rejections_total` counts of routes: answers of the gateway's own.
struct ExplainAPI: Sendable {
    let explanations: Explanations

    /// Stands for every problem, and for no request without one.
    static let any = "any"
    /// The most requests that are listed.
    static let bound = 100

    func add(to router: Router<AdminContext>) {
        router.get("/api/requests") { request, _ in
            try list { request.uri.queryParameters.get($0) }
        }
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

    /// The latest requests that were notable, the newest first.
    private func list(_ query: (String) -> String?) throws -> Response {
        let count = try query("limit").map(Self.count) ?? 20
        let outcome = try query("outcome").map { try Self.one(of: RequestReport.Outcome.self, $0, "outcome") }
        let asked = query("problem")
        let problem = try asked.flatMap { text in
            text == Self.any ? nil : try Self.one(of: Problem.Kind.self, text, "problem", or: [Self.any])
        }
        let isAnswered = asked != nil
        let route = query("route")
        let found = explanations.latest(count) { report in
            (outcome.map { $0 == report.outcome } ?? true) && (problem.map { $0 == report.problem } ?? true)
                && (!isAnswered || report.problem != nil)
                && (route.map { $0 == report.route } ?? true)
        }
        var json = JSONText()
        json.object { json in
            json.name("requests")
            json.array { json in
                for report in found {
                    json.object { json in
                        json.member("id", report.id.description)
                        json.member("time", time: report.time)
                        json.member("route", report.route)
                        json.member("service", report.service)
                        json.member("method", report.method)
                        json.member("path", report.path)
                        json.member("status", report.status)
                        json.member("outcome", report.outcome.rawValue)
                        if let problem = report.problem { json.member("problem", problem.rawValue) }
                    }
                }
            }
        }
        return Response(
            status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(bytes: json.bytes)))
    }

    private static func count(_ text: String) throws -> Int {
        guard let count = Int(text), (1...bound).contains(count) else {
            throw HTTPError(.badRequest, message: "'limit' is '\(text)', but must be a number from 1 to \(bound)")
        }
        return count
    }

    private static func one<Kind: RawRepresentable<String> & CaseIterable>(
        of kind: Kind.Type, _ text: String, _ name: String, or others: [String] = []
    ) throws -> Kind {
        guard let found = Kind(rawValue: text) else {
            let allowed = (others + Kind.allCases.map(\.rawValue)).joined(separator: ", ")
            throw HTTPError(.badRequest, message: "'\(name)' is '\(text)', but must be one of \(allowed)")
        }
        return found
    }
}
#endif
