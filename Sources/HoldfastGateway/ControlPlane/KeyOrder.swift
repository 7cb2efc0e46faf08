#if Gateway
import FoundationEssentials
import HTTPTypes
package import Holdfast
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
    /// Instead, where the route names callers by tokens: what theirs says, `iss` among it if it does.
    public let callerClaims: [String: String]?
    /// Instead, where the route names callers by certificates: the SPIFFE identity, or the subject and the issuer, as RFC 4514
    /// writes them.
    public let callerCertificate: [String]?

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

    public init(
        key: String, operation: String, callerFields: [Field], callerClaims: [String: String]? = nil,
        callerCertificate: [String]? = nil
    ) {
        self.key = key
        self.operation = operation
        self.callerFields = callerFields
        self.callerClaims = callerClaims
        self.callerCertificate = callerCertificate
    }

    /// - Parameters:
    ///   - key: The key, as the caller sent it: with quotation marks or without.
    ///   - operation: `METHOD HOST/PATH`, and a line for each field in the scope.
    ///   - lines: Who calls, a line each: the fields that name them, as the client sends them, or what their
    ///     certificate says.
    public init(key: String, operation: String, callerLines lines: [UInt8]) {
        let certificate = Self.certificate(lines)
        self.init(
            key: key, operation: operation, callerFields: certificate == nil ? Field.read(lines) : [],
            callerCertificate: certificate)
    }

    /// What a certificate says, where the lines are that: a SPIFFE identity alone, or a subject and an issuer, with or
    /// without what `openssl x509` puts before them.
    private static func certificate(_ bytes: [UInt8]) -> [String]? {
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline)
            .map { line in String(line.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
            .filter { !$0.isEmpty }
        if lines.count == 1, lines[0].hasPrefix("spiffe://") { return lines }
        guard lines.count == 2 else { return nil }
        let names = zip(["subject=", "issuer="], lines).map { prefix, line in
            line.hasPrefix(prefix) ? String(line.dropFirst(prefix.utf8.count).drop { $0 == " " }) : line
        }
        return names.allSatisfy(isDistinguished) ? names : nil
    }

    /// `CN=…`, or `2.5.4.3=…`. No field looks like that: its name ends with a colon.
    private static func isDistinguished(_ line: String) -> Bool {
        let type = line.prefix { $0 != "=" }
        return !type.isEmpty && type.endIndex < line.endIndex
            && type.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || $0 == 0x2E || $0 == 0x2D
            }
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

        /// Statuses that mean something only with a field that nobody can give here: the part that it is, where it has
        /// not changed since, whom to be, what to do instead (RFC 9110, sections 15.3.7, 15.4.5, 15.5.2, 15.5.6, 15.5.8 and
        /// 15.5.22).
        private static let unwhole = [206, 304, 401, 405, 407, 426]

        /// Checks what a response is to be made of, before anybody is asked.
        ///
        /// - Throws: `ConfigurationError`, which says what is allowed.
        package static func check(status: Int, contentType: String?, hasBody: Bool) throws(ConfigurationError) {
            try require("the response's status", status, in: 200...599)
            guard !unwhole.contains(status) else {
                throw ConfigurationError(
                    option: "the response's status", value: "\(status)",
                    allowed: "200 to 599, but none of \(listed(unwhole.map { "\($0)" })), which need a field besides")
            }
            // Blanks around a field's value are no part of it (RFC 9112, section 5.1).
            if let contentType,
                MediaType(contentType) == nil || contentType.first == " " || contentType.last == " "
                    || contentType.contains("\t")
            {
                throw ConfigurationError(
                    option: "the response's content type", value: shown(contentType),
                    allowed: "a media type, such as application/json")
            }
            guard StatusMeaning.mayHaveContent(status) || (!hasBody && contentType == nil) else {
                throw ConfigurationError(
                    option: "the response's status", value: "\(status)",
                    allowed: "another, or be without a body and a content type")
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
            let body = try response.bytes()
            try Answer.check(status: response.status, contentType: response.contentType, hasBody: !body.isEmpty)
            let fields = response.contentType.map { [RecordedResponse.Field(name: "content-type", value: $0)] } ?? []
            let recorded = RecordedResponse(status: response.status, fields: fields, body: body)
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
