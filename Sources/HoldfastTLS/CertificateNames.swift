#if Valkey
import Foundation
import NIOCore
package import NIOSSL
import SwiftASN1
import X509

/// Whom a certificate is for, as its subjectAltName says (RFC 5280, section 4.2.1.6). What else it calls itself, such as
/// its common name, is for people to read (RFC 9525, section 2).
package struct CertificateNames: Sendable, Hashable, CustomStringConvertible {
    /// The most that are told, and of each the most characters.
    private static let toldNames = 8
    private static let toldCharacters = 100

    /// As they stand there; `*.example.com` among them.
    package var names: [String] = []
    /// 4 or 16 bytes each, in the network's order.
    package var addresses: [[UInt8]] = []

    package init() {}

    /// - Throws: What is wrong with a certificate that cannot be read.
    package init(_ certificate: NIOSSLCertificate) throws {
        try self.init(Certificate(derEncoded: certificate.toDERBytes()))
    }

    init(_ certificate: Certificate) throws {
        for name in try certificate.extensions.subjectAlternativeNames ?? SubjectAlternativeNames() {
            switch name {
            case .dnsName(let name): names.append(name)
            case .ipAddress(let bytes): addresses.append(Array(bytes.bytes))
            default: break
            }
        }
    }

    /// For operators. Whoever made the certificate chose these words, so they are shown within bounds.
    package var description: String {
        let all = names.map(Self.shown) + addresses.map(Self.text)
        guard !all.isEmpty else { return "nobody, since it has no name but the common one" }
        let told = all.prefix(Self.toldNames).joined(separator: ", ")
        return all.count > Self.toldNames ? "\(told) and \(all.count - Self.toldNames) others" : told
    }

    private static func shown(_ name: String) -> String {
        let visible = name.unicodeScalars.prefix(toldCharacters).map {
            (0x21...0x7E).contains($0.value) ? Character($0) : "?"
        }
        return name.unicodeScalars.count > toldCharacters ? String(visible) + "…" : String(visible)
    }

    private static func text(_ address: [UInt8]) -> String {
        let address = try? SocketAddress(packedIPAddress: ByteBuffer(bytes: address), port: 0)
        return address?.ipAddress ?? "an address that is none"
    }
}
#endif
