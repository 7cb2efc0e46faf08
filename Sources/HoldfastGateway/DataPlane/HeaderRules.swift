#if Gateway
import Holdfast
import HoldfastHTTP
import NIOCore
import NIOHTTP1

/// Which fields cross the gateway, and which it sets.
enum HeaderRules {
    /// The head that the service gets.
    ///
    /// - Parameters:
    ///   - scheme: How the client came.
    ///   - timeout: How much time is left.
    ///   - attempt: The attempt's number, from 1.
    static func toService(
        _ head: HTTPRequestHead, client: String?, scheme: String, address: GatewayConfiguration.Address,
        timeout: Duration, attempt: Int
    ) -> HTTPRequestHead {
        let named = head.headers.namedByConnection
        var headers = HTTPHeaders()
        headers.reserveCapacity(head.headers.count + 7)
        var host: String?
        var forwarded: String?
        var via: String?
        var isChunked = false
        let isTraced = isTraced(head.headers)
        for (name, value) in head.headers {
            switch FieldName(name) {
            case .host: host = value
            case .forwardedFor: forwarded = forwarded.map { "\($0), \(value)" } ?? value
            case .via: via = via.map { "\($0), \(value)" } ?? value
            case .transferEncoding: isChunked = true
            // A hop says these of itself; what another said of it is not passed on.
            case .forwardedProto, .forwardedHost, .expect, .timeout, .attempt, .connection, .hopByHop: break
            case .traceparent, .tracestate: if isTraced { headers.add(name: name, value: value) }
            // Where a message ends is not the client's to withhold: without its length, the service would take the body
            // for the next request.
            case .contentLength: headers.add(name: name, value: value)
            case .other:
                if named.isEmpty || !named.contains(name.lowercased()) { headers.add(name: name, value: value) }
            }
        }
        var uri = head.uri
        if uri.utf8.first != UInt8(ascii: "/"), let absolute = RequestRules.absolute(uri) {
            host = absolute.authority
            uri = absolute.path
        }
        let authority = host ?? address.description
        headers.add(name: "host", value: authority)
        if let client { forwarded = forwarded.map { "\($0), \(client)" } ?? client }
        if let forwarded { headers.add(name: "x-forwarded-for", value: forwarded) }
        headers.add(name: "x-forwarded-proto", value: scheme)
        headers.add(name: "x-forwarded-host", value: authority)
        headers.add(name: LineageFields.timeoutName, value: LineageFields.format(timeout: timeout))
        headers.add(name: LineageFields.attemptName, value: String(attempt))
        let own = Self.via(head.version)
        headers.add(name: "via", value: via.map { "\($0), \(own)" } ?? own)
        if isChunked { headers.add(name: "transfer-encoding", value: "chunked") }
        return HTTPRequestHead(version: .http1_1, method: head.method, uri: uri, headers: headers)
    }

    private static func via(_ version: HTTPVersion) -> String {
        switch (version.major, version.minor) {
        case (2, _): "2 holdfast"
        case (1, 0): "1.0 holdfast"
        default: "1.1 holdfast"
        }
    }

    /// Whether there is a valid `traceparent`. Without, its `tracestate` means nothing either.
    private static func isTraced(_ headers: HTTPHeaders) -> Bool {
        let values = headers["traceparent"]
        return values.count == 1 && TraceParent(values[0]) != nil
    }

    /// The head that the client gets for a response of the service.
    ///
    /// - Returns: The head, and whether the connection can serve another request after it.
    static func toClient(
        _ head: HTTPResponseHead, for request: HTTPRequestHead, keepAlive: Bool
    ) -> (head: HTTPResponseHead, keepAlive: Bool) {
        let named = head.headers.namedByConnection
        var headers = HTTPHeaders()
        headers.reserveCapacity(head.headers.count + 3)
        var length: String?
        var isChunked = false
        for (name, value) in head.headers {
            switch FieldName(name) {
            case .contentLength: length = value
            case .transferEncoding: isChunked = true
            case .connection, .hopByHop: break
            default: if named.isEmpty || !named.contains(name.lowercased()) { headers.add(name: name, value: value) }
            }
        }
        if !isChunked, let length { headers.add(name: "content-length", value: length) }
        var keepAlive = keepAlive
        if hasBody(status: head.status, method: request.method), isChunked || length == nil {
            if request.version == .http1_1 {
                headers.add(name: "transfer-encoding", value: "chunked")
            } else if request.version.major == 1 {
                keepAlive = false
            }
        }
        addConnection(to: &headers, for: request, keepAlive: keepAlive)
        return (HTTPResponseHead(version: .http1_1, status: head.status, headers: headers), keepAlive)
    }

    static func addConnection(to headers: inout HTTPHeaders, for request: HTTPRequestHead?, keepAlive: Bool) {
        // HTTP/2 has no such field: its connections are not the requests'.
        if let request, request.version.major > 1 { return }
        if !keepAlive {
            headers.add(name: "connection", value: "close")
        } else if request?.version == .http1_0 {
            headers.add(name: "connection", value: "keep-alive")
        }
    }

    static func hasBody(status: HTTPResponseStatus, method: HTTPMethod) -> Bool {
        method != .HEAD && status.code != 204 && status.code != 304 && status.code >= 200
    }
}

extension HTTPHeaders {
    /// The fields that `Connection` names, in lower case. Seldom any; but a client may name thousands, and send as many.
    fileprivate var namedByConnection: Set<String> {
        contains(name: "connection") ? Set(HopByHop.named(by: self["connection"])) : []
    }
}

extension HTTPRequestHead {
    var isChunked: Bool { headers.contains(name: "transfer-encoding") }
    var announcesBody: Bool { isChunked || (headers.first(name: "content-length").map { $0 != "0" } ?? false) }
    var contentLength: Int? { headers.first(name: "content-length").flatMap(Int.init) }

    /// The target without its query.
    var path: Substring { uri.prefix { $0 != "?" } }

    /// `Host` without its port, as it was sent.
    var hostName: Substring {
        let isPath = uri.utf8.first == UInt8(ascii: "/")
        let authority = isPath ? nil : RequestRules.absolute(uri)?.authority
        let host = (authority ?? headers.first(name: "host") ?? "")[...]
        guard !host.hasPrefix("[") else { return host.prefix { $0 != "]" } + "]" }
        return host.prefix { $0 != ":" }
    }
}

extension LineageFields {
    static func timeout(_ headers: HTTPHeaders) -> Duration? {
        headers.first(name: timeoutName).flatMap { timeout($0) }
    }

    static func attempt(_ headers: HTTPHeaders) -> Int { attempts(headers.first(name: attemptName)) }

    static func attempts(_ headers: HTTPHeaders) -> Int { attempts(headers.first(name: attemptsName)) }
}
#endif
