#if Gateway
import Holdfast
import HoldfastHTTP
import NIOHTTP1

/// What a request must be before anything is done about it. Two readers of one request must never disagree on where it
/// ends (RFC 9112, section 11.2), so whatever could be read in two ways is refused, and the connection closed.
enum RequestRules {
    /// The most members of `Connection`. Each is compared with each field's name, which takes a hash and a text.
    static let connectionBound = 64

    /// - Parameter table: The routes, for what they decide by.
    /// - Returns: What the request asks for. From here on the head says the same.
    /// - Throws: A ``Problem`` that says which rule was broken.
    static func read(
        _ head: inout HTTPRequestHead, _ fields: RequestFields, headerLimit: Int, for table: RouteTable
    ) throws(Problem) -> RequestTarget {
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
        guard fields.connectionOptions <= connectionBound else {
            throw Problem(
                .badRequest,
                "Connection names \(fields.connectionOptions) fields, at most \(connectionBound) are allowed")
        }
        if let twin = fields.twin {
            throw Problem(
                .badRequest, "services take the field '\(twin)' for another, by which something is decided here")
        }
        try MethodRules.check(method, known: table.methods)
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
        let target = try RequestTarget(method, head.uri, host: fields.host, mayBeAbsolute: version.major < 2)
        if head.uri != target.text { head.uri = target.text }
        if target.form == .absolute, let authority = target.authority {
            head.headers.replaceOrAdd(name: "host", value: authority.text)
        }
        return target
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
}
#endif
