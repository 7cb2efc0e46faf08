#if Gateway
import FoundationEssentials
import HTTPTypes
import Holdfast
import HoldfastHTTP
import HoldfastIdempotency
import Hummingbird

/// What `POST /api/key` is told: what a client has sent.
public struct FindOrder: Codable, Sendable {
    public let key: String
    /// The method and the path: `POST api.example.com/charges`.
    public let operation: String
    /// The fields that the route names callers by, as the client sends them: a field that it does not send is left out, and
    /// one that it sends twice stands twice, in the same order. None for somebody who sends none of them.
    public let callerFields: [Field]

    /// A field of a request.
    public struct Field: Codable, Sendable {
        public let name: String
        public let value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }

        /// Reads fields as they stand in a request, `NAME: VALUE` a line. A line that is none is the value of `Authorization`.
        public static func read(_ bytes: [UInt8]) -> [Field] {
            let lines = bytes.split { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") }
            return lines.map { line in
                let name = String(decoding: line.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
                let isField = name.utf8.count < line.count && name.isFieldName
                let value = isField ? line.dropFirst(name.utf8.count + 1) : line
                func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
                let trimmed = value.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
                return Field(name: isField ? name : "authorization", value: String(fieldBytes: Array(trimmed)))
            }
        }
    }

    public init(key: String, operation: String, callerFields: [Field]) {
        self.key = key
        self.operation = operation
        self.callerFields = callerFields
    }
}

/// What `POST /api/keys/RECORD/resolve` is told.
public struct ResolveOrder: Codable, Sendable {
    /// A response, as a person gives it.
    public struct Answer: Codable, Sendable {
        public let status: Int
        public let contentType: String?
        /// The body as text.
        public let body: String?
        /// Instead: the body's bytes, in base 64.
        public let bodyBase64: String?

        public init(status: Int, contentType: String? = nil, body: String? = nil, bodyBase64: String? = nil) {
            self.status = status
            self.contentType = contentType
            self.body = body
            self.bodyBase64 = bodyBase64
        }

        func bytes() throws -> [UInt8] {
            switch (body, bodyBase64) {
            case (let text, nil): return Array((text ?? "").utf8)
            case (nil, let coded?):
                guard let data = Data(base64Encoded: coded) else {
                    throw HTTPError(.badRequest, message: "'bodyBase64' is not base 64")
                }
                return Array(data)
            case (_?, _?): throw HTTPError(.badRequest, message: "'body' and 'bodyBase64' exclude each other")
            }
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
                status: response.status, fields: fields, body: try response.bytes())
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
