#if Valkey
import Foundation
import NIOSSL
import TestSupport
import Testing

@testable import HoldfastTLS

@Suite struct CertificateIdentityTests {
    private func identity(_ issued: CertificateAuthority.Issued) throws -> CertificateIdentity {
        try CertificateIdentity(try #require(try NIOSSLCertificate.fromPEMFile(issued.certificate).first))
    }

    @Test func `a certificate that was renewed names the same client`() async throws {
        let authority = try await CertificateAuthority.make("/CN=A")
        let cases: [(subject: String, names: String?)] = [
            ("/O=Example/CN=billing", nil), ("/CN=billing", "DNS:a.example,DNS:b.example"), ("/", "DNS:a.example"),
            ("/CN=whatever", "URI:spiffe://example.org/billing"),
        ]
        for (subject, names) in cases {
            // Another serial number, another key of another kind, another end.
            let first = try identity(try await authority.issue(names, subject: subject))
            let second = try identity(try await authority.issue(names, subject: subject, days: 9, key: "rsa:2048"))
            #expect(first.values == second.values && !first.values.isEmpty, "\(subject): \(first), \(second)")
            #expect(first.notValidAfter < second.notValidAfter)
        }
    }

    @Test func `two clients are two, whoever vouches for them and however they are written`() async throws {
        let (authority, other) = (
            try await CertificateAuthority.make("/CN=A"), try await CertificateAuthority.make("/CN=B")
        )
        let all = [
            try await authority.issue(nil, subject: "/CN=billing"), try await other.issue(nil, subject: "/CN=billing"),
            try await authority.issue(nil, subject: "/CN=Billing"),
            try await authority.issue(nil, subject: "/O=billing"),
            try await authority.issue(nil, subject: "/O=a/CN=billing"),
            try await authority.issue(nil, subject: "/CN=billing/O=a"),
            // One value that reads as two, and one that would end a line.
            try await authority.issue(nil, subject: "/CN=billing,O=a"),
            try await authority.issue(nil, subject: "/CN=billing+O=a"),
            try await authority.issue(nil, subject: "/CN=a\\\\\\\\, b"),
            try await authority.issue(nil, subject: "/CN=a, b"),
            try await authority.issue(nil, subject: "/CN=billing$(printf '\\nCN=A')"),
            try await authority.issue(nil, subject: "/CN=billing\\\\\\\\0ACN=A"),
            try await authority.issue("DNS:billing", subject: "/"),
            try await authority.issue("email:billing@a", subject: "/"),
            try await authority.issue("DNS:billing,DNS:a", subject: "/"),
            try await authority.issue("URI:spiffe://example.org/billing"),
            try await authority.issue("URI:spiffe://example.org/Billing"),
            try await authority.issue("URI:spiffe://example.com/billing"),
            // Not an identity of SPIFFE: it has just one location.
            try await authority.issue(
                "URI:spiffe://example.org/billing,URI:spiffe://example.org/other", subject: "/CN=two"),
            try await authority.issue("URI:https://example.org/billing", subject: "/CN=page"),
        ]
        let identities = try all.map { try identity($0).values }
        for (place, values) in identities.enumerated() {
            #expect(!values.isEmpty && values.allSatisfy { !$0.contains("\n") })
            #expect(!identities[..<place].contains(values), "\(place): \(values)")
        }
        #expect(identities[0] == ["CN=billing", "CN=A"])
        #expect(identities[15] == ["spiffe://example.org/billing"])
    }

    @Test func `who is named by nothing is nobody, and an order of names is none`() async throws {
        let authority = try await CertificateAuthority.make("/CN=A")
        let nobody = try await authority.issue(nil, subject: "/")
        #expect(try identity(nobody).values == [])
        let one = try identity(try await authority.issue("DNS:a,DNS:b", subject: "/"))
        let other = try identity(try await authority.issue("DNS:b,DNS:a", subject: "/"))
        #expect(one.values == other.values && one.values.count == 2)
    }

    @Test func `a certificate vouches until its end`() async throws {
        let authority = try await CertificateAuthority.make()
        let now = CertificateIdentity.now
        let valid = try identity(try await authority.issue(nil))
        #expect(valid.isValid(at: now) && valid.isValid(at: valid.notValidAfter))
        #expect(!valid.isValid(at: valid.notValidAfter + 1))
        #expect(!(try identity(try await authority.issue(nil, days: -1))).isValid(at: now))
    }
}
#endif
