#if Gateway
import NIOCore
import NIOHTTP1
import Testing

@testable import HoldfastGateway

/// Requests of HTTP/1, from bytes.
@Suite("Reading requests of HTTP/1")
struct HTTP1RequestReaderTests {
    /// What was read: each request as `METHOD target [name: value] body`, and why it went no further.
    struct Result: Equatable {
        var requests: [String] = []
        var isWhole = true
        var error: HTTP1Error?
        var unread = ""
    }

    /// - Parameter cuts: Where the bytes are cut.
    static func read(_ bytes: [UInt8], cuts: [Int] = [], limit: Int = 1_000) -> Result {
        var (reader, result) = (HTTP1RequestReader(headLimit: limit), Result())
        let places = [0] + cuts + [bytes.count]
        do throws(HTTP1Error) {
            for (from, to) in zip(places, places.dropFirst()) {
                reader.append(ByteBuffer(bytes: bytes[from..<to]))
                while let part = try reader.next() {
                    switch part {
                    case .head(let head):
                        let fields = head.headers.map { "[\($0.name): \($0.value)]" }.joined()
                        result.requests.append("\(head.method.rawValue) \(head.uri) \(fields) ")
                        result.isWhole = false
                    case .body(let body):
                        result.requests[result.requests.count - 1] += String(buffer: body)
                    case .end:
                        result.isWhole = true
                    }
                }
                reader.settle()
            }
        } catch {
            result.error = error
        }
        result.unread = reader.takeUnread().map { String(buffer: $0) } ?? ""
        return result
    }

    static func read(_ text: String, cuts: [Int] = [], limit: Int = 1_000) -> Result {
        read(Array(text.utf8), cuts: cuts, limit: limit)
    }

    @Test func `requests are read one after another, wherever the bytes are cut`() {
        let text =
            "\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"
            + "PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nde\r\n1 \r\nf\r\n0\r\nT: 1\r\n\r\n"
            + "DELETE /d HTTP/1.0\r\n\r\n"
        let expected = [
            "GET /a [Host: x] ", "POST /b [Content-Length: 3] abc", "PUT /c [Transfer-Encoding: chunked] def",
            "DELETE /d  ",
        ]
        #expect(Self.read(text) == Result(requests: expected))
        let count = text.utf8.count
        for first in 1..<count {
            let result = Self.read(text, cuts: [first])
            #expect(result == Result(requests: expected), "cut at \(first)")
        }
        #expect(Self.read(text, cuts: Array(1..<count)) == Result(requests: expected))
    }

    // RFC 9112, section 5.1, and RFC 9110, section 5.5.
    @Test(
        arguments: ["", " ", "\t", "  \t ", "                    "], ["", " ", "\t", " \t  ", "                    "])
    func `blanks around a value are no part of it`(before: String, after: String) {
        for value in ["Bearer t", "a  b", "", "\u{E9}"] {
            let result = Self.read("GET / HTTP/1.1\r\nAuthorization:\(before)\(value)\(after)\r\n\r\n")
            #expect(result == Result(requests: ["GET / [Authorization: \(value)] "]))
        }
        let sized = Self.read("POST / HTTP/1.1\r\nContent-Length:\(before)3\(after)\r\n\r\nabc")
        #expect(sized.requests == ["POST / [Content-Length: 3] abc"] && sized.isWhole)
        let chunked = Self.read(
            "POST / HTTP/1.1\r\nTransfer-Encoding:\(before)chunked\(after)\r\n\r\n1\r\na\r\n0\r\n\r\n")
        #expect(chunked.requests == ["POST / [Transfer-Encoding: chunked] a"] && chunked.isWhole)
    }

    // RFC 9110, sections 5.6.2 and 9.1.
    @Test(arguments: ["GET", "BAN", "REFRESH", "LIST", "M-SEARCH", "get", "!#$%&'*+-.^_`|~09", "X"])
    func `any token is a method`(method: String) {
        #expect(Self.read("\(method) / HTTP/1.1\r\n\r\n") == Result(requests: ["\(method) /  "]))
    }

    @Test func `a value's bytes are kept, whatever they are`() {
        for value: [UInt8] in [[0x4A, 0xF6], [0x4A, 0xE4], [0xFF], [0xC3, 0xA4], [0x80, 0x80]] {
            var reader = HTTP1RequestReader(headLimit: 1_000)
            reader.append(ByteBuffer(bytes: Array("GET / HTTP/1.1\r\nX: ".utf8) + value + Array("\r\n\r\n".utf8)))
            guard case .head(let head)? = try? reader.next() else {
                Issue.record("\(value) is not read")
                continue
            }
            #expect(head.headers.first(name: "x")?.fieldBytes == value)
        }
    }

