#if Gateway
import NIOCore

/// Whom a request names: a host, and a port if it is said (RFC 3986, section 3.2, without the user and the password, which
/// are no part of a request: RFC 9110, section 4.2.4).
///
/// Stricter than the grammar: neither percent-encodings nor marks such as `,` and `;`, which no name in the DNS has and
/// services read in different ways.
struct Authority: Sendable, Hashable {
    static let allowed = "a host's name or address, and perhaps ':' and a port"
    /// A name's bytes: RFC 1035, section 2.3.4.
    private static let longest = 255

    /// As the service is told.
    let text: String
    private let hostLength: Int
    private let isPlain: Bool

    /// - Returns: Nil for what names no host.
    /// No user, no password, and no empty host (RFC9110-4.2.1-1, RFC9110-4.2.2-1, RFC9110-4.2.4-1).
    init?(_ text: String) {
        var text = text
        // An empty port is the same as none (RFC 9110, section 4.2.3).
        if text.utf8.last == UInt8(ascii: ":"), text.utf8.first != UInt8(ascii: ":") { text.removeLast() }
        let read = text.utf8.withContiguousStorageIfAvailable { Self.read($0) } ?? Self.read(Array(text.utf8))
        guard let (length, isPlain) = read else { return nil }
        self.text = text
        (hostLength, self.isPlain) = (length, isPlain)
    }

    /// The host, without its port, in one spelling: names in lower case and without a dot at the end, addresses of IPv6 as
    /// RFC 5952 writes them.
    var host: String {
        let host = text.utf8.prefix(hostLength)
        guard !isPlain else { return text.utf8.count == hostLength ? text : String(Substring(host)) }
        guard host.first != UInt8(ascii: "[") else { return "[\(Self.address(Substring(host)) ?? "")]" }
        return Substring(host.last == UInt8(ascii: ".") ? host.dropLast() : host).lowercased()
    }

    private var port: Int? {
        let port = text.utf8.dropFirst(hostLength).dropFirst()
        return port.isEmpty ? nil : Int(Substring(port))
    }

    /// Whether both name the same, where the scheme's port need not be said (RFC 9110, section 4.2.3).
    func names(sameAs other: Authority, scheme: String) -> Bool {
        let usual = scheme == "https" ? 443 : 80
        return host == other.host && (port ?? usual) == (other.port ?? usual)
    }

    /// - Returns: How long the host is, and whether it is in one spelling already.
    private static func read(_ bytes: some RandomAccessCollection<UInt8>) -> (length: Int, isPlain: Bool)? {
        if bytes.first == UInt8(ascii: "[") { return readAddress(bytes) }
        var (length, isPlain, last) = (0, true, UInt8(ascii: "."))
        for byte in bytes {
            if byte == UInt8(ascii: ":") { break }
            switch byte {
            case 0x61...0x7A, 0x30...0x39, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"): break
            case 0x41...0x5A: isPlain = false
            case UInt8(ascii: ".") where last != UInt8(ascii: "."): break
            default: return nil
            }
            last = byte
            length += 1
        }
        guard (1...longest).contains(length), isPort(bytes.dropFirst(length)) else { return nil }
        return (length, isPlain && last != UInt8(ascii: "."))
    }

    private static func readAddress(_ bytes: some RandomAccessCollection<UInt8>) -> (length: Int, isPlain: Bool)? {
        guard let end = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
        let host = bytes[...end]
        guard host.count <= longest, isPort(bytes[end...].dropFirst()) else { return nil }
        return address(String(decoding: host, as: UTF8.self)).map { _ in (host.count, false) }
    }

    /// An address of IPv6 between brackets, as it is written.
    private static func address(_ literal: some StringProtocol) -> String? {
        let text = String(literal.dropFirst().dropLast())
        guard text.utf8.allSatisfy({ $0 != UInt8(ascii: "%") && $0 != 0 }),
            let address = try? SocketAddress(ipAddress: text, port: 0), address.protocol == .inet6
        else { return nil }
        return address.ipAddress
    }

    /// Whether what follows a host is nothing, or `:` and a port.
    private static func isPort(_ rest: some Collection<UInt8>) -> Bool {
        guard let colon = rest.first else { return true }
        guard colon == UInt8(ascii: ":"), (2...6).contains(rest.count) else { return false }
        var port = 0
        for digit in rest.dropFirst() {
            guard (0x30...0x39).contains(digit) else { return false }
            port = port * 10 + Int(digit - 0x30)
        }
        return port <= 65_535
    }
}
#endif
