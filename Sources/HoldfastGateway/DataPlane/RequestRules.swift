#if Gateway
import Holdfast
import HoldfastHTTP
import NIOHTTP1

/// What a request must be before anything is done about it. Two readers of one request must never disagree on where it
/// ends (RFC 9112, section 11.2), so whatever could be read in two ways is refused, and the connection closed.
enum RequestRules {
    /// How many gateways a request may have passed: three in a row (an edge, a region, a sidecar) are in use, and this is
    /// more than twice as many.
    static let loopBound = 8

    /// The most members of `Connection`. Each is compared with each field's name, which takes a hash and a text.
    static let connectionBound = 64

    /// - Parameters:
    ///   - fieldLimit: How many fields there may be.
    ///   - table: The routes, for what they decide by.
    /// - Returns: What the request asks for. From here on the head says the same.
    /// - Throws: A `Problem` that says which rule was broken.
    static func read(
        _ head: inout HTTPRequestHead, _ fields: RequestFields, headerLimit: Int, fieldLimit: Int,
        for table: RouteTable
    ) throws(Problem) -> RequestTarget {
        let (version, method) = (head.version, head.method)
        guard version == .http1_1 || version == .http2 || version == .http1_0 else {
            throw Problem(.badRequest, "HTTP/\(version.major).\(version.minor) is not served here")
        }
        guard fields.bytes <= headerLimit else {
            throw Problem(
                .headersTooLarge, "the header fields take \(fields.bytes) bytes, \(headerLimit) are allowed")
        }
        guard fields.count <= fieldLimit else {
            throw Problem(.headersTooLarge, "there are \(fields.count) header fields, \(fieldLimit) are allowed")
        }
        try checkFraming(fields, version)
        // In HTTP/1.0 as well: the service would be told some host, by which nothing was decided here.
        guard fields.hosts == 1 else { throw Problem(.badRequest, "the request must have one Host") }
        // It is no list (RFC 9110, sections 5.3 and 11.6.2). Of two, services take the first, the last, or both.
        guard fields.authorizations <= 1 else {
            throw Problem(.badRequest, "the request has more than one Authorization")
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
        // More gateways than anybody puts in a row are one that calls itself, or two that call each other. Without a bound
        // each request would become as many as there are connections.
        guard fields.holdfasts < loopBound else {
            throw Problem(
                .loopDetected,
                "it has passed \(fields.holdfasts) gateways of this kind, as Via says: a service's endpoint leads back to one of them"
            )
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
