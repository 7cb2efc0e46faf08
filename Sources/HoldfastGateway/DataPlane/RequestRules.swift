#if Gateway
import Holdfast
import HoldfastHTTP
import NIOHTTP1

/// What a request must be before anything is done about it. Two readers of one request must never disagree on where it
/// ends (RFC 9112, section 11.2), so whatever could be read in two ways is refused, and the connection closed.
enum RequestRules {
    /// - Throws: A ``Problem`` that says which rule was broken.
    static func check(_ head: HTTPRequestHead, _ fields: RequestFields, headerLimit: Int) throws(Problem) {
        let (version, method) = (head.version, head.method)
        guard version == .http1_1 || version == .http2 || version == .http1_0 else {
            throw Problem(.badRequest, "HTTP/\(version.major).\(version.minor) is not served here")
        }
        guard fields.bytes <= headerLimit else {
            throw Problem(
                .headersTooLarge, "the header fields take \(fields.bytes) bytes, \(headerLimit) are allowed")
        }
        try checkFraming(fields, version)
        guard fields.hosts == 1 || (fields.hosts == 0 && version == .http1_0) else {
            throw Problem(.badRequest, "the request must have one Host")
        }
        try checkTarget(head.uri, method)
        guard method != .CONNECT else {
            throw Problem(.methodNotSupported, "CONNECT is not served here")
        }
        guard fields.maxForwards != .malformed else {
            throw Problem(.badRequest, "Max-Forwards is not a number, once")
        }
        // It would be sent back as it came, with what whoever sent it did not mean to read.
        guard fields.maxForwards != .ends || method != .TRACE else {
            throw Problem(.methodNotSupported, "a TRACE that may not be forwarded is not answered here")
        }
    }

    private static func checkFraming(_ fields: RequestFields, _ version: HTTPVersion) throws(Problem) {
        if let coding = fields.coding {
            guard fields.lengths == 0 else {
                throw Problem(.badRequest, "the request has both Content-Length and Transfer-Encoding")
            }
            guard fields.codings == 1, coding.is("chunked"), version != .http1_0 else {
                throw Problem(.badRequest, "the only transfer coding that is understood is chunked, once, in HTTP/1.1")
            }
        }
        guard fields.lengths <= 1 else {
            throw Problem(.badRequest, "the request has more than one Content-Length")
        }
        if let length = fields.length {
            guard !length.isEmpty, length.utf8.allSatisfy({ (0x30...0x39).contains($0) }), Int(length) != nil else {
                throw Problem(.badRequest, "the Content-Length is not a number")
            }
        }
    }

    private static func checkTarget(_ uri: String, _ method: HTTPMethod) throws(Problem) {
        var mayHaveDotSegments = false
        for byte in uri.utf8 {
            guard byte > 0x20, byte != 0x7F else {
                throw Problem(.badRequest, "the request's target has characters that a target cannot have")
            }
            if byte == UInt8(ascii: ".") || byte == UInt8(ascii: "%") { mayHaveDotSegments = true }
        }
        guard !mayHaveDotSegments || !hasDotSegments(path(of: uri)) else {
            throw Problem(.badRequest, "the request's path has '.' or '..' segments: resolve them first")
        }
        guard uri.utf8.first == UInt8(ascii: "/") || (method == .OPTIONS && uri == "*") || absolute(uri) != nil else {
            throw Problem(.badRequest, "the request's target is not a path")
        }
    }

    /// A target without its query.
    static func path(of uri: String) -> Substring {
        uri[..<(uri.utf8.firstIndex(of: UInt8(ascii: "?")) ?? uri.endIndex)]
    }

    /// Whether a segment is `.` or `..`, written out or as `%2e`: one reader resolves it and another does not, so the
    /// route that is chosen here could be another than the service's.
    static func hasDotSegments(_ path: Substring) -> Bool {
        path.split(separator: "/").contains { segment in
            guard segment.utf8.count <= 6 else { return false }
            let plain = segment.lowercased().replacing("%2e", with: ".")
            return plain == "." || plain == ".."
        }
    }

    /// The path that a service is asked for, and the authority where the target has one.
    static func target(_ head: HTTPRequestHead) -> (authority: String?, path: String) {
        let uri = head.uri
        guard uri.utf8.first != UInt8(ascii: "/"), let absolute = absolute(uri) else { return (nil, uri) }
        return absolute
    }

    /// The authority and the path of a target in absolute form (RFC 9112, section 3.2.2).
    static func absolute(_ uri: String) -> (authority: String, path: String)? {
        guard uri.lowercased().hasPrefix("http://") else { return nil }
        let rest = uri.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.isEmpty else { return nil }
        let path = rest.dropFirst(authority.count)
        return (String(authority), path.hasPrefix("/") ? String(path) : "/" + path)
    }
}
#endif
