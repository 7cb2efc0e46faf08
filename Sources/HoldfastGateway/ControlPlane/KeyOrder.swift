#if Gateway
import HTTPTypes
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import Hummingbird

/// What `POST /api/keys/RECORD/resolve` is told.
public struct ResolveOrder: Codable, Sendable {
    /// A response, as a person gives it.
    public struct Answer: Codable, Sendable {
        public let status: Int
        public let contentType: String?
        public let body: String?

        public init(status: Int, contentType: String?, body: String?) {
            self.status = status
            self.contentType = contentType
            self.body = body
        }
    }

    public let fence: Int64
    /// `completed` or `released`.
    public let `as`: String
    /// What repeats are answered with; without it they are told that it was executed, and the response not kept.
    public let response: Answer?
    public let by: String
    public let why: String

    public init(fence: Int64, as ending: String, response: Answer?, by: String, why: String) {
        self.fence = fence
        self.as = ending
        self.response = response
        self.by = by
        self.why = why
    }

    func resolution() throws -> ClaimCommand.Resolution {
        switch (`as`, response) {
        case ("released", nil): return .released
        case ("completed", nil): return .completed(payload: nil)
        case ("completed", let response?):
            try require("the response's status", response.status, in: 200...599)
            let fields = response.contentType.map { [RecordedResponse.Field(name: "content-type", value: $0)] } ?? []
            let recorded = RecordedResponse(
                status: response.status, fields: fields, body: Array((response.body ?? "").utf8))
            return .completed(payload: recorded.encoded)
        default: throw HTTPError(.badRequest, message: "'as' must be 'completed' or, without a response, 'released'")
        }
    }
}

/// What `POST /api/keys/RECORD/purge` is told.
public struct PurgeOrder: Codable, Sendable {
    public let fence: Int64
    public let by: String
    public let why: String

    public init(fence: Int64, by: String, why: String) {
        self.fence = fence
        self.by = by
        self.why = why
    }
}
#endif
