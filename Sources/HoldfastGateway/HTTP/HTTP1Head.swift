#if Gateway
import NIOHTTP1

/// Heads of HTTP/1 from their bytes (RFC 9112, sections 3, 4 and 5).
enum HTTP1Head {
    /// What was read, and how many bytes it took.
    struct Read<Head> {
        let head: Head
        let framing: HTTP1Framing
        let count: Int
    }

    static func request(_ bytes: UnsafeRawBufferPointer) throws(HTTP1Stop) -> Read<HTTPRequestHead> {
        var lines = HTTP1Lines(bytes)
        let method = try lines.skipToken()
        guard !method.isEmpty, lines.bytes[lines.position] == HTTP1Lines.space else {
            throw .malformed("the request line does not begin with a method and a space")
        }
        lines.position += 1
        let target = try skipTarget(&lines)
        let minor = try lines.version(of: "the request line")
        try lines.endOfLine(of: "the request line")
        var (fields, framing) = ([(String, String)](), HTTP1Framing())
        fields.reserveCapacity(16)
        try lines.fields(isResponse: false, into: &fields, &framing)
        let head = HTTPRequestHead(
            version: version(minor), method: Self.method(lines, method), uri: lines.value(target),
            headers: HTTPHeaders(fields))
        return Read(head: head, framing: framing, count: lines.position)
    }

    /// Up to the space behind it. What it may consist of is decided by whoever reads it; it holds no blank.
    private static func skipTarget(_ lines: inout HTTP1Lines) throws(HTTP1Stop) -> Range<Int> {
        let start = lines.position
        while lines.position < lines.bytes.count, HTTP1Lines.isVisible(lines.bytes[lines.position]) {
            lines.position += 1
        }
        guard try lines.peek() == HTTP1Lines.space, lines.position > start else {
            throw .malformed("the request line is not a method, a target and a version, with one space between them")
        }
        lines.position += 1
        return start..<(lines.position - 1)
    }

    static func response(_ bytes: UnsafeRawBufferPointer) throws(HTTP1Stop) -> Read<HTTPResponseHead> {
        var lines = HTTP1Lines(bytes)
        let minor = try lines.version(of: "the status line")
        guard try lines.peek() == HTTP1Lines.space else { throw .malformed("the status line has no status") }
        lines.position += 1
        var status = 0
        for _ in 0..<3 {
            let digit = try lines.peek()
            guard HTTP1Lines.isDigit(digit) else { throw .malformed("its status is not three digits") }
            status = status * 10 + Int(digit - 0x30)
            lines.position += 1
        }
        // A client would get fewer digits.
        guard status >= 100 else { throw .malformed("its status is below 100") }
        // The reason is for people, and is read over (section 4); some leave out the space in front of none.
        let next = try lines.peek()
        guard HTTP1Lines.isBlank(next) || next == HTTP1Lines.cr else {
            throw .malformed("its status is not three digits")
        }
        while lines.position < lines.bytes.count,
            HTTP1Lines.isVisible(lines.bytes[lines.position]) || HTTP1Lines.isBlank(lines.bytes[lines.position])
        {
            lines.position += 1
        }
        try lines.endOfLine(of: "the status line")
        var (fields, framing) = ([(String, String)](), HTTP1Framing())
        fields.reserveCapacity(16)
        try lines.fields(isResponse: true, into: &fields, &framing)
        let head = HTTPResponseHead(
            version: version(minor), status: HTTPResponseStatus(statusCode: status), headers: HTTPHeaders(fields))
        return Read(head: head, framing: framing, count: lines.position)
    }

    /// A minor version that is higher than ours says what 1.1 says (RFC9110-6.2-5).
    private static func version(_ minor: Int) -> HTTPVersion { minor == 0 ? .http1_0 : .http1_1 }

    /// Any token is a method (RFC 9110, section 9.1). Those that nearly every request has are told without a `String`.
    private static func method(_ lines: HTTP1Lines, _ range: Range<Int>) -> HTTPMethod {
        let bytes = UnsafeRawBufferPointer(rebasing: lines.bytes[range])
        func isMethod(_ name: StaticString) -> Bool {
            (0..<bytes.count).allSatisfy { bytes[$0] == name.utf8Start[$0] }
        }
        return switch bytes.count {
        case 3 where isMethod("GET"): .GET
        case 3 where isMethod("PUT"): .PUT
        case 4 where isMethod("POST"): .POST
        case 4 where isMethod("HEAD"): .HEAD
        case 5 where isMethod("PATCH"): .PATCH
        case 6 where isMethod("DELETE"): .DELETE
        default: HTTPMethod(rawValue: lines.text(range))
        }
    }
}
#endif
