#if Gateway
import FoundationEssentials
import HTTPTypes
import Holdfast
import HoldfastIdempotency
import Hummingbird
import NIOCore

/// The operators' side of idempotency keys: list, explain, resolve, purge.
struct KeysAPI: Sendable {
    /// The most bytes of a body: a response that repeats are answered with, in Base64.
    static let bound = 2 << 20

    let engine: IdempotencyEngine
    let secret: StoreSecret
    /// The route that the gateway has for a request without fields, where it has one.
    var route: @Sendable (RequestTarget) -> RouteConfiguration? = { _ in nil }

    func add(to router: Router<AdminContext>) {
        router.get("/api/keys") { request, _ in
            try await answering {
                let query = request.uri.queryParameters
                let page = try await engine.list(
                    Self.state(query.get("state")), after: query.get("after"),
                    lookingAt: Self.number(query.get("looking-at")) ?? 1_000)
                // Asked now: what was settled a moment ago is not counted any more.
                return KeyPage(page, of: try? await engine.counted()) { KeyCause.find($0, by: engine) }
            }
        }
        router.get("/api/keys/{record}") { _, context in
            try await answering { try await explain(try record(context)) }
        }
        router.get("/api/key") { request, _ in
            // A key is looked up by what the client said, since records are named by a hash of it.
            try await answering {
                let query = request.uri.queryParameters
                guard let key = query.get("key"), let operation = query.get("operation") else {
                    throw HTTPError(
                        .badRequest, message: "'key' and 'operation' ('POST api.example.com/charges') are needed")
                }
                let caller = query.get("caller")
                return try await explain(
                    KeySearch(
                        key, of: caller ?? secret.caller(of: nil), caller == nil ? .nobody : .name, operation))
            }
        }
        router.post("/api/key") { request, _ in
            // Whoever is named by credentials is looked up by them: in a body, which nobody logs.
            try await answering {
                let order = try await OrderBody.read(FindOrder.self, request, atMost: Self.bound)
                let caller = order.caller(secret)
                return try await explain(KeySearch(order.key, of: caller.name, caller.asked, order.operation))
            }
        }
        router.post("/api/keys/{record}/resolve") { request, context in
            try await answering {
                let record = try record(context)
                let order = try await OrderBody.read(ResolveOrder.self, request, atMost: Self.bound)
                let decision = try IdempotencyEngine.Decision(by: order.by, why: order.why)
                let resolution = try order.resolution()
                try await deciding(record, order.fence) {
                    try await engine.resolve(record, fence: order.fence, as: resolution, decision)
                }
                return try await explain(record)
            }
        }
        router.post("/api/keys/{record}/purge") { request, context in
            try await answering {
                let record = try record(context)
                let order = try await OrderBody.read(PurgeOrder.self, request, atMost: Self.bound)
                let decision = try IdempotencyEngine.Decision(by: order.by, why: order.why)
                try await deciding(record, order.fence) {
                    try await engine.purge(record, fence: order.fence, decision)
                }
                return ["purged": record.description]
            }
        }
    }

    private func explain(_ search: KeySearch) async throws -> KeyRecord {
        for record in search.records(secret) {
            if let summary = try await engine.explain(record) {
                return KeyRecord(summary, cause: KeyCause.find(summary, by: engine), lookedFor: search.words)
            }
        }
        throw search.failure(at: route(search.target))
    }

    /// Has a refusal say how the record stands.
    private func deciding(_ record: RecordID, _ fence: Int64, _ decide: () async throws -> Void) async throws {
        do {
            try await decide()
        } catch let error as ClaimStoreError where error.code == .lost {
            guard let summary = try await engine.explain(record) else { throw missing(record) }
            throw HTTPError(.conflict, message: DecisionRefusal.words(summary, fence: fence))
        }
    }

    private func explain(_ record: RecordID) async throws -> KeyRecord {
        guard let summary = try await engine.explain(record) else { throw missing(record) }
        return KeyRecord(summary, cause: KeyCause.find(summary, by: engine))
    }

    private func missing(_ record: RecordID) -> HTTPError {
        HTTPError(
            .notFound,
            message:
                "this gateway's store has no record \(record): it has expired, was released or forgotten by hand, or is in another store. Do not take it for proof that nothing was executed"
        )
    }

    private func record(_ context: AdminContext) throws -> RecordID {
        guard let record = context.parameters.get("record").flatMap({ RecordID($0) }) else {
            throw HTTPError(.badRequest, message: "a record's name is 64 hexadecimal digits")
        }
        return record
    }

    private static func state(_ text: String?) throws -> ClaimSummary.State? {
        guard let text else { return nil }
        guard let state = ClaimSummary.State(rawValue: text) else {
            let allowed = ClaimSummary.State.allCases.map(\.rawValue).joined(separator: ", ")
            throw HTTPError(.badRequest, message: "the state is '\(text)', but must be one of \(allowed)")
        }
        return state
    }

    private static func number(_ text: String?) throws -> Int? {
        guard let text else { return nil }
        guard let number = Int(text) else { throw HTTPError(.badRequest, message: "'\(text)' is not a number") }
        return number
    }

    /// Answers as JSON, and gives each error the status that it deserves.
    private func answering(_ body: () async throws -> some Encodable) async throws -> Response {
        do {
            return try ControlPlane.json(try await body())
        } catch let error as ConfigurationError {
            throw HTTPError(.badRequest, message: "\(error)")
        } catch let error as ClaimStoreError {
            let status: HTTPResponse.Status =
                switch error.code {
                case .lost: .conflict
                case .invalid: .badRequest
                case .overloaded, .full, .failed, .unusable: .serviceUnavailable
                }
            throw HTTPError(status, message: "\(error)")
        }
    }
}
#endif
