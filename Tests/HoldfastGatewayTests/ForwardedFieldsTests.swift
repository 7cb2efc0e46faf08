#if Gateway
import NIOCore
import NIOHTTP1
import Testing

@testable import HoldfastGateway

/// Who the client is, by what proxies say and by who of them is trusted.
@Suite struct ForwardedFieldsTests {
    private let trusted: [AddressRange]
    private let peer: IPAddress

    init() throws {
        trusted = try ["10.0.0.0/8", "2001:db8:1::/48"].map { try AddressRange($0) }
        peer = try #require(IPAddress(text: "10.0.0.1".utf8))
    }

    private func read(
        _ fields: [(String, String)], in field: ListenerConfiguration.TrustedFields = .xForwarded
    ) -> ForwardedFields.Reading {
        ForwardedFields.read(HTTPHeaders(fields), in: field, from: peer, trusting: trusted)
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1, 10.0.0.1"),
        // The client's own word, whatever it says.
        ("198.51.100.7, 192.0.2.1", "192.0.2.1, 10.0.0.1"), ("10.0.0.9, 192.0.2.1", "192.0.2.1, 10.0.0.1"),
        ("unknown, 192.0.2.1", "192.0.2.1, 10.0.0.1"), ("\", 192.0.2.1", "192.0.2.1, 10.0.0.1"),
        // Hops between.
        ("192.0.2.1, 10.0.0.2", "192.0.2.1, 10.0.0.2, 10.0.0.1"),
        ("192.0.2.1,10.0.0.3 ,\t10.0.0.2", "192.0.2.1, 10.0.0.3, 10.0.0.2, 10.0.0.1"),
        ("2001:db8:2::7, 2001:db8:1::2", "2001:db8:2::7, 2001:db8:1::2, 10.0.0.1"),
        // All of them are trusted: the outermost asks.
        ("10.0.0.3, 10.0.0.2", "10.0.0.3, 10.0.0.2, 10.0.0.1"),
        // Spellings.
        ("192.0.2.1:4711", "192.0.2.1, 10.0.0.1"), ("[2001:db8:2::7]", "2001:db8:2::7, 10.0.0.1"),
        ("[2001:db8:2::7]:4711", "2001:db8:2::7, 10.0.0.1"), ("\"[2001:db8:2::7]:80\"", "2001:db8:2::7, 10.0.0.1"),
        ("2001:DB8:2:0:0:0:0:7", "2001:db8:2::7, 10.0.0.1"), ("::ffff:192.0.2.1", "192.0.2.1, 10.0.0.1"),
        ("192.0.2.1, ::ffff:10.0.0.2", "192.0.2.1, 10.0.0.2, 10.0.0.1"), ("192.0.2.1, , ", "192.0.2.1, 10.0.0.1"),
        ("192.0.2.1, [::ffff:a00:2]:9", "192.0.2.1, 10.0.0.2, 10.0.0.1"),
    ])
    func `the rightmost hop that is not trusted is the client`(value: String, hops: String) {
        let said = read([("X-Forwarded-For", value)])
        #expect(said.chain.text == hops)
        #expect(!said.chain.isClientHidden)
    }

    @Test(arguments: [
        "unknown", "_hidden", "_gazonk", "client", "192.0.2", "192.0.2.256", "192.0.2.01", "0x7f.0.0.1", "3221225985",
        "192.0.2.1:", "192.0.2.1:http", "192.0.2.1:123456", "[192.0.2.1]", "[2001:db8::1", "2001:db8::1]", "[]",
        "[]:80",
        "2001:db8::1%eth0", "2001:db8:::1", "1:2:3:4:5:6:7:8:9", "[2001:db8::1]x", "[2001:db8::1]:",
        "192.0.2.1 10.0.0.2",
        "192.0.2.1;10.0.0.2", "for=192.0.2.1", "\"192.0.2.1", "\"\"", "١٩٢.0.2.1", "192.0.2.1/32", "-", "null",
    ])
    func `who has no address is the hop that speaks for it`(value: String) {
        // Whatever stands further left is none of a trusted hop's.
        let said = read([("x-forwarded-for", "198.51.100.1, \(value), 10.0.0.2")])
        #expect(said.chain.text == "10.0.0.2, 10.0.0.1")
        #expect(said.chain.isClientHidden)
    }

    @Test func `nobody said anything, so whom the connection is with is the client`() {
        for fields in [[], [("x-forwarded-for", "")], [("x-forwarded-for", " , ,")], [("forwarded", "for=192.0.2.1")]] {
            let said = read(fields)
            #expect(said.chain.text == "10.0.0.1" && !said.chain.isClientHidden, "\(fields)")
        }
    }

    @Test func `several fields are one list in their order`() {
        let said = read([
            ("X-Forwarded-For", "198.51.100.9"), ("x-other", "1"), ("x-forwarded-for", "192.0.2.1"),
            ("X-FORWARDED-FOR", "10.0.0.2"),
        ])
        #expect(said.chain.text == "192.0.2.1, 10.0.0.2, 10.0.0.1")
    }

    @Test func `no more hops are looked through than the bound`() {
        let hops = Array(repeating: "10.0.0.2", count: 5_000).joined(separator: ",")
        let said = read([("x-forwarded-for", "192.0.2.1," + hops)])
        #expect(said.chain.hops.count == ClientChain.bound + 1)
        #expect("\(said.chain.client)" == "10.0.0.2")
    }

    // MARK: How it came, and what for

    @Test(arguments: [
        ("192.0.2.1", "https", "https"), ("192.0.2.1", "HTTPS", "https"), ("192.0.2.1", "http", "http"),
        ("192.0.2.1", "wss", "https"), ("192.0.2.1", "ws", "http"), ("192.0.2.1", "\"https\"", "https"),
        // One for each hop, of which those further left are the client's.
        ("192.0.2.1", "http, https", "https"), ("192.0.2.1, 10.0.0.2", "https, http", "https"),
        ("192.0.2.1, 10.0.0.2", "http, https, http", "https"), ("192.0.2.1, 10.0.0.2", "https", "https"),
        ("unknown, 10.0.0.2", "http, https, http", "https"), ("", "http, https", "https"),
        ("192.0.2.1", "", nil), ("192.0.2.1", "ftp", nil), ("192.0.2.1", "https://a", nil),
        ("192.0.2.1", "https,", "https"),
    ])
    func `the scheme is that of the outermost hop that is trusted`(hops: String, protos: String, scheme: String?) {
        #expect(read([("x-forwarded-for", hops), ("x-forwarded-proto", protos)]).scheme == scheme)
    }

    @Test(arguments: [
        ("shop.example", "shop.example"), ("shop.example:8443", "shop.example:8443"), ("[::1]:80", "[::1]:80"),
        ("evil.example, shop.example", "shop.example"), ("", nil), ("a b", nil), ("u:p@a", nil), ("a/b", nil),
        ("a\"b", nil), ("a\\b", nil), (String(repeating: "a", count: 256), nil), ("a?b", nil), ("a#b", nil),
        ("[::1]x", nil), ("a..b", nil), ("a:99999", nil), ("a:b", nil), ("[::1", nil), ("::1", nil), (".a", nil),
    ])
    func `the host is that of the outermost hop that is trusted, if it is one`(value: String, host: String?) {
        #expect(read([("x-forwarded-for", "192.0.2.1"), ("x-forwarded-host", value)]).host?.text == host)
    }

    // MARK: Forwarded (RFC 7239)

    @Test(arguments: [
        ("for=192.0.2.1", "192.0.2.1, 10.0.0.1"), ("For=192.0.2.1;Proto=https;By=10.0.0.1", "192.0.2.1, 10.0.0.1"),
        ("for=\"[2001:db8:2::7]:4711\"", "2001:db8:2::7, 10.0.0.1"), ("for=\"192.0.2.1:_p\"", "192.0.2.1, 10.0.0.1"),
        ("for=192.0.2.1, for=10.0.0.2", "192.0.2.1, 10.0.0.2, 10.0.0.1"),
        ("for=192.0.2.1;host=\"a,b\", for=10.0.0.2", "192.0.2.1, 10.0.0.2, 10.0.0.1"),
        // Whitespace that the grammar does not have, a bare colon and bare brackets: proxies write them.
        ("for=192.0.2.1 ; proto=https", "192.0.2.1, 10.0.0.1"), ("for=192.0.2.1:80", "192.0.2.1, 10.0.0.1"),
        ("for=[2001:db8:2::7]", "2001:db8:2::7, 10.0.0.1"), ("for=192.0.2.1;;proto=https;", "192.0.2.1, 10.0.0.1"),
        ("for=\"192.0.2.\\1\"", "192.0.2.1, 10.0.0.1"),
        // What the client has left open or put in quotes takes nothing of what was added behind it.
        ("for=\"198.51.100.1, for=192.0.2.1", "192.0.2.1, 10.0.0.1"),
        ("for=\"198.51.100.1\\\", for=192.0.2.1", "192.0.2.1, 10.0.0.1"),
        ("x=\", for=192.0.2.1, for=\"10.0.0.2\"", "192.0.2.1, 10.0.0.2, 10.0.0.1"),
    ])
    func `Forwarded is read from the right too`(value: String, hops: String) {
        let said = read([("forwarded", value)], in: .forwarded)
        #expect(said.chain.text == hops)
        #expect(!said.chain.isClientHidden)
    }

    @Test(arguments: [
        "for=unknown", "for=_hidden", "for=\"_hidden:80\"", "for=", "for", "proto=https", "=192.0.2.1",
        "for=192.0.2.1;for=192.0.2.1", "for=\"192.0.2.1", "for=192.0.2.1\"", "for 192.0.2.1", "192.0.2.1",
        "for=192.0.2.1 proto=https", "for=192.0.2.1;proto=\"https", "for=\"192.0.2.1\"x", "for:192.0.2.1",
    ])
    func `an element that cannot be read names nobody`(value: String) {
        let said = read([("forwarded", value)], in: .forwarded)
        #expect(said.chain.text == "10.0.0.1")
        #expect(said.chain.isClientHidden)
    }

    @Test func `scheme and host are those of the client's element`() {
        let said = read(
            [
                ("forwarded", "for=1.1.1.1;proto=http;host=evil.example"),
                (
                    "forwarded",
                    "for=192.0.2.1;proto=https;host=\"shop.example:8443\", for=10.0.0.2;proto=http;host=inner"
                ),
                ("x-forwarded-proto", "http"), ("x-forwarded-for", "1.1.1.1"),
            ], in: .forwarded)
        #expect(said.chain.text == "192.0.2.1, 10.0.0.2, 10.0.0.1")
        #expect(said.scheme == "https" && said.host?.text == "shop.example:8443")
    }

    @Test func `what is written is what is read`() throws {
        let text = ForwardedFields.forwarded(
            "2001:db8:2::7, 10.0.0.2, 10.0.0.1", scheme: "https", host: "shop.example:8443")
        #expect(text == "for=\"[2001:db8:2::7]\";proto=https;host=\"shop.example:8443\", for=10.0.0.2, for=10.0.0.1")
        let said = read([("forwarded", text)], in: .forwarded)
        #expect(said.chain.text == "2001:db8:2::7, 10.0.0.2, 10.0.0.1, 10.0.0.1")
        #expect(said.scheme == "https" && said.host?.text == "shop.example:8443")
        #expect(ForwardedFields.forwarded(nil, scheme: "http", host: "a") == "for=unknown;proto=http;host=\"a\"")
    }

    // MARK: Which fields there are

    @Test(arguments: [
        "x-forwarded-port", "X-Forwarded-User", "x-forwarded-prefix", "x-forwarded-client-cert", "X-FORWARDED-SSL",
        "x-forwarded", "forwarded-for", "x-real-ip", "X-Client-IP", "client-ip", "true-client-ip", "cf-connecting-ip",
        "fastly-client-ip", "x-cluster-client-ip", "x-original-url", "x-rewrite-url", "x-original-forwarded-for",
        "x-envoy-external-address", "x-envoy-original-path", "x-scheme", "x-url-scheme", "front-end-https", "x-host",
        "x-http-host-override", "client-cert", "client-cert-chain", "ssl-client-verify", "x-ssl-client-cert",
        "X-Script-Name", "Daphne-Root-Path", "X-ARR-ClientCert", "x-arr-ssl", "WL-Proxy-Client-IP",
        "wl-proxy-client-cert",
        "wl-proxy-ssl", "Proxy-Client-IP", "X-SSL-Cert", "X-Client-Verify", "x-client-dn", "X-Azure-ClientIP",
        "X-Azure-SocketIP", "X-Appengine-User-IP", "x-appengine-cron", "Remote-User", "remote-groups", "X-Webauth-User",
        "x-remote-user", "x-forwarded-uri", "x-forwarded-method", "x-forwarded-path", "x-original-method",
        "x-original-uri", "x-auth-request-user", "x-ms-client-principal-name", "x-amzn-oidc-identity",
        "x-goog-authenticated-user-email", "cf-access-authenticated-user-email", "tailscale-user-login",
        "fly-client-ip", "x-waws-unencoded-url", "x-path-info", "remote-addr",
    ])
    func `a field by which services take a request to come from elsewhere is one`(name: String) {
        #expect(HopField(name) == .asItIs)
        #expect(HopField(name.replacing("-", with: "_")) == (name.contains("-") ? .misspelt : .asItIs))
    }

    @Test(arguments: [
        "x-request-id", "content-type", "cookie", "cache-control", "x-forward", "x-api-key", "x-client-id", "client-id",
        "x-real-ip2", "forwarded", "via", "from", "x", "", "traceparent", "x-correlation-id", "sec-fetch-site",
        "x_tenant", "x-user", "x-client-version", "x-http-method-override", "user", "referer", "range", "x-ssl",
        "x-remote", "script", "x-auth-token", "x-base", "prefer", "te", "want-digest", "dnt",
    ])
    func `other fields are none`(name: String) {
        #expect(HopField(name) == nil)
    }

    @Test(arguments: ["SCRIPT_NAME", "script_name", "PATH_INFO"])
    func `the variables of CGI are written with underscores by those who set them`(name: String) {
        #expect(HopField(name) == .asItIs)
        #expect(HopField(name.replacing("_", with: "-")) == .misspelt)
    }

    @Test(arguments: ["x_forwarded_for", "X-Forwarded_For", "x_forwarded-proto", "x-forwarded_host", "X_REAL_IP"])
    func `a field with underscores in it is taken for one that nobody writes`(name: String) {
        #expect(HopField(name) == .misspelt)
    }
}
#endif
