#if Gateway
import Foundation
import HoldfastIdempotency

/// Which request a record that is in flight or unknown was made for, as the API shows it. What is not known is left out.
public struct KeyCause: Codable, Sendable {
    /// When the request came, by the clock of its gateway: RFC 3339, in UTC.
    public let startedAt: String
    public let route: String
    public let method: String
    /// As the client named it, without a port.
    public let host: String
    /// Without its query. What is longer than the bound ends with `…`.
    public let path: String
    /// Who called, as far as that is known and no secret.
    public let caller: String?
    /// The address that the request came from.
    public let client: String?
    /// The `id` of its line in the access log, and the `holdfast-request-id` of its answer, where that has one.
    public let requestID: String
    /// The `x-request-id` that the service was given, where it is the client's own and not ``requestID`` (`requestID: false`).
    public let serviceRequestID: String?
    /// The `trace-id` of its `traceparent`.
    public let trace: String?
    /// The gateway that claimed the key: its host and its process.
    public let process: String?

    init(_ cause: ClaimCause, by process: String?) {
        startedAt = Date(timeIntervalSince1970: Double(cause.startedAt) / 1_000)
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        (route, method, host, path) = (cause.route, cause.method, cause.host, String(cause.path))
        (caller, client) = (cause.caller, cause.client)
        (requestID, serviceRequestID, trace) = (cause.request, cause.serviceRequest, cause.trace)
        self.process = process
    }

    /// What was asked for.
    public var operation: String { "\(method) \(host)\(path)" }

    /// Names and values, in the order in which they are told.
    public var parts: [(name: String, value: String)] {
        let all: [(String, String?)] = [
            ("request", operation), ("route", route), ("started", startedAt), ("caller", caller), ("client", client),
            ("id", requestID), ("service's id", serviceRequestID), ("trace", trace), ("process", process),
        ]
        return all.compactMap { name, value in value.flatMap { $0.isEmpty ? nil : (name, $0) } }
    }
}

extension KeyCause {
    /// What stands with a record, opened and read.
    enum Found {
        /// Nothing was said: it is settled, or was claimed by an earlier version, or by somebody else than a gateway.
        case none
        case cause(KeyCause)
        /// It cannot be read, in words.
        case unreadable(String)
    }

    static func find(_ summary: ClaimSummary, by engine: IdempotencyEngine) -> Found {
        do throws(ClaimStoreError) {
            guard let bytes = try engine.context(of: summary) else { return .none }
            guard let cause = ClaimCause(encoded: bytes) else {
                return .unreadable("it is sealed, or written by another program")
            }
            let claim = summary.history.entries.last { $0.event == .claimed && $0.fence == summary.fence }
            return .cause(KeyCause(cause, by: claim?.by))
        } catch {
            return .unreadable("\(error)")
        }
    }
}
#endif
