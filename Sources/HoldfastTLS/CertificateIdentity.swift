#if Valkey
import Foundation
package import NIOSSL
import SwiftASN1
import X509

/// Who a client is, as the certificate says that somebody trusted vouches for.
///
/// It lasts longer than the certificate: a renewed one has another serial number, another time, mostly another key, and
/// names the same client. So the client is its SPIFFE identity if it has one, and otherwise its subject together with who
/// issued it, because two authorities may give one name to two clients (`Documentation/Decisions/0027-tls.md`).
package struct CertificateIdentity: Sendable, Hashable {
    /// One value or two, as they can be told apart from all others: `spiffe://…`, or subject and issuer as RFC 4514 writes
    /// them, or the names of a certificate without a subject and its issuer. None for a certificate that names nobody.
    package let values: [String]
    /// Seconds since 1970.
    package let notValidAfter: Int

    /// - Throws: What is wrong with a certificate that cannot be read.
    package init(_ certificate: NIOSSLCertificate) throws {
        let read = try Certificate(derEncoded: certificate.toDERBytes())
        let names = try read.extensions.subjectAlternativeNames ?? SubjectAlternativeNames()
        values = Self.values(read, Array(names))
        notValidAfter = Int(certificate.notValidAfter)
    }

    private static func values(_ certificate: Certificate, _ names: [GeneralName]) -> [String] {
        let locations = names.compactMap { name in
            if case .uniformResourceIdentifier(let location) = name { location } else { nil }
        }
        // SPIFFE X509-SVID, section 2: exactly one, or it is no identity.
        if locations.count == 1, locations[0].hasPrefix("spiffe://") { return [escaped(locations[0])] }
        let issuer = text(certificate.issuer)
        if !certificate.subject.isEmpty { return [text(certificate.subject), issuer] }
        // RFC 5280, section 4.1.2.6: then its names are all that there is.
        let others = names.map { escaped("\($0)") }.sorted()
        return others.isEmpty ? [] : [others.joined(separator: ","), issuer]
    }

    /// RFC 4514. A value that is not text is marked as such, so that no text looks like it.
    private static func text(_ name: DistinguishedName) -> String {
        name.reversed().map { relative in
            relative.map { attribute in
                String(attribute.value) == nil ? "\(attribute.type)=#\(attribute.value)" : escaped("\(attribute)")
            }.joined(separator: "+")
        }.joined(separator: ",")
    }

    /// What could end a line is written in hexadecimal, as RFC 4514, section 2.4, allows for any character.
    private static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { return text }
        return text.unicodeScalars.reduce(into: "") { whole, scalar in
            guard scalar.value < 0x20 || scalar.value == 0x7F else { return whole.unicodeScalars.append(scalar) }
            let digits = String(scalar.value, radix: 16, uppercase: true)
            whole += "\\" + (digits.utf8.count < 2 ? "0" + digits : digits)
        }
    }

    /// Seconds since 1970.
    package static var now: Int { time(nil) }

    /// Whether it vouches at a time, in seconds since 1970.
    package func isValid(at now: Int) -> Bool { now <= notValidAfter }
}
#endif
