import HoldfastHTTP
import Testing

/// RFC 9110, section 8.3.1.
@Suite struct MediaTypeTests {
    @Test(arguments: [
        "text/html;charset=utf-8", "Text/HTML;Charset=\"utf-8\"", "text/html; charset=\"utf-8\"",
        "text/html;charset=UTF-8", " text/html \t; charset=Utf-8 ", "text/html; charset=utf-8;",
        "text/html;;charset=utf-8",
        // RFC9110-5.6.4-1
        "text/html;charset=\"utf\\-8\"",
    ])
    func `a media type is the same however it is written`(text: String) throws {
        let read = try #require(MediaType(text))
        #expect(read == MediaType("text/html;charset=utf-8"))
    }

    @Test func `parameters are a set`() {
        #expect(MediaType("a/b; x=1; y=2") == MediaType("a/b; y=2; x=1"))
    }

    @Test(arguments: [
        ("a/b", "a/c"), ("a/b", "a/b; x=1"), ("a/b; x=1", "a/b; x=2"), ("a/b; x=A", "a/b; x=a"),
        ("a/b; x=\"a b\"", "a/b; x=ab"), ("a/b; charset=a", "a/b; charset=b"), ("a/b; xy=1", "a/b; x=y1"),
        ("a/b; x=\"1; y=2\"", "a/b; x=1; y=2"), ("a/b", "a/b; charset=utf-8"),
    ])
    func `what does not mean the same is told apart`(one: String, other: String) throws {
        let (one, other) = (try #require(MediaType(one)), try #require(MediaType(other)))
        #expect(one != other)
    }

    @Test(arguments: [
        "", "text", "text/", "/html", "text/html/x", "te xt/html", "text/html; charset", "text/html; charset=",
        "text/html; =utf-8", "text/html; charset = utf-8", "text/html; charset=\"utf-8", "text/html; a=1; A=1",
        "text/html\r\nSet-Cookie: s=1", "text/html; a=\"b\r\nc\"", "text/html; a=\"\u{0}\"", "text/html, text/plain",
        "text/html; a=b c", "text/html; a=\"b\"c", "töxt/html",
    ])
    func `what is no media type is none`(text: String) { #expect(MediaType(text) == nil) }

    @Test(arguments: [(32, true), (33, false), (4_000, false)])
    func `no more parameters are read than any type has`(count: Int, isRead: Bool) {
        let named = (0..<count).map { "; p\($0)=1" }.joined()
        #expect((MediaType("a/b" + named) != nil) == isRead)
        #expect((MediaType("a/b" + String(repeating: ";", count: count)) != nil) == isRead)
    }

    @Test func `a boundary out of its quotes is read, though it needs them`() {
        #expect(MediaType("multipart/mixed; boundary=----=_Part_1:2/3")?.parameters["boundary"] == "----=_Part_1:2/3")
    }
}
