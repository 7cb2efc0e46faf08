#if Gateway
import Holdfast
import HoldfastHTTP
import NIOHTTP1

/// What a request must be before anything is done about it. Two readers of one request must never disagree on where it
/// ends (RFC 9112, section 11.2), so whatever could be read in two ways is refused, and the connection closed.
enum RequestRules {
    /// - Throws: A ``Problem`` that says which rule was broken.
    static func check(_ head: HTTPRequestHead, headerLimit: Int) throws(Problem) {
        guard head.version == .http1_1 || head.version == .http2 || head.version == .http1_0 else {
            throw Problem(.badRequest, "HTTP/\(head.version.major).\(head.version.minor) is not served here")
        }
        let size = head.headers.reduce(head.uri.utf8.count) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
        guard size <= headerLimit else {
            throw Problem(
                .headersTooLarge, "the header fields take \(size) bytes, \(headerLimit) are allowed")
        }
        let framing = Framing(head.headers)
        try check(framing, head)
        try checkTarget(head, hosts: framing.hosts)
        guard head.method != .CONNECT else {
            throw Problem(.methodNotSupported, "CONNECT is not served here")
        }
    }

    /// The fields that say where a request ends and whom it is for, found in one go.
    private struct Framing {
        var coding: String?
        var codings = 0
        var length: String?
        var lengths = 0
        var hosts = 0

        init(_ headers: HTTPHeaders) {
            for (name, value) in headers {
                switch FieldName(name) {
                case .transferEncoding: (coding, codings) = (value, codings + 1)
                case .contentLength: (length, lengths) = (value, lengths + 1)
                case .host: hosts += 1
                default: break
                }
            }
        }
    }

    private static func check(_ framing: Framing, _ head: HTTPRequestHead) throws(Problem) {
        if let coding = framing.coding {
            guard framing.lengths == 0 else {
                throw Problem(.badRequest, "the request has both Content-Length and Transfer-Encoding")
            }
            guard framing.codings == 1, coding.lowercased() == "chunked", head.version != .http1_0 else {
                throw Problem(.badRequest, "the only transfer coding that is understood is chunked, once, in HTTP/1.1")
            }
        }
        guard framing.lengths <= 1 else {
            throw Problem(.badRequest, "the request has more than one Content-Length")
        }
        if let length = framing.length {
            guard !length.isEmpty, length.utf8.allSatisfy({ (0x30...0x39).contains($0) }), Int(length) != nil else {
                throw Problem(.badRequest, "the Content-Length is not a number")
            }
        }
    }

    private static func checkTarget(_ head: HTTPRequestHead, hosts: Int) throws(Problem) {
        guard hosts == 1 || (hosts == 0 && head.version == .http1_0) else {
            throw Problem(.badRequest, "the request must have one Host")
        }
        guard head.uri.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw Problem(.badRequest, "the request's target has characters that a target cannot have")
        }
        guard !hasDotSegments(head.path) else {
            throw Problem(.badRequest, "the request's path has '.' or '..' segments: resolve them first")
        }
        let isOptions = head.method == .OPTIONS && head.uri == "*"
        guard head.uri.hasPrefix("/") || isOptions || absolute(head.uri) != nil else {
            throw Problem(.badRequest, "the request's target is not a path")
        }
    }

    /// Whether a segment is `.` or `..`, written out or as `%2e`: one reader resolves it and another does not, so the
    /// route that is chosen here could be another than the service's.
    private static func hasDotSegments(_ path: Substring) -> Bool {
        guard path.utf8.contains(UInt8(ascii: ".")) || path.utf8.contains(UInt8(ascii: "%")) else { return false }
        return path.split(separator: "/").contains { segment in
            guard segment.utf8.count <= 6 else { return false }
            let plain = segment.lowercased().replacing("%2e", with: ".")
            return plain == "." || plain == ".."
        }
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
