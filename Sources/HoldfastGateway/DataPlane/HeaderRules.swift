#if Gateway
import Holdfast
import HoldfastHTTP
import NIOCore
import NIOHTTP1

/// Which fields cross the gateway, and which it sets.
enum HeaderRules {
    /// The fields that the service gets.
    ///
    /// - Parameters:
    ///   - own: What the gateway says of itself to the service.
    ///   - fields: Where they go.
    static func toService<Fields: FieldSink>(
        _ head: HTTPRequestHead, _ known: RequestFields, _ own: Hop, into fields: inout Fields
    ) {
        // A client may not withhold what was decided by: of an end-to-end field it must not say that it ends here (RFC 9110,
        // section 7.6.1).
        let named = known.hasConnection ? head.headers.namedByConnection.subtracting(own.deciding.names) : []
        let isTraced = known.isTraced
        addOwn(head, known, own, into: &fields)
        let passes: Int? = if case .passes(let times)? = known.maxForwards { times } else { nil }
        for (name, value) in head.headers {
            switch FieldName(name) {
            // A hop says these of itself, and of those before it what it believes; what came is not passed on. `Host` is
            // the target's.
            case .host, .via, .forwardedFor, .forwardedProto, .forwardedHost, .forwarded, .expect, .timeout, .attempt,
                .connection,
                .upgrade, .transferEncoding, .hopByHop:
                break
            case .requestID where own.requestID != nil: break
            case .traceparent, .tracestate: if isTraced { fields.add(name: name, value: value) }
            // Where a message ends is not the client's to withhold: without its length, the service would take the body
            // for the next request.
            case .contentLength: fields.add(name: name, value: value)
            // Other methods' means nothing (RFC 9110, section 7.6.2).
            case .maxForwards: fields.add(name: name, value: passes.map(String.init) ?? value)
            case .date, .requestID, .other:
                if named.isEmpty || !named.contains(name.lowercased()) { fields.add(name: name, value: value) }
            }
        }
    }

    /// What the gateway says. It stands before what the client says: some services read so many fields and no more.
    private static func addOwn<Fields: FieldSink>(
        _ head: HTTPRequestHead, _ known: RequestFields, _ own: Hop, into fields: inout Fields
    ) {
        let authority = own.authority?.text ?? own.address.description
        fields.add(name: "host", value: authority)
        let (origin, asked) = (own.origin, own.origin.host?.text ?? authority)
        if let hops = origin.hops { fields.add(name: "x-forwarded-for", value: hops) }
        fields.add(name: "x-forwarded-proto", value: origin.scheme)
        fields.add(name: "x-forwarded-host", value: asked)
        if own.writesForwarded {
            fields.add(
                name: "forwarded", value: ForwardedFields.forwarded(origin.hops, scheme: origin.scheme, host: asked))
        }
        fields.add(name: LineageFields.timeoutName, value: LineageFields.format(timeout: own.timeout))
        fields.add(name: LineageFields.attemptName, value: String(own.attempt))
        if let requestID = own.requestID { fields.add(requestID) }
        if own.writesVia {
            let received = Self.via(head.version)
            var via: String?
            // An empty value is no member of the list (RFC 9110, section 5.6.1.1).
            for (name, value) in head.headers where name.is("via") && !value.isEmpty {
                via = via.map { "\($0), \(value)" } ?? value
            }
            fields.add(name: "via", value: via.map { "\($0), \(received)" } ?? received)
        }
        if known.isChunked {
            fields.add(name: "transfer-encoding", value: "chunked")
        } else if known.lengths == 0, meansBody(head.method) {
            // RFC9110-8.6-1: HTTP/2 says by a flag that there is no body, and a service of HTTP/1 may want to be told.
            fields.add(name: "content-length", value: "0")
        }
    }

    /// Whether a body means something, by the method (RFC 9110, section 9.3, and RFC 5789).
    private static func meansBody(_ method: HTTPMethod) -> Bool {
        method == .POST || method == .PUT || method == .PATCH
    }

