#if Gateway
import HoldfastIdempotency
import Testing

@testable import HoldfastGateway

@Suite struct StrangerOriginTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:1:2:3"),
        ("172.15.255.255", "172.15.255.255"), ("172.32.0.0", "172.32.0.0"), ("100.63.255.255", "100.63.255.255"),
        ("11.0.0.0", "11.0.0.0"), ("fe00::1", "fe00::2"),
    ])
    func `an address of the internet is counted, and an IPv6 network of 64 bits is one`(one: String, same: String) {
        let name = StrangerOrigin.name(of: one, isSaid: false)
        #expect(name != nil && name == StrangerOrigin.name(of: same, isSaid: false))
        #expect(
            name != StrangerOrigin.name(of: "198.51.100.7", isSaid: false)
                && name != StrangerOrigin.name(of: "2001:db8:0:1::1", isSaid: false))
    }

    @Test(arguments: [
        "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "::1", "169.254.1.1", "100.64.0.1",
        "fd00::1", "fe80::1", "::ffff:10.0.0.1", "unknown", "",
    ])
    func `behind an address of one's own network may be everybody, unless an operator has set a bound`(
        address: String
    ) {
        #expect(StrangerOrigin.name(of: address, isSaid: false) == nil)
        let isAddress = address.contains { $0 == "." || $0 == ":" }
        #expect((StrangerOrigin.name(of: address, isSaid: true) != nil) == isAddress)
    }

    /// Who is the caller by its address has one rate, whichever of its 2^64 addresses it comes from.
    @Test(arguments: [
        ("2001:db8::1", "2001:db8::2", true), ("2001:db8::1", "2001:db8:0:0:ffff:ffff:ffff:ffff", true),
        ("2001:db8::1", "2001:db8:0:1::1", false), ("fd00::1", "fd00::2", true), ("::1", "::2", true),
        ("192.0.2.1", "192.0.2.2", false), ("192.0.2.1", "::ffff:192.0.2.1", true), ("192.0.2.1", "::1", false),
        ("127.0.0.1", "127.0.0.2", false),
    ])
    func `a rate counts an IPv6 network of 64 bits as one caller`(one: String, other: String, isOne: Bool) {
        #expect((StrangerOrigin.counted(one) == StrangerOrigin.counted(other)) == isOne)
    }

    @Test func `addresses of one network share a rate, and not their keys`() throws {
        let gateway = try LoopGateway {
            $0.routes[0].caller = .address
            $0.routes[0].rateLimit = .init(requests: 1)
        }
        defer { gateway.end() }
        func get(from address: String) throws -> String {
            let client = try gateway.connect(from: address)
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            return client.received
        }
        #expect(try get(from: "2001:db8::1").isEmpty)
        for last in 2...5 { #expect(try get(from: "2001:db8::\(last)").hasPrefix("HTTP/1.1 429 ")) }
        #expect(try get(from: "2001:db8:0:1::1").isEmpty)
        #expect(gateway.services.count == 2)
    }

    @Test func `what has no address is nobody in particular`() {
        #expect(StrangerOrigin.name(of: nil, isSaid: true) == nil)
    }

    @Test func `a status says what it says of whoever asked`() {
        for status in [200, 201, 204, 299] { #expect(Claim.Outcome(status: status) == .succeeded) }
        for status in [400, 404, 409, 422, 499] { #expect(Claim.Outcome(status: status) == .refused) }
        for status in [199, 302, 500, 503] { #expect(Claim.Outcome(status: status) == .other) }
    }
}
#endif
