#if Gateway
import Holdfast
import HoldfastHTTP
import NIOHTTP1

/// What the fields of a request say to the gateway, found in one go.
struct RequestFields {
    /// Of the target and all fields, as they are sent.
    private(set) var bytes: Int
    /// The latest `Host`, and how many there are.
    private(set) var host: String?
    private(set) var hosts = 0
    /// A name that services take for another, by which something is decided.
    private(set) var twin: String?
    /// The latest `Content-Length`, as it was sent, and how many there are.
    private(set) var length: String?
    private(set) var lengths = 0
    private(set) var coding: String?
    private(set) var codings = 0
    private(set) var hasConnection = false
    /// How many members `Connection` has.
    private(set) var connectionOptions = 0
    /// Whether the client's connection stays open after the answer, as far as the client goes (RFC 9112, section 9.3).
    private(set) var isKeepAlive = true
    private(set) var hasUpgrade = false
    private(set) var expectsContinue = false
    /// For a method that it counts for.
    private(set) var maxForwards: MaxForwards?
    /// How many fields there are.
    let count: Int
    /// Whether a field may have services take it for a request of another method.
    private(set) var overridesMethod = false
    /// Whether something says that the request comes from elsewhere than its connection does.
    private(set) var speaksOfHops = false
    /// Whether its credentials may authenticate the connection that it goes out on.
    private(set) var authenticatesConnection = false
    /// How many gateways of this kind have passed it on, as `Via` says (RFC 9110, section 7.6.3).
    private(set) var holdfasts = 0
    private(set) var authorizations = 0
    private(set) var timeout: Duration?
    /// Of the layer above, from 1.
    private(set) var attempt = 1
    /// What a hop calls the request, and how many fields say so or may be taken for one that does.
    private(set) var requestID: String?
    private(set) var requestIDs = 0
    private var traceparent: String?
    private var traceparents = 0

    /// - Parameter deciding: The fields that something is decided by.
    init(_ head: HTTPRequestHead, deciding: DecidingFields = .least) {
        bytes = head.uri.utf8.count
        count = head.headers.count
        var (timeouts, attempts) = (0, 0)
        var (closes, keepsAlive) = (false, head.version != .http1_0)
        for (name, value) in head.headers {
            bytes += name.utf8.count + value.utf8.count + 4
            switch FieldName(name) {
            case .host: (host, hosts) = (value, hosts + 1)
            case .contentLength: (length, lengths) = (value, lengths + 1)
            case .transferEncoding: (coding, codings) = (value, codings + 1)
            case .connection:
                hasConnection = true
                connectionOptions += value.listCount
                (closes, keepsAlive) = value.connectionOptions(closes, keepsAlive)
            case .upgrade: hasUpgrade = true
            case .expect: if value.is("100-continue") { expectsContinue = true }
            case .timeout:
                if timeouts == 0 { timeout = LineageFields.timeout(value) }
                timeouts += 1
            case .attempt:
                if attempts == 0 { attempt = LineageFields.attempts(value) }
                attempts += 1
            case .requestID: (requestID, requestIDs) = (value, requestIDs + 1)
            case .traceparent: (traceparent, traceparents) = (value, traceparents + 1)
            case .forwardedFor, .forwardedProto, .forwardedHost, .forwarded: speaksOfHops = true
            case .other:
                if deciding.isTwin(name) { twin = name }
                if !speaksOfHops, HopField(name) != nil { speaksOfHops = true }
                if MethodOverride.isName(name) { overridesMethod = true }
                if name.meansRequestID { requestIDs += 1 }
                guard name.is("authorization") else { break }
                authorizations += 1
                if ConnectionCredentials.are(in: value) { authenticatesConnection = true }
            case .maxForwards:
                guard MaxForwards.counts(for: head.method) else { break }
                maxForwards = MaxForwards(value, isOnly: maxForwards == nil)
            case .via: holdfasts += Self.holdfasts(in: value)
            case .tracestate, .date, .hopByHop: break
            }
        }
        isKeepAlive = keepsAlive && !closes
    }

    /// How many members of the list are ours, of which each is `PROTOCOL holdfast`, and perhaps a comment.
    private static func holdfasts(in value: String) -> Int {
        value.split(separator: ",").count { member in
            let words = member.split { $0 == " " || $0 == "\t" }
            return words.count > 1 && String(words[1]).is("holdfast")
        }
    }

    /// The layers above are not believed.
    mutating func forgetLineage() { (timeout, attempt) = (nil, 1) }

    var isChunked: Bool { codings > 0 }
    var announcesBody: Bool { isChunked || (length.map { $0 != "0" } ?? false) }
    var contentLength: Int? { length.flatMap { Int($0) } }
    /// Whether there is a valid `traceparent`. Without, its `tracestate` means nothing either.
    var isTraced: Bool { traceparents == 1 && traceparent.flatMap { TraceParent($0) } != nil }
}

extension String {
    /// Whether services that make variables of fields take it for `x-request-id`, in which ever spelling.
    var meansRequestID: Bool { utf8.count == 12 && means("x-request-id") }
}
#endif