    /// What the gateway says of itself, and of the client, to the service.
    struct Hop {
        /// Whom the request names, where it does.
        var authority: Authority?
        var origin: RequestOrigin
        /// Whether the service is told of the hops in `Forwarded` as well.
        var writesForwarded: Bool
        /// Whether the service is told of all who have passed the request on (RFC 9110, section 7.6.3).
        var writesVia: Bool
        var address: GatewayConfiguration.Address
        /// How much time is left.
        var timeout: Duration
        /// The attempt's number, from 1.
        var attempt: Int
        /// What the request is called; nil where what the client says of that passes as any other field.
        var requestID: RequestID?
        /// What the gateway has decided by.
        var deciding: DecidingFields
    }

    private static func via(_ version: HTTPVersion) -> String {
        switch (version.major, version.minor) {
        case (2, _): "2 holdfast"
        case (1, 0): "1.0 holdfast"
        default: "1.1 holdfast"
        }
    }

    /// The fields that the client gets with an answer of the service.
    ///
    /// - Parameters:
    ///   - requestID: What the request is called, for an answer that does not say it. A service that calls it something of
    ///     its own is asked about it by that name.
    ///   - date: When the answer came, for one that does not say when it was made (RFC 9110, section 6.6.1). Nil for what
    ///     comes before the answer.
    /// - Returns: Whether the connection can serve another request after it.
    static func toClient<Fields: FieldSink>(
        _ head: HTTPResponseHead, for request: HTTPRequestHead, named requestID: RequestID? = nil, keepAlive: Bool,
        date: String?, into fields: inout Fields
    ) -> Bool {
        let named = head.headers.namedByConnection
        var length: String?
        var (isChunked, isDated, isNamed) = (false, false, requestID == nil)
        for (name, value) in head.headers {
            switch FieldName(name) {
            case .date:
                isDated = true
                fields.add(name: name, value: value)
            case .contentLength: length = value
            case .transferEncoding: isChunked = true
            case .connection, .upgrade, .hopByHop: break
            case let known:
                guard named.isEmpty || !named.contains(name.lowercased()) else { break }
                if known == .requestID { isNamed = true }
                fields.add(name: name, value: value)
            }
        }
        if !isNamed, let requestID { fields.add(requestID) }
        if !isDated, let date { fields.add(name: "date", value: date) }
        // No length of what has none (RFC 9110, section 8.6).
        if !isChunked, let length, head.status != .noContent { fields.add(name: "content-length", value: length) }
        var keepAlive = keepAlive
        if hasBody(status: head.status, method: request.method), isChunked || length == nil {
            if request.version == .http1_1 {
                fields.add(name: "transfer-encoding", value: "chunked")
            } else if request.version.major == 1 {
                keepAlive = false
            }
        }
        addConnection(to: &fields, for: request, keepAlive: keepAlive)
        return keepAlive
    }

    static func addConnection<Fields: FieldSink>(
        to fields: inout Fields, for request: HTTPRequestHead?, keepAlive: Bool
    ) {
        // HTTP/2 has no such field: its connections are not the requests'.
        if let request, request.version.major > 1 { return }
        if !keepAlive {
            fields.add(name: "connection", value: "close")
        } else if request?.version == .http1_0 {
            fields.add(name: "connection", value: "keep-alive")
        }
    }

    static func hasBody(status: HTTPResponseStatus, method: HTTPMethod) -> Bool {
        method != .HEAD && status.code != 204 && status.code != 304 && status.code >= 200
    }
}

extension HTTPHeaders {
    /// The fields that `Connection` names, in lower case. Seldom any; but a client may name thousands, and send as many.
    fileprivate var namedByConnection: Set<String> {
        var names: Set<String> = []
        for (name, value) in self
        where name.is("connection") && !value.is("keep-alive") && !value.is("close") {
            names.formUnion(HopByHop.named(by: [value]))
        }
        return names
    }
}

extension HTTPResponseHead {
    /// Whether another answer follows on the same request. After `101` comes what is not HTTP.
    var isInformational: Bool { status.code < 200 && status != .switchingProtocols }
}
#endif
