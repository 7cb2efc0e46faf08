#if Gateway
import HoldfastTLS

/// What a client speaks over its connection.
struct Transport {
    /// Whether the connection is under TLS.
    let isSecure: Bool
    /// Whether it speaks HTTP/2. Then a channel is one stream, and carries one request.
    let isHTTP2: Bool
    /// Who the client has shown to be; nil for nobody.
    var certificate: CertificateIdentity?

    /// What the service is told in `X-Forwarded-Proto`.
    var scheme: String { isSecure ? "https" : "http" }
}
#endif
