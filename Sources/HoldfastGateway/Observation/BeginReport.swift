#if Gateway
import HoldfastHTTP
import HoldfastIdempotency

/// A request that was granted the claim of its key, and of which nothing has been sent to the service yet: a line of the
/// access log that has no end beside it where the process ended first.
struct BeginReport: Sendable {
    let cause: ClaimCause
    let service: String
    let record: RecordID
    let fence: Int64

    /// The names are those of the line at the end.
    func write(to json: inout JSONText) {
        json.object { json in
            json.member("time", time: cause.startedAt)
            json.member("event", "begin")
            json.member("id", cause.request)
            json.member("route", cause.route)
            json.member("service", service)
            json.member("method", cause.method)
            json.member("host", ClaimHistory.word(cause.host, bound: RequestReport.textBound))
            json.member("path", ClaimHistory.word(String(cause.path), bound: RequestReport.pathBound))
            if let caller = cause.caller {
                json.member("caller", ClaimHistory.word(caller, bound: RequestReport.textBound))
            }
            if let client = cause.client { json.member("client", client) }
            if let trace = cause.trace { json.member("trace", trace) }
            json.member("record", record.description)
            json.member("fence", Int(fence))
        }
    }
}
#endif
