#if Gateway
import HoldfastHTTP
import NIOHTTP1
import Testing

@testable import HoldfastGateway

@Suite struct RequestTargetTests {
    private func read(
        _ target: String, _ method: HTTPMethod = .POST, host: String? = "h", mayBeAbsolute: Bool = true
    ) -> RequestTarget? {
        try? RequestTarget(method, target, host: host, mayBeAbsolute: mayBeAbsolute)
    }

    @Test(arguments: [
        ("/", "/"), ("/a?b=c?d", "/a?b=c?d"), ("/%63harges", "/charges"), ("/a%2fb", "/a%2Fb"),
        ("/%7euser/%2d", "/~user/-"),
        ("/%41", "/A"), ("/a?%63%2f", "/a?%63%2f"), ("/a?100%", "/a?100%"), ("/a?b\\c|d", "/a?b\\c|d"),
        ("/a|b[c]^", "/a|b[c]^"), ("/.well-known/x", "/.well-known/x"), ("/...", "/..."), ("/a..b/..c", "/a..b/..c"),
        ("/a;b=c", "/a;b=c"), ("//a", "//a"), ("/a/", "/a/"), ("/a?..", "/a?.."), ("/a?/../b", "/a?/../b"),
        ("/%25", "/%25"), ("/%E2%82%AC", "/%E2%82%AC"), ("/%e9", "/%E9"),
    ])
    func `a path goes to the service in one spelling, and a query as it came`(target: String, text: String) throws {
        let read = try #require(self.read(target))
        #expect(read.text == text)
        #expect(read.path == text.prefix { $0 != "?" })
        #expect(read.authority?.text == "h" && read.form == .origin)
    }

    @Test(arguments: [
        ("http://x/charges", "x", "/charges"), ("HTTP://X:80/charges?a", "X:80", "/charges?a"), ("https://x", "x", "/"),
        ("http://x?a=/b", "x", "/?a=/b"), ("http://[::1]:8080/%63", "[::1]:8080", "/c"), ("http://x:/a", "x", "/a"),
        ("http://x//a", "x", "//a"),
    ])
    func `a whole URI names whom it is for, and Host does not count`(target: String, authority: String, text: String)
        throws
    {
        let read = try #require(self.read(target, host: "other"))
        #expect(read.form == .absolute && read.authority?.text == authority && read.text == text)
        // RFC 9113, section 8.3.1: in HTTP/2 the path stands alone.
        #expect(self.read(target, mayBeAbsolute: false) == nil)
    }

    @Test(arguments: [
        "", "a", "a/b", "*", "?a", "%2Fa", "http:", "http:/a", "http:a", "http:///a", "ftp://x/a", "file:///a", "x:80",
        "http://u@x/a", "http://u:p@x/a", "http://x:p/a", "http://x:70000/a", "http://x y/a", "http://x\\a",
        "http://%78/a",
        "/a#", "/a#b", "/a?b#c", "http://x#a", "http://x/a#b",
        "/a b", "/a\tb", "/a\u{0}", "/a\u{7F}", "/a?b c", "/a?\u{1}", "/\\a", "/a\\", "/a\\..\\b",
        "/\u{E9}", "/a?\u{E9}", "/x\u{600}/../charges", "/x\u{600}", "/\u{10FFE9}",
        "/%", "/%2", "/%2x", "/%zz", "/%u0061", "/a%", "/%%32%35",
        "/%C0%AFa", "/%c1%a3harges", "/a%E0%80%AFb", "/%F0%80%81%A3", "/%25C0%25AF",
        "/%00", "/%0A", "/a%0d", "/%7F", "/%1f", "/%2500", "/%250A", "/%C0%80",
        "/.", "/..", "/a/.", "/a/..", "/./a", "/../a", "/a/../b", "/%2e", "/%2E%2e/a", "/a/.%2e", "/a/%2e.?b",
        "/..;/a", "/a/..;b=c/d", "/.;a", "/a/..%3B", "/..%2Fa", "/a%2F..%2Fb", "/a%2F..", "/..%5Ca", "/a%5C..%5Cb",
        "/..%3Fa", "/..%23", "/%252e%252e/a", "/a/..%252Fb", "/%25252e", "/..%20/a", "/%20../a", "/%2e%20",
        "/a/%C0%AE%C0%AE/b", "/%E0%80%AE./a", "/%F0%80%80%AE", "/..%C0%AFa", "/..%C1%9Ca", "/%EF%BC%8E%EF%BC%8E/a",
        "/%E2%80%A4%E2%80%A4/a", "/%E2%80%A5", "/..%EF%BC%8Fa", "/..%E2%88%95a", "http://x/../a", "http://x/%2e",
        "/%25%32%65%25%32%65/a", "/%%%", "/a/..%25%32%46b",
    ])
    func `what two readers could read differently asks for nothing`(target: String) {
        #expect(read(target) == nil, "\(target)")
    }

