#if Gateway
/// What a client speaks over its connection.
struct Transport {
    /// Whether the connection is under TLS.
    let isSecure: Bool
    /// Whether it speaks HTTP/2. Then a channel is one stream, and carries one request.
    let isHTTP2: Bool

    /// What the service is told in `X-Forwarded-Proto`.
    var scheme: String { isSecure ? "https" : "http" }
}
#endif
