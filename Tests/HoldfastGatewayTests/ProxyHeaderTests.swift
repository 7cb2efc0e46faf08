#if Gateway
import Testing

@testable import HoldfastGateway

/// The PROXY protocol, as its description has it (the HAProxy project's `proxy-protocol.txt`).
@Suite struct ProxyHeaderTests {
    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

    /// A header of version 2.
    static func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? rest.count
        return signature + [command, family, UInt8(length >> 8), UInt8(length & 0xFF)] + rest
    }

    static let four: [UInt8] = [192, 0, 2, 1, 127, 0, 0, 1, 0x11, 0x22, 0, 80]
    static let six: [UInt8] =
        [0x20, 0x01, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [7] + Array(repeating: 0, count: 15)
        + [1, 0x11, 0x22, 0, 80]

    private func address(_ text: String?) throws -> IPAddress? {
        try text.map { try #require(IPAddress(text: $0.utf8)) }
    }

    @Test(arguments: [
        ("PROXY TCP4 192.0.2.1 127.0.0.1 4711 80\r\n", "192.0.2.1"),
        ("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255"),
        ("PROXY TCP6 2001:db8::7 ::1 4711 80\r\n", "2001:db8::7"),
        (
            "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
        ),
        ("PROXY TCP6 ::ffff:192.0.2.1 ::1 0 0\r\n", "192.0.2.1"), ("PROXY UNKNOWN\r\n", nil),
        ("PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\n", nil), ("PROXY UNKNOWN what ever\r\n", nil),
    ])
    func `a line is read when it is whole`(line: String, source: String?) throws {
        let bytes = Array(line.utf8)
        let whole = ProxyHeader.Reading.whole(ProxyHeader(source: try address(source)), length: bytes.count)
        for end in bytes.indices { #expect(ProxyHeader.read(bytes[..<end]) == .incomplete, "\(end)") }
        #expect(ProxyHeader.read(bytes[...]) == whole)
        #expect(ProxyHeader.read((bytes + Array("GET / HTTP/1.1\r\n\r\n".utf8))[...]) == whole)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\n", 1), ("PROXX", 5), ("proxy TCP4", 1), ("PROXY\r\n", 6), ("\r\n\r\nGET", 5),
        ("PROXY TCP5 192.0.2.1 127.0.0.1 1 2\r\n", 0), ("PROXY  TCP4 192.0.2.1 127.0.0.1 1 2\r\n", 0),
        ("PROXY TCP4 192.0.2.1 127.0.0.1 1\r\n", 0), ("PROXY TCP4 192.0.2.1 127.0.0.1 1 2 3\r\n", 0),
        ("PROXY TCP4 192.0.2.1 127.0.0.1 1 65536\r\n", 0), ("PROXY TCP4 192.0.2.1 127.0.0.1 01 2\r\n", 0),
        ("PROXY TCP4 192.0.2.1 127.0.0.1 -1 2\r\n", 0), ("PROXY TCP4 192.0.2.1 127.0.0.1  2\r\n", 0),
        ("PROXY TCP4 ::1 ::1 1 2\r\n", 0), ("PROXY TCP6 192.0.2.1 127.0.0.1 1 2\r\n", 0),
        ("PROXY TCP4 192.0.2.01 127.0.0.1 1 2\r\n", 0), ("PROXY TCP4 a b 1 2\r\n", 0), ("PROXY UNKNOWNX\r\n", 0),
        ("PROXY TCP4 192.0.2.1 127.0.0.1 1 2\n\r\n", 0), ("PROXY UNKNOWN \(String(repeating: "x", count: 93))", 107),
    ])
    func `what is no line is refused`(line: String, after count: Int) {
        let bytes = Array(line.utf8)
        guard case .malformed = ProxyHeader.read(bytes[...]) else {
            Issue.record("\(line.debugDescription) is one")
            return
        }
        if count > 0 { #expect(ProxyHeader.read(bytes.prefix(count - 1)) == .incomplete) }
    }

    @Test func `a binary header is read when it is whole`() throws {
        let client: [UInt8] = [0x20, 0, 5, 1, 0, 0, 0, 0]
        let plain: [UInt8] = [0x20, 0, 5, 0, 0, 0, 0, 0]
        let others: [UInt8] = [0x03, 0, 4, 1, 2, 3, 4, 0x04, 0, 0, 0xEA, 0, 3, 1, 2, 3]
        let headers: [([UInt8], String?, Bool)] = [
            (Self.binary(0x21, 0x11, Self.four), "192.0.2.1", false),
            (Self.binary(0x21, 0x21, Self.six), "2001:db8::7", false),
            (Self.binary(0x21, 0x11, Self.four + others), "192.0.2.1", false),
            (Self.binary(0x21, 0x11, Self.four + others + client), "192.0.2.1", true),
            (Self.binary(0x21, 0x21, Self.six + plain + others), "2001:db8::7", false),
            (
                Self.binary(0x21, 0x11, Self.four + [0xEA, 0x0F, 0xE1] + Array(repeating: 0, count: 0xFE1)),
                "192.0.2.1", false
            ),
            // The balancer itself, whatever follows: Amazon's checks bring addresses.
            (Self.binary(0x20, 0x00, []), nil, false), (Self.binary(0x20, 0x11, Self.four), nil, false),
            (Self.binary(0x20, 0x11, Self.four + client), nil, false),
            (Self.binary(0x20, 0xFF, [1, 2, 3]), nil, false),
            // Somebody without an address.
            (Self.binary(0x21, 0x00, []), nil, false), (Self.binary(0x21, 0x00, [1, 2, 3]), nil, false),
            (Self.binary(0x21, 0x31, Array(repeating: 0, count: 216)), nil, false),
        ]
        for (bytes, source, isSecure) in headers {
            let header = ProxyHeader(source: try address(source), isSecure: isSecure)
            let whole = ProxyHeader.Reading.whole(header, length: bytes.count)
            for end in bytes.indices { #expect(ProxyHeader.read(bytes[..<end]) == .incomplete) }
            #expect(ProxyHeader.read(bytes[...]) == whole)
            #expect(ProxyHeader.read((bytes + [1, 2, 3])[...]) == whole)
        }
    }

    @Test(
        arguments: [
            // Versions and commands that are not known, families and transports that are none of a connection's.
            binary(0x11, 0x11, four), binary(0x31, 0x11, four), binary(0x22, 0x11, four), binary(0x2F, 0x11, four),
            binary(0x21, 0x12, four), binary(0x21, 0x22, six), binary(0x21, 0x10, four), binary(0x21, 0x41, four),
            binary(0x21, 0x32, [UInt8](repeating: 0, count: 216)), binary(0x21, 0x01, []),
            // Less than the addresses take, more than is allowed, extensions that do not end.
            binary(0x21, 0x11, Array(four.dropLast())), binary(0x21, 0x21, Array(six.dropLast())),
            binary(0x21, 0x11, []),
            binary(0x21, 0x11, four, length: 4_081), binary(0x20, 0x00, [], length: 0xFFFF),
            binary(0x21, 0x11, four + [1]),
            binary(0x21, 0x11, four + [1, 0]), binary(0x21, 0x11, four + [1, 0, 2, 0]),
            binary(0x21, 0x11, four + [1, 0xFF, 0xFF]),
            [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0B],
        ] as [[UInt8]])
    func `what is no binary header is refused`(bytes: [UInt8]) {
        guard case .malformed = ProxyHeader.read(bytes[...]) else {
            Issue.record("\(bytes) is one")
            return
        }
    }
}
#endif