    // RFC9112-3.2.4-2
    @Test func `the server itself is asked by OPTIONS alone, and by a URI without a path`() throws {
        #expect(read("*", .OPTIONS)?.text == "*" && read("*", .GET) == nil)
        #expect(read("http://x", .OPTIONS)?.text == "*" && read("http://x/", .OPTIONS)?.text == "/")
        #expect(read("*", .OPTIONS, mayBeAbsolute: false)?.text == "*")
    }

    @Test(arguments: [
        ("a", "a"), ("A.Example", "a.example"), ("a.", "a"), ("a:80", "a"), ("a:", "a"), ("[::1]:", "[::1]"),
        ("a-b_c~1", "a-b_c~1"),
        ("127.0.0.1:8080", "127.0.0.1"), ("[::1]", "[::1]"), ("[0:0::0001]:443", "[::1]"),
        ("[2001:DB8::A]", "[2001:db8::a]"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("a:0", "a"), ("a:65535", "a"),
    ])
    func `a host is compared in one spelling`(text: String, host: String) {
        #expect(Authority(text)?.host == host)
    }

    /// RFC 9112, section 3.2: a Host that is none is answered 400.
    @Test(arguments: [
        "", ":", ":80", ".", "..", "a..b", ".a", "a b", "a\t", " a", "x/y", "x?y", "x#y", "u@x", "u:p@x", "x:y", "x:-1",
        "x:+1",
        "x:65536", "x:123456", "x:1:2", "x,y", "x;y", "x%79", "x\\y", "[", "[]", "[::1", "::1", "[::1]x", "[::g]",
        "[::1%25eth0]", "[::1%eth0]", "[v1.a]", "[127.0.0.1]", "[::1].evil", "bücher", "a\u{0}", "\"a\"", "<a>", "a|b",
        "http://x", "x:８０",
    ])
    func `what names no host is refused`(text: String) {
        #expect(Authority(text) == nil && read("/", host: text) == nil, "\(text)")
    }

    @Test func `a host is no longer than a name can be`() {
        let long = String(repeating: "a", count: 255)
        #expect(Authority(long) != nil && Authority(long + "a") == nil)
    }

    @Test(arguments: ["BAN", "REFRESH", "LIST", "M-SEARCH", "X", "a!#$%&'*+-.^_`|~9", "version-control"])
    func `any token is a method`(method: String) throws {
        try MethodRules.check(HTTPMethod(rawValue: method), known: [])
    }

    @Test(arguments: [
        "", "GET /", "G\tET", "GÉT", "GET:", "G(T", "a/b", "{}", "GET\r\nx: 1", "post", "Post", "pATCH", "ban",
    ])
    func `what is no token, or a known method in another case, is refused`(method: String) {
        #expect(throws: Problem.self) { try MethodRules.check(HTTPMethod(rawValue: method), known: ["BAN"]) }
    }
}
#endif
