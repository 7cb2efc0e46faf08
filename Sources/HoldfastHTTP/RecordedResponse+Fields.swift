/// Which fields of a response a replay has. A field is on the list when it is as true the second time as the first, for
/// the same caller: it says what the body is, where the effect is to be found, or what a browser may do with the answer.
/// All the rest is left out, because nobody has shown that it is safe to say again; a route may add what it knows.
extension RecordedResponse {
    /// The fields that are replayed, in lower case.
    public static let replayableFields: Set<String> = aboutContent.union(aboutEffect).union(aboutUse).union(forBrowsers)

    /// What the body is (RFC 9110, sections 8 and 14; RFC 9530 for the digests).
    private static let aboutContent: Set<String> = [
        "accept-ranges", "cache-control", "content-digest", "content-disposition", "content-encoding",
        "content-language", "content-location", "content-md5", "content-range", "content-type", "digest", "etag",
        "expires", "last-modified", "repr-digest", "vary",
    ]

    /// Where the effect is to be found, and what the request was called.
    private static let aboutEffect: Set<String> = [
        "link", "location", "preference-applied", "request-id", "x-request-id",
    ]

    /// What can be asked instead, without which a 405 or a 415 is not whole (RFC 9110, sections 10.2.1 and 15.5.16), and
    /// how long there is something to ask.
    private static let aboutUse: Set<String> = [
        "accept", "accept-encoding", "accept-patch", "accept-post", "allow", "deprecation", "sunset",
    ]

    /// What a page may read of the answer, and what it may do with it. An `Access-Control-Allow-Origin` that names the
    /// first page's origin lets no other page read the replay, since a browser compares it with the origin that asks: so it
    /// goes out as it came, with the `Vary` beside it.
    private static let forBrowsers: Set<String> = [
        "access-control-allow-credentials", "access-control-allow-headers", "access-control-allow-methods",
        "access-control-allow-origin", "access-control-allow-private-network", "access-control-expose-headers",
        "access-control-max-age", "content-security-policy", "content-security-policy-report-only",
        "cross-origin-embedder-policy", "cross-origin-embedder-policy-report-only", "cross-origin-opener-policy",
        "cross-origin-opener-policy-report-only", "cross-origin-resource-policy", "origin-agent-cluster",
        "permissions-policy", "referrer-policy", "strict-transport-security", "timing-allow-origin",
        "x-content-type-options", "x-download-options", "x-frame-options", "x-permitted-cross-domain-policies",
        "x-robots-tag", "x-xss-protection",
    ]

    /// What no route can add: a session that would be handed to another, what belongs to one connection or frames one
    /// message, what speaks of the moment at which it was written, and what the gateway says itself.
    private static let never: Set<String> = [
        "age", "authentication-info", "content-length", "date", "idempotent-replayed", "proxy-authentication-info",
        "set-cookie", "set-cookie2", "via", "www-authenticate",
    ]

    /// Whether no route can have a field replayed.
    ///
    /// - Parameter name: In lower case.
    public static func isNeverReplayed(_ name: String) -> Bool {
        never.contains(name) || HopByHop.stays(name, named: []) || name.hasPrefix("holdfast-")
    }

    /// Whether a field is replayed, on a route that adds these.
    ///
    /// - Parameters:
    ///   - name: In lower case.
    ///   - more: In lower case.
    public static func isReplayed(_ name: String, adding more: Set<String>) -> Bool {
        replayableFields.contains(name) || (more.contains(name) && !isNeverReplayed(name))
    }

    /// Whether a field says something of the bytes that follow, so that it is false where none do.
    ///
    /// - Parameter name: In lower case.
    static func speaksOfContent(_ name: String) -> Bool {
        switch name {
        case "content-digest", "content-disposition", "content-encoding", "content-language", "content-md5",
            "content-range", "content-type", "digest":
            true
        default: false
        }
    }
}
