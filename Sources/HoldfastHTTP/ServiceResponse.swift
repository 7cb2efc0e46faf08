public import HTTPTypes
import Holdfast

/// A response with all its fields, as the service made it: what a handler under a key returns, and what its first caller
/// gets. Whether it is the key's outcome is decided on all of it; only what is kept is made smaller, as a
/// ``RecordedResponse``, and that is what a repeat gets.
///
/// The body is in memory: a response that is streamed cannot be kept.
public struct ServiceResponse: Sendable, Hashable {
    public var status: Int
    /// In the order in which they are sent, one for each line.
    public var fields: [RecordedResponse.Field]
    public var body: [UInt8]

    public init(status: Int, fields: [RecordedResponse.Field] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    public init(_ head: HTTPResponse, body: [UInt8] = []) {
        self.init(
            status: head.status.code, fields: head.headerFields.map { .init(name: $0.name.rawName, value: $0.value) },
            body: body)
    }

    public init(_ recorded: RecordedResponse) {
        self.init(status: recorded.status, fields: recorded.fields, body: recorded.body)
    }

    /// A problem as a response: `application/problem+json`, which no cache keeps, with `Retry-After` and `WWW-Authenticate`
    /// where the problem has them.
    public init(_ problem: Problem) {
        self.init(
            status: problem.status,
            fields: [
                .init(name: "content-type", value: "application/problem+json"),
                .init(name: "cache-control", value: "no-store"),
            ], body: problem.body)
        if let retryAfter = problem.retryAfter {
            fields.append(.init(name: "retry-after", value: RetryAfter.format(retryAfter)))
        }
        if let challenge = problem.challenge { fields.append(.init(name: "www-authenticate", value: challenge)) }
    }

    /// All values of a field, in order.
    public func values(of name: String) -> [String] {
        let name = name.lowercased()
        return fields.filter { $0.name.lowercased() == name }.map(\.value)
    }

    /// The head, for a framework that speaks swift-http-types. A field whose name is none is left out, and a status that is
    /// none (RFC 9110, section 15) is 500.
    public var head: HTTPResponse {
        var head = HTTPResponse(status: .init(code: Self.statuses.contains(status) ? status : 500))
        for field in fields {
            if let name = HTTPField.Name(field.name) { head.headerFields.append(.init(name: name, value: field.value)) }
        }
        return head
    }

    /// What is kept of it.
    ///
    /// - Parameter more: Which fields may be replayed besides ``RecordedResponse/replayableFields``, in lower case.
    public func recorded(adding more: Set<String> = []) -> RecordedResponse {
        RecordedResponse(status: status, fields: fields, body: body, adding: more)
    }

    static let statuses = 100...999
}
