#if Valkey
import Testing

@testable import HoldfastTLS

/// RFC 9525, section 6: whom a certificate is for.
@Suite struct ServiceNameTests {
    private static func names(_ names: [String], _ addresses: [[UInt8]] = []) -> CertificateNames {
        var all = CertificateNames()
        (all.names, all.addresses) = (names, addresses)
        return all
    }

    @Test(arguments: [
        ("pay.example.com", "pay.example.com"), ("PAY.example.COM", "pay.Example.com"),
        // The root's dot is the same name with or without.
        ("pay.example.com.", "pay.example.com"), ("pay.example.com", "pay.example.com."),
        ("localhost", "localhost"), ("a_b.example.com", "a_b.example.com"),
        ("pay.example.com", "*.example.com"), ("PAY.EXAMPLE.com", "*.example.COM"),
        ("xn--bcher-kva.example.com", "xn--bcher-kva.example.com"),
        // A wildcard is a whole label, whatever that label stands for.
        ("xn--bcher-kva.example.com", "*.example.com"),
    ])
    func `a certificate with the name, or a wildcard for its first label, is the service's`(
        name: String, presented: String
    ) throws {
        let service = try #require(ServiceName(name))
        #expect(service.isOne(of: Self.names([presented])))
        #expect(service.isOne(of: Self.names(["other.example", presented])))
    }

    @Test(arguments: [
        ("pay.example.com", "pay.example.org"), ("pay.example.com", "example.com"), ("example.com", "pay.example.com"),
        ("pay.example.com", "pay.example.com.evil.example"), ("pay.example.com", "evil-pay.example.com"),
        ("pay.example.com", ""), ("pay.example.com", "."), ("pay.example.com", " pay.example.com"),
        ("pay.example.com", "pay.example.com "), ("pay.example.com", "pay.example.com\u{0}.evil.example"),
        ("pay.example.com", "pay.example.com\n"), ("pay.example.com", "pay.example.com.."),
        ("pay.example.com", ".pay.example.com"), ("pay.example.com", "pay..example.com"),
        ("pay.example.com", "https://pay.example.com"), ("pay.example.com", "pay.example.com:443"),
        // A wildcard is the first label as a whole, and one label.
        ("example.com", "*.example.com"), ("a.pay.example.com", "*.example.com"),
        ("pay.example.com", "p*.example.com"), ("pay.example.com", "*y.example.com"),
        ("pay.example.com", "p*y.example.com"), ("pay.example.com", "**.example.com"),
        ("pay.example.com", "pay.*.com"), ("pay.example.com", "*.*.com"), ("pay.example.com", "pay.example.*"),
        ("pay.example.com", "*"), ("pay.example.com", "*."), ("pay.example.com", "*example.com"),
        ("xn--bcher-kva.example.com", "xn--*.example.com"), ("xn--bcher-kva.example.com", "xn--bcher-*.example.com"),
        ("a.*.example.com", "a.b.example.com"), ("pay.example.com", "*..example.com"),
        // Nobody has all names of a top-level domain.
        ("example.com", "*.com"), ("localhost", "*"), ("pay.internal", "*.internal"),
        // An address as a name is none.
        ("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "*.0.0.1"), ("::1", "::1"), ("::1", "[::1]"),
        ("127.0.0.1", "pay.example.com"), ("127.0.0.1", "*"),
    ])
    func `a certificate for another name is not the service's`(name: String, presented: String) {
        #expect(ServiceName(name)?.isOne(of: Self.names([presented])) != true)
    }

    @Test func `a service with an address needs a certificate for that address, and one with a name, none`() throws {
        let four: [UInt8] = [127, 0, 0, 1]
        let six = Array(repeating: UInt8(0), count: 15) + [1]
        let mapped = Array(repeating: UInt8(0), count: 10) + [0xFF, 0xFF] + four
        let cases: [(String, [UInt8], Bool)] = [
            ("127.0.0.1", four, true), ("127.0.0.2", four, false), ("::1", six, true), ("::2", six, false),
            ("0:0:0:0:0:0:0:1", six, true), ("::FFFF:127.0.0.1", mapped, true),
            // Two spellings of one host, and two addresses all the same.
            ("127.0.0.1", mapped, false), ("::ffff:127.0.0.1", four, false),
            ("127.0.0.1", four + four, false), ("127.0.0.1", [], false),
            ("127.0.0.1", four + [255, 255, 255, 0], false),
            ("localhost", four, false), ("localhost", six, false),
        ]
        for (text, address, expected) in cases {
            let name = try #require(ServiceName(text))
            #expect(name.isOne(of: Self.names(["pay.example.com"], [address])) == expected, "\(text), \(address)")
        }
    }

    @Test(arguments: [
        "", ".", "..", "a..b", ".a", "a b", "a/b", "a:443", "[::1]", "a,b", "*.example.com", "bücher.example",
        "a\u{0}b",
        "\u{212A}ubernetes.example", "pay.example.com\n", "127.1", "2130706433", "0x7f.1", "a.0x7f", "1.2.3.4.5",
        "256.0.0.1",
        String(repeating: "a", count: 64), String(repeating: "a.", count: 127) + "ab",
    ])
    func `what is neither a name nor an address is no service's`(text: String) {
        #expect(ServiceName(text) == nil)
    }

    @Test func `a name is asked for without its last dot, and an address not at all`() {
        #expect(ServiceName("Pay.Example.com.")?.indication == "pay.example.com")
        #expect(ServiceName("127.0.0.1")?.indication == nil)
        #expect(ServiceName("::1")?.indication == nil)
    }

    @Test func `operators are told whom a certificate is for, within bounds`() {
        #expect("\(Self.names([]))" == "nobody, since it has no name but the common one")
        let some = Self.names(
            ["a.example", "*.b.example"], [[127, 0, 0, 1], Array(repeating: 0, count: 15) + [1], [1]])
        #expect("\(some)" == "a.example, *.b.example, 127.0.0.1, ::1, an address that is none")
        let many = Self.names((0..<100).map { "n\($0).example" })
        #expect("\(many)".hasSuffix("n7.example and 92 others"))
        #expect("\(Self.names(["a\n\u{1B}[31mb"]))" == "a??[31mb")
        #expect("\(Self.names([String(repeating: "a", count: 1_000)]))".count == 101)
    }
}
#endif
