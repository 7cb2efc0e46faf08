#if Gateway
import NIOCore
import NIOHTTP1
import Testing

@testable import HoldfastGateway

/// Answers of services over HTTP/1, from bytes.
@Suite("Reading answers of HTTP/1")
struct HTTP1ResponseReaderTests {
    struct Result: Equatable {
        var status = 0
        var fields: [String] = []
        var body = ""
        var isWhole = false
        var persists = false
        var endsWithConnection = false
        var hasUnread = false
        var error: String?
    }

    static func read(_ bytes: [UInt8], to method: HTTPMethod = .GET, bytewise: Bool = false) -> Result {
        var (reader, result) = (HTTP1ResponseReader(), Result())
        reader.expect(method)
        do throws(HTTP1Error) {
            for piece in bytewise ? bytes.map({ [$0] }) : [bytes] {
                reader.append(ByteBuffer(bytes: piece))
                while !result.isWhole, let part = try reader.next() {
                    switch part {
                    case .head(let head, let persists):
                        (result.status, result.persists) = (Int(head.status.code), persists)
                        result.fields = head.headers.map { "\($0.name): \($0.value)" }
                    case .body(let body): result.body += String(buffer: body)
                    case .end: result.isWhole = true
                    }
                }
            }
        } catch {
            result.error = "\(error)"
        }
        result.endsWithConnection = reader.endsWithConnection
        result.hasUnread = reader.hasUnread
        return result
    }

    static func read(_ text: String, to method: HTTPMethod = .GET, bytewise: Bool = false) -> Result {
        read(Array(text.utf8), to: method, bytewise: bytewise)
    }

    @Test func `an answer of more fields than any service needs is none`() {
        for (count, isTaken) in [(255, true), (256, false), (10_000, false)] {
            let text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + String(repeating: "a:b\r\n", count: count) + "\r\n"
            let result = Self.read(text)
            #expect((result.error == nil) == isTaken && result.isWhole == isTaken, "\(count)")
        }
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok"), ("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok", "ok"),
        ("HTTP/1.1 200 \r\nContent-Length: 2 \r\n\r\nok", "ok"),
        ("HTTP/1.1 200 Tr\u{E8}s bien\r\nTransfer-Encoding: chunked \t\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
        // A gateway takes these blanks away (RFC 9112, section 5.1).
        ("HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok", "ok"),
    ])
    func `an answer with a length is whole at its end`(text: String, body: String) {
        for bytewise in [false, true] {
            let result = Self.read(text, bytewise: bytewise)
            #expect(result.isWhole && result.persists && result.body == body && !result.hasUnread, "\(result)")
        }
    }

    // RFC 9112, section 6.3, rules 1 and 2, whatever is said of a length.
    @Test(arguments: [
        ("HTTP/1.1 204 No Content\r\n", HTTPMethod.GET), ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n", .GET),
        ("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n", .GET),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n", .GET),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", .HEAD),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", .HEAD), ("HTTP/1.1 200 OK\r\n", .HEAD),
    ])
    func `an answer that has no body ends with its head, and what follows is not its own`(
        head: String, method: HTTPMethod
    ) {
        #expect(Self.read(head + "\r\n", to: method).isWhole)
        let talkative = Self.read(head + "\r\nHTTP/1.1 200 OK\r\n\r\n", to: method)
        #expect(talkative.isWhole && talkative.body.isEmpty && talkative.hasUnread)
    }

    // RFC 9112, section 8.
    @Test func `an answer without a length ends with the connection`() {
        let result = Self.read("HTTP/1.1 200 OK\r\n\r\nsome")
        #expect(result.body == "some" && !result.isWhole && result.endsWithConnection)
        let half = Self.read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome")
        #expect(!half.isWhole && !half.endsWithConnection)
        let chunks = Self.read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n")
        #expect(!chunks.isWhole && !chunks.endsWithConnection)
    }

    @Test(arguments: [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", false),
        ("HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\nContent-Length: 0\r\n\r\n", false),
        ("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false),
        ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n", true),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", false),
    ])
    func `whether a connection serves another request is as section 9.3 says`(text: String, persists: Bool) {
        #expect(Self.read(text).persists == persists)
    }

    // RFC 9112, section 5.2: a gateway replaces what an old service folds.
    @Test func `a folded value is one value`() {
        let result = Self.read("HTTP/1.1 200 OK\r\nX: a \r\n  b\r\n\tc\r\nY:\r\n d\r\nContent-Length: 0\r\n\r\n")
        #expect(result.fields == ["X: a b c", "Y: d", "Content-Length: 0"])
    }

    @Test func `a final answer follows those in front of it`() {
        let result = Self.read(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n"
                + "HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx")
        #expect(result.status == 201 && result.body == "x" && result.isWhole)
    }

    // RFC9112-6.3-13, RFC9112-9.2-2
    @Test func `what nobody asked for is no answer`() {
        var reader = HTTP1ResponseReader()
        reader.append(ByteBuffer(string: "HTTP/1.1 200 OK\r\n\r\n"))
        #expect(throws: HTTP1Error.self) { try reader.next() }
    }

    @Test(arguments: [
        "HTTP/1.1 099 What\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/2 200\r\n\r\n",
        "ICY 200 OK\r\n\r\n", "HTTP/1.1  200 OK\r\n\r\n", "HTTP/1.1 200 OK\n\n", "HTTP/1.1 200 O\u{0}K\r\n\r\n",
        "HTTP/1.1 200 OK\r\n X: 1\r\n\r\n", "HTTP/1.1 200 OK\r\nX\r\n\r\n", "HTTP/1.1 200 OK\r\nX y: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: \u{0}\r\n\r\n", "HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "nonsense\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: \(String(repeating: "x", count: 140_000))",
    ])
    func `what two readers could read in two ways is no answer`(text: String) {
        #expect(Self.read(text).error != nil)
    }
}
#endif