    static let malformed = [
        " GET / HTTP/1.1\r\n\r\n", "\nGET / HTTP/1.1\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GET /  HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n", "GET /\tHTTP/1.1\r\n\r\n", "GET\t/ HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\n\n",
        "GET / HTTP/1.1\r\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / http/1.1\r\n\r\n", "GET / HTTP/1.10\r\n\r\n",
        "GET / HTTP/11\r\n\r\n", "GET /\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n", "G(T / HTTP/1.1\r\n\r\n",
        "G\u{E9}T / HTTP/1.1\r\n\r\n", "GET /\u{0} HTTP/1.1\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n",
        // Field lines: sections 5, 5.1 and 5.2.
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\nHost\t: a\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\tb\r\n\r\n",
        "GET / HTTP/1.1\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\r\n\r\n", "GET / HTTP/1.1\r\nH\u{0}: a\r\n\r\n", "GET / HTTP/1.1\r\nX: a\u{0}b\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\rb\r\n\r\n", "GET / HTTP/1.1\r\nX: a\nY: b\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\u{7F}\r\n\r\n",
        "GET / HTTP/1.1\r\nX: a\r\n\n", "GET / HTTP/1.1\r\nX: \u{B}a\r\n\r\n", "GET / HTTP/1.1\r\nX\u{E9}: a\r\n\r\n",
        "GET / HTTP/1.1\r\nTransfer-Encoding\u{B}: chunked\r\n\r\n",
        // Framing: section 6.
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\na", "POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
        "POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\na", "POST / HTTP/1.1\r\nContent-Length: \r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1 1\r\n\r\na",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\na",
        "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: \r\n\r\n",
        "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n\r\na",
        "POST / HTTP/1.1\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n",
    ]

    // RFC9110-2.3-1
    @Test(arguments: malformed)
    func `what two readers could read in two ways is not read`(text: String) {
        let result = Self.read(text)
        #expect(result.error != nil && result.error != .tooLarge, "\(result)")
        #expect(result.requests.isEmpty)
    }

    static let malformedChunks = [
        "\r\n", "g\r\n", "1\na\r\n", "1\ra\r\n", "-1\r\n", "+1\r\na\r\n", "0x1\r\na\r\n", " 1\r\na\r\n", "1\r\nab\r\n",
        "1\r\na\n", "1\r\na0\r\n\r\n", "1;\u{0}\r\na\r\n", "1;a\nb\r\na\r\n", "1 a\r\na\r\n", "FFFFFFFFFFFFFFFF\r\n",
        "10000000000000001\r\na\r\n", "0\r\nT : 1\r\n\r\n", "0\r\n t\r\n\r\n", "0\r\nT: 1\n\r\n", "0\r\n\n",
        "1\u{B}\r\na\r\n",
        "1;\(String(repeating: "x", count: 2_000))\r\na\r\n", "0\r\nT: \(String(repeating: "x", count: 4_000))\r\n\r\n",
    ]

    @Test(arguments: malformedChunks)
    func `a chunk is as RFC 9112 has it, or not read`(chunks: String) {
        let text = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
        for cuts in [[], Array(1..<text.utf8.count)] {
            let result = Self.read(text, cuts: cuts)
            #expect(result.error != nil && !result.isWhole, "\(result)")
        }
    }

    @Test func `extensions of chunks that outweigh what they hold are not read for ever`() {
        let chunk = "1;\(String(repeating: "x", count: 900))\r\na\r\n"
        let head = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(Self.read(head + String(repeating: chunk, count: 10)).error == nil)
        #expect(Self.read(head + String(repeating: chunk, count: 30)).error != nil)
        let small = "1;e=1\r\na\r\n"
        #expect(Self.read(head + String(repeating: small, count: 5_000)).error == nil)
    }

    @Test func `a head that is too long is told as such, at once and byte by byte`() {
        let text = "GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 5_000))\r\n\r\n"
        for cuts in [[], [3_000], Array(1..<text.utf8.count)] {
            let result = Self.read(text, cuts: cuts)
            #expect(result.error == .tooLarge, "\(result.error as Any)")
        }
        #expect(Self.read(String(text.dropLast(2))).error == .tooLarge)
    }

    // RFC 9110, section 7.8.
    @Test func `what follows a request that asks to leave HTTP is not read`() {
        let text = "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
        let result = Self.read(text + "GET /x HTTP/1.1\r\n\r\n")
        #expect(result.requests.count == 1 && result.unread == "GET /x HTTP/1.1\r\n\r\n")
    }

    @Test func `a head that comes byte by byte is looked through once`() {
        // 60,000 bytes in so many pieces: read anew with each, they would be 1,800,000,000.
        let text = "GET / HTTP/1.1\r\nX: \(String(repeating: "x", count: 60_000))\r\n\r\n"
        let result = Self.read(text, cuts: Array(1..<text.utf8.count), limit: 100_000)
        #expect(result.requests.count == 1 && result.isWhole)
    }
}
#endif
