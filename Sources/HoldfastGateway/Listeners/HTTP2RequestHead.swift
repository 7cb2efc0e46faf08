#if Gateway
import NIOHPACK
import NIOHTTP1

/// A request's head, from the fields of HTTP/2.
enum HTTP2RequestHead {
    private struct Malformed: Error {}

    /// - Returns: The head; nil for one that is malformed (RFC 9113, sections 8.2 and 8.3), or that HTTP/1 would read in
    ///   another way.
    static func make(_ fields: HPACKHeaders) -> HTTPRequestHead? {
        try? read(fields)
    }

    private static func read(_ fields: HPACKHeaders) throws -> HTTPRequestHead {
        var (method, path, scheme, authority) = ("", "", "", String?.none)
        var headers = HTTPHeaders()
        headers.reserveCapacity(fields.count)
        for (name, value, _) in fields {
            switch name {
            case ":method": method = value
            case ":path": path = value
            case ":scheme": scheme = value
            case ":authority": authority = value
            default:
                try check(name, value)
                headers.add(name: name, value: value)
            }
        }
        // What a method, a path and an authority may be is the same over HTTP/1: ``RequestRules`` looks at them.
        guard scheme == "http" || scheme == "https" || method == "CONNECT" else { throw Malformed() }
        if let authority, !authority.isEmpty {
            try setHost(authority, scheme, &headers)
        }
        joinCookies(&headers)
        return HTTPRequestHead(version: .http2, method: HTTPMethod(rawValue: method), uri: path, headers: headers)
    }

    /// NIOHTTP2 has refused line breaks, NUL, and names that are not tokens or not in lower case.
    private static func check(_ name: String, _ value: String) throws {
        guard !name.hasPrefix(":") else { throw Malformed() }
        var last: UInt8 = 0x21
        for (position, byte) in value.utf8.enumerated() {
            if byte < 0x20 && byte != 0x09 || byte == 0x7F { throw Malformed() }
            if position == 0, byte == 0x20 || byte == 0x09 { throw Malformed() }
            last = byte
        }
        if last == 0x20 || last == 0x09 { throw Malformed() }
    }

    /// The authority is where the request goes; a `Host` that names another place is a contradiction (RFC 9113, section
    /// 8.3.1). It has no user and no password.
    private static func setHost(_ authority: String, _ scheme: String, _ headers: inout HTTPHeaders) throws {
        let hosts = headers["host"]
        guard hosts.count <= 1, !authority.utf8.contains(UInt8(ascii: "@")) else { throw Malformed() }
        if let host = hosts.first, host != authority {
            guard let named = Authority(authority), Authority(host)?.names(sameAs: named, scheme: scheme) == true else {
                throw Malformed()
            }
        }
        headers.replaceOrAdd(name: "host", value: authority)
    }

    /// HTTP/2 may send a cookie in pieces, HTTP/1 must not (RFC 9113, section 8.2.3).
    private static func joinCookies(_ headers: inout HTTPHeaders) {
        let pieces = headers["cookie"]
        guard pieces.count > 1 else { return }
        headers.replaceOrAdd(name: "cookie", value: pieces.joined(separator: "; "))
    }
}
#endif
