#if Valkey
package import NIOSSL

extension TLSConfiguration {
    /// What TLS 1.2 may encrypt with: a key that is agreed on anew for each connection (ECDHE), so that one that is stolen
    /// later opens nothing of before, and a cipher that authenticates what it encrypts (AEAD). These are RFC 9325's,
    /// section 4.2, and TLS 1.3 has no others.
    package static let forwardSecretCiphers: [NIOTLSCipher] = [
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]

    /// For the side that connects. Whether the certificate is the service's is not NIOSSL's to check, but
    /// ``TLSHandshake``'s: every connection with this has one behind the handler for TLS.
    ///
    /// - Parameters:
    ///   - trust: Who may vouch for the service.
    ///   - verifies: Whether anybody has to.
    package static func connecting(trusting trust: NIOSSLTrustRoots = .default, verifies: Bool = true)
        -> TLSConfiguration
    {
        var configuration = makeClientConfiguration()
        configuration.trustRoots = trust
        configuration.certificateVerification = verifies ? .noHostnameVerification : .none
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = forwardSecretCiphers
        return configuration
    }
}
#endif
