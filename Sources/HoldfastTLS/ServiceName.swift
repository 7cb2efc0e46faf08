#if Valkey
import Foundation
import NIOCore

/// Who a service has to be, as the side that connects knows it: a DNS name or an IP address (RFC 9525, section 6.1).
///
/// It comes from what an operator has written, and never from where a look-up led: whoever can answer for a name can
/// answer with an address of their own, and a certificate for that address would be theirs.
package struct ServiceName: Sendable, Hashable, CustomStringConvertible {
    private enum Kind: Hashable {
        /// In small letters, without a dot at the end.
        case name([Substring])
        /// 4 or 16 bytes, in the network's order.
        case address([UInt8])
    }

    private let kind: Kind
    /// As it was written.
    package let description: String

    /// Nil for what no certificate can be for: what is neither a name nor an address, such as `127.1`, which some
    /// resolvers take for an address all the same.
    package init?(_ text: String) {
        description = text
        if let address = try? SocketAddress(ipAddress: text, port: 0) {
            kind = .address(Self.bytes(of: address))
            return
        }
        guard let labels = Self.labels(text) else { return nil }
        kind = .name(labels)
    }

    /// What is asked for in the handshake, so that a service with several certificates shows the right one: a name
    /// without its last dot. An address is never sent as one (RFC 6066, section 3).
    package var indication: String? {
        if case .name(let labels) = kind { labels.joined(separator: ".") } else { nil }
    }

    /// Whether a certificate with these names is this service's (RFC 9525, section 6).
    package func isOne(of names: CertificateNames) -> Bool {
        switch kind {
        case .address(let bytes): names.addresses.contains(bytes)
        case .name(let labels): names.names.contains { Self.matches(labels, $0) }
        }
    }

    /// A wildcard stands for one whole label, the first, and nothing else: `*.example.com` is `a.example.com`, and
    /// neither `example.com` nor `a.b.example.com` (section 6.3). Below it are two labels at least, as OpenSSL has it:
    /// nobody has all of `*.com`.
    private static func matches(_ labels: [Substring], _ presented: String) -> Bool {
        guard presented.hasPrefix("*.") else { return Self.labels(presented) == labels }
        guard let below = Self.labels(String(presented.dropFirst(2))), below.count >= 2 else { return false }
        return below.elementsEqual(labels.dropFirst())
    }

    /// A name's labels in small letters; nil for what is no name. An international name is written as its A-labels
    /// (`xn--…`), in certificates and here, so that letters beyond ASCII are none of a name.
    private static func labels(_ text: String) -> [Substring]? {
        // Others have small letters within ASCII too: that of the Kelvin sign is a k.
        guard text.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        var text = text.lowercased()[...]
        if text.hasSuffix(".") { text = text.dropLast() }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        guard text.utf8.count <= 253, labels.allSatisfy(isLabel), let last = labels.last else { return nil }
        // A name that ends in a number is an address to those who read it loosely.
        let isNumber = last.utf8.allSatisfy { (0x30...0x39).contains($0) } || last.hasPrefix("0x")
        return isNumber ? nil : labels
    }

    private static func isLabel(_ label: Substring) -> Bool {
        (1...63).contains(label.utf8.count)
            && label.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D || byte == 0x5F
            }
    }

    private static func bytes(of address: SocketAddress) -> [UInt8] {
        switch address {
        case .v4(let address): withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
        case .v6(let address): withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
        case .unixDomainSocket: []
        }
    }
}
#endif
