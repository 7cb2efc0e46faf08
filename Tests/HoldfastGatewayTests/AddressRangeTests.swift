#if Gateway
import Holdfast
import NIOCore
import Testing

@testable import HoldfastGateway

@Suite struct AddressRangeTests {
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text: text.utf8)) }

    @Test(arguments: [
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"], ["9.255.255.255", "11.0.0.0", "::a00:1"]),
        ("192.0.2.128/25", ["192.0.2.128", "192.0.2.255"], ["192.0.2.127", "192.0.3.128"]),
        ("192.0.2.1", ["192.0.2.1"], ["192.0.2.0", "192.0.2.2"]),
        ("192.0.2.1/32", ["192.0.2.1"], ["192.0.2.0"]), ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::", "::1"]),
        ("::/0", ["::", "ffff::", "::1"], ["1.2.3.4", "::ffff:1.2.3.4"]),
        ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db7::", "2001:db9::"]),
        ("2001:db8::/63", ["2001:db8:0:1::"], ["2001:db8:0:2::"]),
        ("2001:db8::/64", ["2001:db8::1"], ["2001:db8:0:1::"]),
        ("2001:db8::/65", ["2001:db8::7fff:0:0:0"], ["2001:db8::8000:0:0:0"]), ("::1", ["::1"], ["::", "::2"]),
        ("::ffff:10.0.0.0/104", ["10.1.1.1"], ["11.0.0.0"]), ("::ffff:192.0.2.1", ["192.0.2.1"], ["192.0.2.2"]),
    ])
    func `a range has its addresses and no others`(range: String, inside: [String], outside: [String]) throws {
        let range = try AddressRange(range)
        for text in inside { try #expect(range.contains(address(text)), "\(text)") }
        for text in outside { try #expect(!range.contains(address(text)), "\(text)") }
        #expect(try AddressRange("\(range)") == range)
    }

    @Test(arguments: [
        "", "a", "10", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.1/8",
        "10.0.0/8",
        "010.0.0.0/8", "10.0.0.0 /8", "2001:db8::1/32", "2001:db8::/129", "[::1]", "::1%lo", "::ffff:10.0.0.0/95",
        "::ffff:10.0.0.1/104", "localhost", "10.0.0.0/255.0.0.0", "10.0.0.1-10.0.0.9", "*", "10.*",
    ])
    func `what is no range is told with what is allowed`(text: String) {
        let error = #expect(throws: ConfigurationError.self) { try AddressRange(text) }
        #expect(error?.value == text && error?.allowed.hasPrefix(AddressRange.allowed) == true)
    }

    @Test(arguments: ["1.2.3.4", "::1", "2001:db8::7", "::", "255.255.255.255", "fe80::1:2:3:4"])
    func `an address is written as it is known`(text: String) throws {
        try #expect("\(address(text))" == text)
        let socket = try SocketAddress(ipAddress: text, port: 1)
        #expect(IPAddress(socket) == (try address(text)))
        #expect("\(try address(text))" == socket.ipAddress)
    }

    @Test func `an address in the network's bytes is the same`() throws {
        try #expect(IPAddress(network: [192, 0, 2, 1]) == address("192.0.2.1"))
        try #expect(IPAddress(network: [UInt8](repeating: 0, count: 15) + [1]) == address("::1"))
        for count in [0, 3, 5, 15, 17] { #expect(IPAddress(network: [UInt8](repeating: 1, count: count)) == nil) }
    }

    @Test func `what has no address is nobody's`() throws {
        #expect(IPAddress(nil) == nil)
        #expect(IPAddress(try SocketAddress(unixDomainSocketPath: "/tmp/x")) == nil)
    }
}
#endif
