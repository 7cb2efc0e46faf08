#if Gateway
import HoldfastHTTP
import NIOCore
import NIOHTTP1

/// Which fields cross the gateway, and which it sets.
enum HeaderRules {
    /// The head that the service gets.
    static func toService(
        _ head: HTTPRequestHead, client: String?, address: GatewayConfiguration.Address
    ) -> HTTPRequestHead {
        let named = HopByHop.named(by: head.headers["connection"])
        var headers = HTTPHeaders()
        headers.reserveCapacity(head.headers.count + 5)
        var host: String?
        var forwarded: [String] = []
        var via: [String] = []
        for (name, value) in head.headers {
            switch name.lowercased() {
            case "host": host = value
            case "x-forwarded-for": forwarded.append(value)
            case "x-forwarded-proto", "x-forwarded-host", "expect": break
            case "via": via.append(value)
            case let lower where HopByHop.stays(lower, named: named): break
            default: headers.add(name: name, value: value)
            }
        }
        var uri = head.uri
        if let absolute = RequestRules.absolute(uri) {
            host = absolute.authority
            uri = absolute.path
        }
        let authority = host ?? address.description
        headers.add(name: "host", value: authority)
        if let client { forwarded.append(client) }
        if !forwarded.isEmpty { headers.add(name: "x-forwarded-for", value: forwarded.joined(separator: ", ")) }
        headers.add(name: "x-forwarded-proto", value: "http")
        headers.add(name: "x-forwarded-host", value: authority)
        via.append("\(head.version.major).\(head.version.minor) holdfast")
        headers.add(name: "via", value: via.joined(separator: ", "))
        if head.isChunked { headers.add(name: "transfer-encoding", value: "chunked") }
        return HTTPRequestHead(version: .http1_1, method: head.method, uri: uri, headers: headers)
    }

    /// The head that the client gets for a response of the service.
    ///
    /// - Returns: The head, and whether the connection can serve another request after it.
    static func toClient(
        _ head: HTTPResponseHead, for request: HTTPRequestHead, keepAlive: Bool
    ) -> (head: HTTPResponseHead, keepAlive: Bool) {
        let named = HopByHop.named(by: head.headers["connection"])
        let isChunked = head.headers.contains(name: "transfer-encoding")
        var headers = HTTPHeaders()
        headers.reserveCapacity(head.headers.count + 2)
        for (name, value) in head.headers {
            let lower = name.lowercased()
            if HopByHop.stays(lower, named: named) || (isChunked && lower == "content-length") { continue }
            headers.add(name: name, value: value)
        }
        var keepAlive = keepAlive
        if hasBody(status: head.status, method: request.method), !headers.contains(name: "content-length") {
            if request.version == .http1_1 {
                headers.add(name: "transfer-encoding", value: "chunked")
            } else {
                keepAlive = false
            }
        }
        addConnection(to: &headers, for: request, keepAlive: keepAlive)
        return (HTTPResponseHead(version: .http1_1, status: head.status, headers: headers), keepAlive)
    }

    static func addConnection(to headers: inout HTTPHeaders, for request: HTTPRequestHead?, keepAlive: Bool) {
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

extension HTTPRequestHead {
    var isChunked: Bool { headers.contains(name: "transfer-encoding") }
    var announcesBody: Bool { isChunked || (headers.first(name: "content-length").map { $0 != "0" } ?? false) }
    var contentLength: Int? { headers.first(name: "content-length").flatMap(Int.init) }
}
#endif
